import { Badge } from '../../parts/badge.tsx';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { OrderLink } from '../../parts/order-link.tsx';
import { latencyText } from '../../text/time.ts';
import { said } from '../../text/words.ts';
import type { Watched } from './publish.ts';

/** The events that this page has published, the latest first, and how far each is. */
export function WatchList({ watched }: { readonly watched: readonly Watched[] }) {
  if (watched.length === 0)
    return (
      <EmptyState title="Nothing sent yet.">
        What you send appears here, and you see it go through.
      </EmptyState>
    );
  return (
    <DataTable label="Events that you have sent" columns={COLUMNS} rows={watched} idOf={({ key }) => key} />
  );
}

const COLUMNS: readonly TableColumn<Watched>[] = [
  {
    id: 'order',
    header: said('Order'),
    isName: true,
    cell: ({ orderId }) => <OrderLink id={orderId} />,
  },
  { id: 'event', header: 'Event', cell: ({ words }) => words },
  { id: 'published', header: 'Published', cell: () => <Badge tone="good">yes</Badge> },
  {
    id: 'journaled',
    header: 'Journaled',
    cell: ({ journaledMs, end }) => <Stage ms={journaledMs} end={end} />,
  },
  {
    id: 'delivered',
    header: 'Targets are up to date',
    cell: ({ deliveredMs, end }) => <Stage ms={deliveredMs} end={end} />,
  },
];

function Stage({ ms, end }: { readonly ms: number | null; readonly end: string | null }) {
  if (ms !== null) return <Badge tone="good">after {latencyText(ms)}</Badge>;
  return end === null ? <Badge tone="info">waiting</Badge> : <Badge tone="warn">{end}</Badge>;
}
