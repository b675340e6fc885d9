import { useMemo } from 'react';
import type { Explanation, OrderEvent } from '../../api/types.ts';
import { type TableColumn, TIME_IN_ONE_LINE } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { List } from '../../parts/list.tsx';
import { Time } from '../../parts/time.tsx';
import type { Pages } from '../../parts/use-pages.ts';
import { wordsOf } from '../../text/json.ts';
import { said } from '../../text/words.ts';
import { EventDialog } from './event-dialog.tsx';
import { EventMarks } from './event-marks.tsx';
import { eventWords } from './event-words.ts';
import { repeatsOf, type StreamedEvent } from './repeats.ts';

interface Props {
  readonly events: Pages<OrderEvent>;
  readonly explained: Explanation['events'];
  readonly streamed: readonly StreamedEvent[];
}

/** The events in the sequence of their arrival. */
export function EventsTable({ events, explained, streamed }: Props) {
  const changed = useMemo(
    () => new Map(explained.map((event) => [event.version, event.changed])),
    [explained],
  );
  const repeats = useMemo(() => repeatsOf(events.rows, streamed), [events.rows, streamed]);
  const columns = useMemo(() => columnsOf(changed, repeats), [changed, repeats]);
  return (
    <List
      label="Events"
      nouns={['event', 'events']}
      pages={events}
      columns={columns}
      idOf={({ version }) => String(version)}
      empty={<EmptyState title={said('The journal has no event of this order.')} />}
    />
  );
}

function columnsOf(
  changed: ReadonlyMap<number, readonly string[] | null>,
  repeats: ReadonlyMap<number, readonly string[]>,
): TableColumn<OrderEvent>[] {
  return [
    { id: 'version', header: 'Version', isNumber: true, cell: ({ version }) => version },
    {
      id: 'event',
      header: 'Event',
      isName: true,
      width: 22,
      cell: (event) => (
        <>
          {eventWords(event)} <EventMarks event={event} repeats={repeats.get(event.version) ?? []} />
        </>
      ),
    },
    {
      id: 'occurred',
      header: 'Happened',
      width: 22,
      cell: ({ occurredAt }) => <Time at={occurredAt} relative={false} />,
    },
    {
      id: 'journaled',
      header: 'Arrived',
      width: TIME_IN_ONE_LINE,
      cell: ({ journaledAt }) => <Time at={journaledAt} />,
    },
    {
      id: 'changed',
      header: 'Changed',
      width: 14,
      cell: ({ version }) => <Changed columns={changed.get(version) ?? []} />,
    },
    { id: 'raw', header: 'Record', width: 19, cell: (event) => <EventDialog event={event} /> },
  ];
}

function Changed({ columns }: { readonly columns: readonly string[] }) {
  if (columns.length === 0) return <span className="faint">–</span>;
  return (
    <ul className="lines">
      {columns.map((column) => (
        <li key={column}>{wordsOf(column)}</li>
      ))}
    </ul>
  );
}
