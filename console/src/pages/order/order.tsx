import { Page } from '../../parts/page.tsx';

export default function Placeholder() {
  return <Page title="order">Not built yet.</Page>;
}
