import { Page } from '../../parts/page.tsx';

export default function Placeholder() {
  return <Page title="jobs">Not built yet.</Page>;
}
