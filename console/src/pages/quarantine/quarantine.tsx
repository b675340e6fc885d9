import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { usePoll, useStatus } from '../../api/live.tsx';
import type { Quarantined, Status } from '../../api/types.ts';
import { useQueryState } from '../../location.ts';
import { Badge } from '../../parts/badge.tsx';
import { type TableColumn, TIME_IN_ONE_LINE } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Choice, Filters, TextFilter } from '../../parts/filters.tsx';
import { List } from '../../parts/list.tsx';
import { OrderLink } from '../../parts/order-link.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { UrlJobs } from '../../parts/url-jobs.tsx';
import { usePages } from '../../parts/use-pages.ts';
import { boundedText, countText, plural } from '../../text/numbers.ts';
import { DiscardRecords, RedriveRecords } from './actions.tsx';
import { QUARANTINE_FILTERS, quarantineFilter, recordHref, recordName } from './filters.ts';

const POLL_MS = 5_000;
const STATES = [
  ['open', 'open'],
  ['settled', 'settled'],
  ['all', 'all'],
] as const;

export default function Quarantine() {
  const [parameters, change] = useQueryState();
  const { data: status } = useStatus();
  const filter = useMemo(() => quarantineFilter(parameters), [parameters]);
  const state = parameters.get('state') ?? 'open';
  const query = { ...filter, state };
  const pages = usePages<Quarantined>(['quarantine', query], '/api/v1/quarantine', query, {
    every: usePoll(POLL_MS),
  });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const records = [...chosen].filter((name) => pages.rows.some((row) => recordName(row) === name));
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Page
      title="Quarantine"
      intro="Records that are no valid event, with their bytes. Nothing of them is lost: redrive them when the decoder takes them, or discard them with a reason."
    >
      <UrlJobs />
      <Groups
        quarantine={status?.quarantine ?? []}
        filter={filter}
        onChoose={(topic, reason) => change({ topic, reason })}
      />
      <QuarantineFilters state={state} filter={filter} onChange={change} />
      <Actions
        records={records}
        filter={filter}
        isEmpty={pages.rows.length === 0 || state === 'settled'}
        onDone={() => setChosen(new Set())}
      />
      <List
        label="Quarantined records"
        nouns={['record', 'records']}
        pages={pages}
        columns={state === 'open' ? OPEN_COLUMNS : COLUMNS}
        idOf={recordName}
        selection={{ ids: chosen, onChange: setChosen, mayChoose: ({ settled }) => settled === null }}
        empty={
          <EmptyState title={isFiltered ? 'No record matches.' : 'The quarantine is empty.'}>
            {isFiltered ? 'Take a filter away to see others.' : 'Every record that was read is an event.'}
          </EmptyState>
        }
      />
    </Page>
  );
}

