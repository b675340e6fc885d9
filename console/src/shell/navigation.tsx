import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { usePathname } from 'wouter/use-browser-location';
import { useAccess } from '../api/access.ts';
import { useStatus } from '../api/live.tsx';
import type { Status } from '../api/types.ts';
import { boundedText, countText } from '../text/numbers.ts';
import { said } from '../text/words.ts';

const PAGES: readonly (readonly [path: string, title: string])[] = [
  ['/', 'Home'],
  ['/orders', said('Orders')],
  ['/pipeline', 'Pipeline'],
  ['/deliveries', 'Deliveries'],
  ['/quarantine', 'Quarantine'],
  ['/jobs', 'Jobs'],
  ['/audit', 'Audit log'],
  ['/try', 'Try it'],
  ['/settings', 'Settings'],
];

/** The links to all pages: a column beside the page, and on a narrow screen behind a button. */
export function Navigation() {
  const path = usePathname();
  const { data } = useStatus();
  const access = useAccess();
  const [isOpen, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the menu
  useEffect(() => setOpen(false), [path]);
  const here = PAGES.find(([page]) => isIn(page, path))?.[1] ?? 'Pages';
  return (
    <div className="navigation">
      <button
        type="button"
        className="navigation-button"
        aria-expanded={isOpen}
        aria-controls="pages"
        onClick={() => setOpen(!isOpen)}
      >
        <span aria-hidden="true">☰</span> {here}
      </button>
      <nav id="pages" aria-label="Pages" className={isOpen ? 'pages pages-open' : 'pages'}>
        <ul>
          {PAGES.filter(([page]) => page !== '/try' || access?.tryIt !== false).map(([page, title]) => (
            <li key={page}>
              <Link href={page} className="page-link" aria-current={isIn(page, path) ? 'page' : undefined}>
                {title}
                <Count {...countFor(page, data)} />
              </Link>
            </li>
          ))}
        </ul>
      </nav>
    </div>
  );
}

function Count({ text = '', words = '' }: { readonly text?: string; readonly words?: string }) {
  if (text === '') return null;
  return (
    <span className="page-count">
      {text}
      <span className="visually-hidden"> {words}</span>
    </span>
  );
}

function isIn(page: string, path: string): boolean {
  return page === '/' ? path === '/' : path === page || path.startsWith(`${page}/`);
}

function countFor(page: string, status: Status | undefined) {
  if (status === undefined) return {};
  if (page === '/quarantine') {
    const records = status.quarantine.reduce((sum, each) => sum + each.records, 0);
    return records === 0 ? {} : { text: countText(records), words: 'open records' };
  }
  if (page === '/deliveries') {
    const count = status.outbox.reduce((sum, { dead }) => sum + dead.count, 0);
    const isMore = status.outbox.some(({ dead }) => dead.isMore);
    return count === 0 ? {} : { text: boundedText({ count, isMore }), words: 'dead letters' };
  }
  if (page !== '/pipeline') return {};
  const halted = status.partitions.filter(({ haltReason }) => haltReason !== null).length;
  return halted === 0 ? {} : { text: countText(halted), words: 'halted partitions' };
}
