import { Page } from '../../parts/page.tsx';

export default function Placeholder() {
  return <Page title="settings">Not built yet.</Page>;
}
