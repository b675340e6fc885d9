import { Page } from '../../parts/page.tsx';

export default function Placeholder() {
  return <Page title="try">Not built yet.</Page>;
}
