import { useMemo, useState } from 'react';
import { usePoll, useStatus } from '../../api/live.tsx';
import type { Delivery } from '../../api/types.ts';
import { useQueryState } from '../../location.ts';
import { type TableColumn, TIME_IN_TWO_LINES } from '../../parts/data-table.tsx';
import { DeliveryBadge } from '../../parts/delivery-badge.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Choice, Filters, TextFilter } from '../../parts/filters.tsx';
import { List } from '../../parts/list.tsx';
import { OrderLink } from '../../parts/order-link.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { UrlJobs } from '../../parts/url-jobs.tsx';
import { usePages } from '../../parts/use-pages.ts';
import { boundedText, countText } from '../../text/numbers.ts';
import { isOfOrders, said } from '../../text/words.ts';
import { CHOSEN_MAX, RedriveChosen, RedriveMatching } from './actions.tsx';
import { DELIVERY_FILTERS, deliveryFilter, deliveryName, reasonsOf } from './filters.ts';

const POLL_MS = 5_000;
const STATUSES = [
  ['', 'all'],
  ['pending', 'due'],
  ['delivered', 'delivered'],
  ['dead', 'dead'],
] as const;

export default function Deliveries() {
  const [parameters, change] = useQueryState();
  const { data: overview } = useStatus();
  const filter = useMemo(() => deliveryFilter(parameters), [parameters]);
  const status = parameters.get('status') ?? '';
  const isDead = status === 'dead';
  const query = { ...filter, status };
  const pages = usePages<Delivery>(['deliveries', query], '/api/v1/deliveries', query, {
    every: usePoll(POLL_MS),
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const chosenRows = pages.rows.filter((row) => chosen.has(deliveryName(row)) && row.status === 'dead');
  return (
    <Page
      title={isDead ? 'Dead letters' : 'Deliveries'}
      intro={said(
        isDead
          ? 'Deliveries that are not tried again by themselves. A newer state of the order makes them due again, and so does a redrive.'
          : 'The latest state of each order on its way to each target, with what the target said last.',
      )}
    >
      <UrlJobs />
      <Outboxes outboxes={overview?.outbox ?? []} onDead={(target) => change({ status: 'dead', target })} />
      <DeliveryFilters status={status} filter={filter} onChange={change} />
      {isDead ? (
        <>
          <Reasons rows={pages.rows} filter={filter} onChoose={change} />
          <div className="actions-bar">
            <RedriveChosen chosen={chosenRows} onDone={() => setChosen(new Set())} />
            <RedriveMatching filter={filter} isDisabled={pages.rows.length === 0} />
            {chosenRows.length > CHOSEN_MAX ? (
              <span className="faint">Choose at most {CHOSEN_MAX}, or redrive by a filter.</span>
            ) : null}
          </div>
        </>
      ) : null}
      <List
        label={isDead ? 'Dead letters' : 'Deliveries'}
        nouns={isDead ? ['dead letter', 'dead letters'] : ['delivery', 'deliveries']}
        pages={pages}
        columns={isDead ? DEAD_COLUMNS : COLUMNS}
        idOf={deliveryName}
        {...(isDead ? { selection: { ids: chosen, onChange: setChosen } } : {})}
        empty={
          <EmptyState title={isDead ? 'There are no dead letters.' : 'There is no such delivery.'}>
            {isDead
              ? 'Every delivery got through, or is tried again by itself.'
              : said('Orders that are ready become due.')}
          </EmptyState>
        }
      />
    </Page>
  );
}

function DeliveryFilters({
  status,
  filter,
  onChange,
}: {
  readonly status: string;
  readonly filter: Readonly<Record<string, string>>;
  readonly onChange: (changes: Readonly<Record<string, string | null>>) => void;
}) {
  return (
    <Filters
      label="Filters of deliveries"
      isActive={Object.keys(filter).length > 0 || status !== ''}
      onClear={() =>
        onChange(Object.fromEntries(['status', ...DELIVERY_FILTERS].map((name) => [name, null])))
      }
    >
      <Choice
        label="Status"
        value={status}
        options={STATUSES}
        onChange={(value) => onChange({ status: value })}
      />
      {DELIVERY_FILTERS.map((name) => (
        <TextFilter
          key={name}
          label={LABELS[name]}
          value={filter[name] ?? ''}
          placeholder={PLACEHOLDERS[name]}
          onChange={(value) => onChange({ [name]: value })}
        />
      ))}
    </Filters>
  );
}

const LABELS: Readonly<Record<(typeof DELIVERY_FILTERS)[number], string>> = {
  target: 'Target',
  entityId: said('Order id'),
  lastStatus: 'Last answer',
  error: 'Error begins with',
  dueSince: 'Due since',
  dueBefore: 'Due before',
};

const PLACEHOLDERS: Readonly<Record<(typeof DELIVERY_FILTERS)[number], string>> = {
  target: isOfOrders ? 'order-mgt' : 'target',
  entityId: isOfOrders ? 'order123' : 'ID',
  lastStatus: '422',
  error: 'connect',
  dueSince: '2026-11-22T10:00:00Z',
  dueBefore: '2026-11-22T11:00:00Z',
};

/** The counts of each target. */
function Outboxes({
  outboxes,
  onDead,
}: {
  readonly outboxes: NonNullable<ReturnType<typeof useStatus>['data']>['outbox'];
  readonly onDead: (target: string) => void;
}) {
  return (
    <ul className="groups">
      {outboxes.map(({ target, due, retries, dead }) => (
        <li key={target} className="row-actions">
          <strong>{target}</strong>
          <span>
            {boundedText(due)} due{retries.count > 0 ? `, ${boundedText(retries)} of them retries` : ''}
          </span>
          {dead.count === 0 ? (
            <span className="faint">none dead</span>
          ) : (
            <button type="button" className="chip" onClick={() => onDead(target)}>
              {boundedText(dead)} dead
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The dead letters that are loaded by reason. A choice sets the filters. */
function Reasons({
  rows,
  filter,
  onChoose,
}: {
  readonly rows: readonly Delivery[];
  readonly filter: Readonly<Record<string, string>>;
  readonly onChoose: (filter: Readonly<Record<string, string | null>>) => void;
}) {
  const reasons = reasonsOf(rows);
  if (reasons.length === 0) return null;
  return (
    <fieldset className="groups">
      <legend className="field-label">Loaded dead letters by reason</legend>
      {reasons.map(({ words, count, filter: own }) => {
        const isChosen =
          own.lastStatus === (filter.lastStatus ?? null) && own.error === (filter.error ?? null);
        return (
          <button
            key={words}
            type="button"
            className="chip group"
            aria-pressed={isChosen}
            onClick={() => onChoose(isChosen ? { lastStatus: null, error: null } : own)}
          >
            {words} <span className="group-count">{countText(count)}</span>
          </button>
        );
      })}
    </fieldset>
  );
}

const COLUMNS: readonly TableColumn<Delivery>[] = [
  {
    id: 'order',
    header: said('Order'),
    isName: true,
    width: 18,
    cell: ({ entityId }) => <OrderLink id={entityId} />,
  },
  { id: 'target', header: 'Target', width: 11, cell: ({ target }) => target },
  { id: 'status', header: 'Status', width: 14, cell: ({ status }) => <DeliveryBadge status={status} /> },
  {
    id: 'last',
    header: 'Last answer',
    isWide: true,
    width: 22,
    cell: ({ lastStatus, lastError, lastAnswer, status }) =>
      status === 'delivered'
        ? lastStatus
        : [lastError ?? lastStatus, lastAnswer].filter((part) => part !== null).join(' '),
  },
  { id: 'due', header: 'Due version', isNumber: true, width: 8, cell: ({ dueVersion }) => dueVersion },
  {
    id: 'delivered',
    header: 'Accepted',
    isNumber: true,
    width: 10,
    cell: ({ deliveredVersion }) => deliveredVersion ?? 'none',
  },
  { id: 'attempts', header: 'Attempts', isNumber: true, width: 10, cell: ({ attempts }) => attempts },
  {
    id: 'since',
    header: 'Due since',
    width: TIME_IN_TWO_LINES,
    cell: ({ dueSince }) => <Time at={dueSince} />,
  },
  {
    id: 'next',
    header: 'Next try',
    width: TIME_IN_TWO_LINES,
    cell: ({ nextAttemptAt }) =>
      nextAttemptAt === null ? <span className="faint">–</span> : <Time at={nextAttemptAt} />,
  },
];

/** Nothing that is dead is tried again by itself. */
const DEAD_COLUMNS = COLUMNS.filter(({ id }) => id !== 'next');