function QuarantineFilters({
  state,
  filter,
  onChange,
}: {
  readonly state: string;
  readonly filter: Readonly<Record<string, string>>;
  readonly onChange: (changes: Readonly<Record<string, string | null>>) => void;
}) {
  return (
    <Filters
      label="Filters of the quarantine"
      isActive={Object.keys(filter).length > 0 || state !== 'open'}
      onClear={() => onChange(Object.fromEntries(QUARANTINE_FILTERS.map((name) => [name, null])))}
    >
      <Choice
        label="State"
        value={state}
        options={STATES}
        onChange={(value) => onChange({ state: value === 'open' ? null : value })}
      />
      {(['topic', 'reason', 'partition', 'since', 'before'] as const).map((name) => (
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

/** What can be done with the chosen records, and with all open ones that the filter matches. */
function Actions({
  records,
  filter,
  isEmpty,
  onDone,
}: {
  readonly records: readonly string[];
  readonly filter: Readonly<Record<string, string>>;
  readonly isEmpty: boolean;
  readonly onDone: () => void;
}) {
  const chosen = plural(records.length, 'chosen record');
  const all = Object.keys(filter).length > 0 ? 'all that match' : 'all open records';
  return (
    <div className="actions-bar">
      <RedriveRecords
        selection={{ records }}
        words={chosen}
        isDisabled={records.length === 0}
        onDone={onDone}
      />
      <RedriveRecords selection={{ filter }} words={all} isDisabled={isEmpty} />
      <DiscardRecords
        selection={{ records }}
        words={chosen}
        isDisabled={records.length === 0}
        onDone={onDone}
      />
      <DiscardRecords selection={{ filter }} words={all} isDisabled={isEmpty} />
    </div>
  );
}

const LABELS = {
  topic: 'Topic',
  reason: 'Reason',
  partition: 'Partition',
  since: 'Refused since',
  before: 'Refused before',
} as const;

const PLACEHOLDERS = {
  topic: 'order_events',
  reason: 'json_invalid',
  partition: '3',
  since: '2026-11-22T10:00:00Z',
  before: '2026-11-22T11:00:00Z',
} as const;

/** The groups that are shown at first, those with the most records. */
const GROUPS_SHOWN = 6;

/** The open records by reason. A choice sets the filters. */
function Groups({
  quarantine,
  filter,
  onChoose,
}: {
  readonly quarantine: Status['quarantine'];
  readonly filter: Readonly<Record<string, string>>;
  readonly onChoose: (topic: string | null, reason: string | null) => void;
}) {
  const [showsAll, setShowsAll] = useState(false);
  if (quarantine.length === 0) return null;
  const shown = showsAll ? quarantine : quarantine.slice(0, GROUPS_SHOWN);
  return (
    <fieldset className="groups">
      <legend className="field-label">Open records by reason</legend>
      {shown.map(({ topic, reason, records, isMore }) => {
        const isChosen = filter.topic === topic && filter.reason === reason;
        return (
          <button
            key={`${topic} ${reason}`}
            type="button"
            className="chip group"
            aria-pressed={isChosen}
            onClick={() => (isChosen ? onChoose(null, null) : onChoose(topic, reason))}
          >
            <code>{reason}</code>
            <span className="faint">{topic}</span>
            <span className="group-count">{boundedText({ count: records, isMore })}</span>
          </button>
        );
      })}
      {quarantine.length <= GROUPS_SHOWN ? null : (
        <button
          type="button"
          className="quiet"
          aria-expanded={showsAll}
          onClick={() => setShowsAll(!showsAll)}
        >
          {showsAll ? 'Fewer' : `All ${quarantine.length} reasons`}
        </button>
      )}
    </fieldset>
  );
}

const COLUMNS: readonly TableColumn<Quarantined>[] = [
  {
    id: 'record',
    header: 'Record',
    isName: true,
    width: 21,
    cell: (row) => (
      <Link href={recordHref(row)} className="id">
        {recordName(row)}
      </Link>
    ),
  },
  {
    id: 'key',
    header: 'Key',
    width: 12,
    cell: ({ keyText }) => (keyText === null ? <span className="faint">–</span> : <OrderLink id={keyText} />),
  },
  { id: 'reason', header: 'Reason', width: 15, cell: ({ reason }) => <code>{reason}</code> },
  { id: 'detail', header: 'Detail', isWide: true, cell: ({ detail }) => detail },
  {
    id: 'at',
    header: 'Refused',
    width: TIME_IN_ONE_LINE,
    cell: ({ quarantinedAt }) => <Time at={quarantinedAt} />,
  },
  { id: 'bytes', header: 'Bytes', isNumber: true, cell: ({ valueLength }) => countText(valueLength) },
  {
    id: 'settled',
    header: 'State',
    width: 11,
    cell: ({ settled }) =>
      settled === null ? (
        <Badge tone="warn">open</Badge>
      ) : (
        <span title={`${settled.by}: ${settled.reason}`}>
          <Badge tone={settled.as === 'redriven' ? 'good' : 'plain'}>{settled.as}</Badge>
        </span>
      ),
  },
];

/** In a list of open records the state says nothing. */
const OPEN_COLUMNS = COLUMNS.filter(({ id }) => id !== 'settled');
