import { Page } from '../../parts/page.tsx';

export default function Placeholder() {
  return <Page title="deliveries">Not built yet.</Page>;
}
