import { useMemo } from 'react';
import type { OrderDiff, OrderState } from '../../api/types.ts';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { ValueCell } from '../../parts/value-cell.tsx';
import { wordsOf } from '../../text/json.ts';
import { plural } from '../../text/numbers.ts';

type Column = OrderState['columns'][number];

/** The values of a state, each with the event that decided it and, where it differs, the value before. */
export function StateTable({
  state,
  diff,
}: {
  readonly state: OrderState;
  readonly diff: OrderDiff | undefined;
}) {
  const before = useMemo(() => new Map(diff?.columns.map(({ column, from }) => [column, from])), [diff]);
  const columns = useMemo(() => columnsOf(before), [before]);
  return (
    <>
      <p>{state.explanation}</p>
      <p className="travel-words" role="status">
        {wordsOfState(state)} {diff === undefined ? '' : wordsOfDiff(diff)}
      </p>
      <DataTable
        label="State at this moment"
        columns={columns}
        rows={state.columns}
        idOf={({ column }) => column}
        classOf={({ column }) => (before.has(column) ? 'changed' : '')}
      />
    </>
  );
}

function wordsOfState({ events, versions, ready }: OrderState): string {
  if (events === 0) return 'No event counts here.';
  const which = versions === null || versions.length > 20 ? '' : `: ${versions.join(', ')}`;
  return `${plural(events, 'event')} ${events === 1 ? 'counts' : 'count'}${which}. ${ready ? 'Ready' : 'Not ready'}.`;
}

function wordsOfDiff({ columns, added, removed }: OrderDiff): string {
  const names = (events: OrderDiff['added']) => events.map(({ version }) => version).join(', ');
  const facts = [
    added.length > 0 ? `version ${names(added)} came` : '',
    removed.length > 0 ? `version ${names(removed)} went` : '',
    columns.length > 0 ? `${plural(columns.length, 'value')} changed` : 'no value changed',
  ];
  return `Since the moment before: ${facts.filter((fact) => fact !== '').join('; ')}.`;
}

function columnsOf(before: ReadonlyMap<string, Column['value']>): TableColumn<Column>[] {
  return [
    { id: 'column', header: 'Column', isName: true, cell: ({ column }) => wordsOf(column) },
    {
      id: 'value',
      header: 'Value here',
      cell: ({ column, value }) => <ValueCell column={column} value={value} />,
    },
    {
      id: 'before',
      header: 'Before',
      cell: ({ column }) => {
        const value = before.get(column);
        return value === undefined ? (
          <span className="faint">the same</span>
        ) : (
          <ValueCell column={column} value={value} />
        );
      },
    },
    {
      id: 'by',
      header: 'Decided by',
      cell: ({ decidedBy }) =>
        decidedBy === null ? (
          <span className="faint">–</span>
        ) : (
          `version ${decidedBy.version}, ${decidedBy.eventType}`
        ),
    },
  ];
}
