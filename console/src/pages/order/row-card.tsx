import type { Explanation, Value } from '../../api/types.ts';
import { Card } from '../../parts/card.tsx';
import { ValueCell } from '../../parts/value-cell.tsx';
import { wordsOf } from '../../text/json.ts';
import { utcText } from '../../text/time.ts';

/** The row of the view, and the event that decided each value. */
export function RowCard({ explanation }: { readonly explanation: Explanation }) {
  const { columns, row, version } = explanation;
  return (
    <Card title={`The row, version ${version}`}>
      {row === null ? (
        <p className="faint">The view has no row of this order.</p>
      ) : (
        <dl className="row-values">
          {columns.map(({ column, value, decidedBy }) => (
            <Fact
              key={column}
              column={column}
              value={value}
              by={
                decidedBy === null
                  ? null
                  : `version ${decidedBy.version}, ${utcText(decidedBy.occurredAt ?? '')}`
              }
            />
          ))}
        </dl>
      )}
      {explanation.parked === null ? null : (
        <p className="warning">
          Parked: {explanation.parked.detail} Its events are journaled, and its row does not change.
        </p>
      )}
      {explanation.rowDiffersFromJournal ? (
        <p className="warning">The row is not what follows from the journal. The comparison puts it right.</p>
      ) : null}
      {explanation.waitsForRebuild ? (
        <p className="warning">Row and deliveries stay as they are until a rebuild.</p>
      ) : null}
    </Card>
  );
}

function Fact({
  column,
  value,
  by,
}: {
  readonly column: string;
  readonly value: Value;
  readonly by: string | null;
}) {
  return (
    <div>
      <dt>{wordsOf(column)}</dt>
      <dd>
        <ValueCell column={column} value={value} />
        {by === null ? null : <p className="faint decided">by {by}</p>}
      </dd>
    </div>
  );
}
