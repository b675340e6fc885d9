import { Page } from '../../parts/page.tsx';

export default function Placeholder() {
  return <Page title="pipeline">Not built yet.</Page>;
}
