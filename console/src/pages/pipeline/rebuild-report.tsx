import type { RebuildReport } from '../../../../src/pipeline/rebuild/report.ts';
import { DataTable, type TableColumn } from '../../parts/data-table.tsx';
import { OrderLink } from '../../parts/order-link.tsx';
import { wordsOf } from '../../text/json.ts';
import { countText } from '../../text/numbers.ts';
import { utcText } from '../../text/time.ts';
import { said } from '../../text/words.ts';

/** What a switch to the rebuilt table would change. */
export function Report({ report }: { readonly report: RebuildReport }) {
  const { rows, foldVersion, columns, differentByColumn, wouldBeDue, unfoldable, samples, comparedAt } =
    report;
  const counts = (values: Readonly<Record<string, number>>) =>
    Object.entries(values)
      .map(([name, count]) => `${wordsOf(name)} ${countText(count)}`)
      .join(', ') || 'none';
  return (
    <>
      <dl className="facts">
        <dt>Fold version</dt>
        <dd>
          {foldVersion.from} before, {foldVersion.to} after
        </dd>
        <dt>Compared</dt>
        <dd>{utcText(comparedAt)} UTC</dd>
        <dt>Rows</dt>
        <dd>{counts(rows)}</dd>
        <dt>Different by column</dt>
        <dd>{counts(differentByColumn)}</dd>
        <dt>Would be delivered</dt>
        <dd>{counts(wouldBeDue)}</dd>
        <dt>New and old columns</dt>
        <dd>
          new: {columns.added.join(', ') || 'none'}; gone: {columns.removed.join(', ') || 'none'}
        </dd>
        <dt>Cannot be folded</dt>
        <dd>
          {countText(unfoldable.count)}
          {unfoldable.samples.map(({ id, detail }) => (
            <p key={id}>
              <OrderLink id={id} />: {detail}
            </p>
          ))}
        </dd>
      </dl>
      {samples.length === 0 ? null : (
        <DataTable
          label="Examples of what differs"
          columns={SAMPLE_COLUMNS}
          rows={samples}
          idOf={({ id }) => id}
        />
      )}
    </>
  );
}

type Sample = RebuildReport['samples'][number];

const SAMPLE_COLUMNS: readonly TableColumn<Sample>[] = [
  {
    id: 'id',
    header: said('Order'),
    isName: true,
    cell: ({ id }) => <OrderLink id={id} />,
  },
  { id: 'version', header: 'Version', isNumber: true, cell: ({ version }) => version },
  {
    id: 'before',
    header: 'Before',
    isWide: true,
    cell: ({ before }) => <code>{JSON.stringify(before)}</code>,
  },
  {
    id: 'after',
    header: 'After',
    isWide: true,
    cell: ({ after }) => (after === null ? 'no row' : <code>{JSON.stringify(after)}</code>),
  },
];
