import { useMemo } from 'react';
import type { Explanation, OrderEvent } from '../../api/types.ts';
import type { TableColumn } from '../../parts/data-table.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { List } from '../../parts/list.tsx';
import { Time } from '../../parts/time.tsx';
import type { Pages } from '../../parts/use-pages.ts';
import { wordsOf } from '../../text/json.ts';
import { EventDialog } from './event-dialog.tsx';
import { EventMarks } from './event-marks.tsx';
import { eventWords } from './event-words.ts';

interface Props {
  readonly events: Pages<OrderEvent>;
  readonly explained: Explanation['events'];
}

/** The events in the sequence of their arrival. */
export function EventsTable({ events, explained }: Props) {
  const changed = useMemo(
    () => new Map(explained.map((event) => [event.version, event.changed])),
    [explained],
  );
  const columns = useMemo(() => columnsOf(changed), [changed]);
  return (
    <List
      label="Events"
      noun="events"
      pages={events}
      columns={columns}
      idOf={({ version }) => String(version)}
      empty={<EmptyState title="The journal has no event of this order." />}
    />
  );
}

function columnsOf(changed: ReadonlyMap<number, readonly string[] | null>): TableColumn<OrderEvent>[] {
  return [
    { id: 'version', header: 'Version', isNumber: true, cell: ({ version }) => version },
    { id: 'event', header: 'Event', isName: true, cell: (event) => eventWords(event) },
    { id: 'marks', header: 'Marks', cell: (event) => <EventMarks event={event} /> },
    {
      id: 'occurred',
      header: 'Happened',
      cell: ({ occurredAt }) => <Time at={occurredAt} relative={false} />,
    },
    { id: 'journaled', header: 'Arrived', cell: ({ journaledAt }) => <Time at={journaledAt} /> },
    { id: 'place', header: 'Place', isNumber: true, cell: ({ place }) => place ?? '–' },
    {
      id: 'changed',
      header: 'Changed',
      cell: ({ version }) =>
        changed.get(version)?.map(wordsOf).join(', ') || <span className="faint">–</span>,
    },
    { id: 'raw', header: 'Record', cell: (event) => <EventDialog event={event} /> },
  ];
}
