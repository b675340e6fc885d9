import { useStatusHistory } from '../../api/live.tsx';
import type { PartitionStatus, Status } from '../../api/types.ts';
import { Badge } from '../../parts/badge.tsx';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Sparkline } from '../../parts/sparkline.tsx';
import { countText } from '../../text/numbers.ts';
import { spanText } from '../../text/time.ts';
import { Halts } from './halts.tsx';
import { PauseButton } from './pause-button.tsx';

/** Each partition: how far behind it is, who reads it, and what keeps it from being read. */
export function Partitions({ status }: { readonly status: Status }) {
  const halted = status.partitions.filter(({ haltReason }) => haltReason !== null);
  if (status.partitions.length === 0)
    return (
      <EmptyState title="No partition is known.">
        {status.log.reason ?? status.store.reason ?? 'The log has none of the topics that are read.'}
      </EmptyState>
    );
  return (
    <>
      {halted.length === 0 ? null : <Halts halted={halted} />}
      <DataTable label="Partitions" columns={COLUMNS} rows={status.partitions} idOf={({ name }) => name} />
    </>
  );
}

const COLUMNS: readonly TableColumn<PartitionStatus>[] = [
  { id: 'name', header: 'Partition', isName: true, cell: ({ name }) => <span className="id">{name}</span> },
  { id: 'state', header: 'State', cell: (partition) => <PartitionState partition={partition} /> },
  {
    id: 'seconds',
    header: 'Lag',
    isNumber: true,
    cell: ({ lagSeconds, lagUnknown }) => (lagSeconds === null ? (lagUnknown ?? '?') : spanText(lagSeconds)),
  },
  {
    id: 'messages',
    header: 'Records to read',
    isNumber: true,
    cell: ({ lagMessages }) => (lagMessages === null ? '?' : countText(lagMessages)),
  },
  { id: 'trend', header: 'Trend', cell: ({ name }) => <Trend name={name} /> },
  {
    id: 'next',
    header: 'Next offset',
    isNumber: true,
    cell: ({ nextOffset }) => nextOffset ?? 'not begun',
  },
  { id: 'end', header: 'End', isNumber: true, cell: ({ logEndOffset }) => logEndOffset ?? '?' },
  {
    id: 'owner',
    header: 'Instance',
    cell: ({ isOwnedHere }) =>
      isOwnedHere === null ? 'not known' : isOwnedHere ? 'this one' : 'another, or none',
  },
  { id: 'epoch', header: 'Epoch', isNumber: true, cell: ({ epoch }) => epoch ?? '–' },
  {
    id: 'pause',
    header: 'Pause',
    cell: ({ name, topic, partition, hold }) =>
      hold === null ? (
        <PauseButton part={{ kind: 'partition', topic, partition }} name={`partition ${name}`} />
      ) : null,
  },
];

function PartitionState({ partition }: { readonly partition: PartitionStatus }) {
  const { haltReason, hold, lagUnknown, waitsForTransaction } = partition;
  if (haltReason !== null) return <Badge tone="bad">halted</Badge>;
  if (hold !== null)
    return (
      <span title={hold}>
        <Badge tone="warn">paused</Badge>
      </span>
    );
  if (waitsForTransaction !== null)
    return (
      <span title={`A transaction of ${waitsForTransaction.transactionalId ?? 'a producer'} is open.`}>
        <Badge tone="warn">{countText(waitsForTransaction.records)} in a transaction</Badge>
      </span>
    );
  return lagUnknown === null ? <Badge tone="good">read</Badge> : <Badge tone="warn">not known</Badge>;
}

const TREND_SAMPLES = 120;

/** The records to read of one partition in the last minutes, as long as this page has been open. */
function Trend({ name }: { readonly name: string }) {
  const history = useStatusHistory();
  const values = history
    .slice(-TREND_SAMPLES)
    .map(({ partitions }) => partitions.get(name)?.lagMessages ?? 0);
  const [first = 0, last = 0] = [values[0], values.at(-1)];
  if (values.length < 2) return <span className="faint">…</span>;
  const words = first === last ? 'steady' : last > first ? 'growing' : 'falling';
  return (
    <span className="trend">
      <Sparkline values={values} label={`Records to read: ${words}, now ${last}`} />
      {words === 'steady' ? null : <span className="faint">{words}</span>}
    </span>
  );
}
