import { useEffect, useMemo } from 'react';
import { Link } from 'wouter';
import { usePoll } from '../../api/live.tsx';
import type { Decision } from '../../api/types.ts';
import { useQueryState } from '../../location.ts';
import { type TableColumn, TIME_IN_TWO_LINES } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Filters, TextFilter } from '../../parts/filters.tsx';
import { List } from '../../parts/list.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { usePages } from '../../parts/use-pages.ts';
import { wordsOf } from '../../text/json.ts';
import { matchesDecision } from './matches.ts';

const POLL_MS = 10_000;
/** The page filters what it has loaded, so it loads this many decisions before it says that there is none. */
const LOOKED_AT = 2_000;

export default function Audit() {
  const [parameters, change] = useQueryState();
  const find = parameters.get('find') ?? '';
  const pages = usePages<Decision>(['audit'], '/api/v1/audit', {}, { every: usePoll(POLL_MS), limit: 200 });
  const { rows, hasMore, isLoadingMore, loadMore } = pages;
  const found = useMemo(() => rows.filter((decision) => matchesDecision(decision, find)), [rows, find]);
  const looksFurther = find !== '' && found.length < 20 && hasMore && rows.length < LOOKED_AT;
  useEffect(() => {
    if (looksFurther && !isLoadingMore) loadMore();
  }, [looksFurther, isLoadingMore, loadMore]);
  return (
    <Page
      title="Audit log"
      intro="Who decided what and why, the newest first. Nothing is ever taken out of it."
    >
      <Filters label="Filter of decisions" isActive={find !== ''} onClear={() => change({ find: null })}>
        <TextFilter
          label="Find"
          type="search"
          value={find}
          placeholder="order_events/1, resumed, a name"
          onChange={(value) => change({ find: value })}
        />
      </Filters>
      <List
        label="Decisions"
        nouns={['decision', 'decisions']}
        pages={{ ...pages, rows: found }}
        columns={COLUMNS}
        idOf={({ id }) => id}
        empty={
          <EmptyState
            title={find === '' ? 'Nobody has decided anything yet.' : 'No decision has these words.'}
          >
            Decisions about halts, pauses, redrives and rebuilds stand here.
          </EmptyState>
        }
      />
    </Page>
  );
}

const COLUMNS: readonly TableColumn<Decision>[] = [
  { id: 'at', header: 'When', width: TIME_IN_TWO_LINES, cell: ({ decidedAt }) => <Time at={decidedAt} /> },
  { id: 'action', header: 'Decision', isName: true, width: 14, cell: ({ action }) => wordsOf(action) },
  {
    id: 'subject',
    header: 'About',
    width: 25,
    cell: ({ action, subject }) => <Subject action={action} subject={subject} />,
  },
  { id: 'reason', header: 'Reason', isWide: true, width: 21, cell: ({ reason }) => reason },
  { id: 'by', header: 'By', width: 12, cell: ({ decidedBy }) => decidedBy },
  { id: 'details', header: 'Details', width: 28, cell: ({ details }) => <Details details={details} /> },
];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function Subject({ action, subject }: Pick<Decision, 'action' | 'subject'>) {
  if (UUID.test(subject) && !action.startsWith('rebuild'))
    return (
      <Link href={`/jobs/${subject}`} className="id">
        job {subject.slice(0, 8)}
      </Link>
    );
  return (
    <span className="id" title={subject}>
      {subject}
    </span>
  );
}

function Details({ details }: Pick<Decision, 'details'>) {
  const entries = Object.entries(details).filter(([, value]) => value !== null);
  if (entries.length === 0) return <span className="faint">–</span>;
  return (
    <ul className="details">
      {entries.map(([name, value]) => (
        <li key={name}>
          {wordsOf(name)}: <code>{detailText(value)}</code>
        </li>
      ))}
    </ul>
  );
}

/** A value in few words: the members of an object by their names. */
function detailText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  return Object.entries(value)
    .filter(([, member]) => member !== null)
    .map(([name, member]) => `${wordsOf(name)} ${detailText(member)}`)
    .join(', ');
}
