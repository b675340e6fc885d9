import type { RebuildReport } from '../../pipeline/rebuild/report.ts';
import type { ViewState } from '../../ports/view-rebuild.ts';

/** The record of the view as the HTTP API and the commands show it. */
export function rebuildJson({ phase, foldVersion, awaitedFold, rebuild }: ViewState): object {
  return {
    phase,
    foldVersion,
    awaitedFoldVersion: awaitedFold,
    rebuild:
      rebuild === null
        ? null
        : { id: rebuild.rebuildId, foldVersion: rebuild.foldVersion, report: rebuild.report },
  };
}

/** A report as lines for people. */
export function reportLines(report: RebuildReport): string[] {
  const { rows, foldVersion, columns, differentByColumn, wouldBeDue, unfoldable, samples } = report;
  const counts = (values: Readonly<Record<string, number>>) =>
    Object.entries(values)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  return [
    `Fold version ${foldVersion.from} -> ${foldVersion.to}, compared at ${report.comparedAt}.`,
    ...(columns.added.length > 0 ? [`New columns: ${columns.added.join(', ')}.`] : []),
    ...(columns.removed.length > 0 ? [`Columns that go: ${columns.removed.join(', ')}.`] : []),
    `Rows: ${rows.compared} compared, ${rows.equal} equal, ${rows.different} different, ${rows.waiting} that wait for their columns, ${rows.added} new, ${rows.removed} without a journal.`,
    `Different by column: ${counts(differentByColumn)}.`,
    `Would be delivered: ${counts(wouldBeDue)}.`,
    ...(unfoldable.count > 0
      ? [
          `Cannot be folded, and keep their columns: ${unfoldable.count}, such as ${unfoldable.samples.map(({ id }) => JSON.stringify(id)).join(', ')}.`,
        ]
      : []),
    ...samples.map(
      ({ id, version, before, after }) =>
        `  ${JSON.stringify(id)} version ${version}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`,
    ),
  ];
}
