import type { ViewColumn, ViewRow, ViewValue } from '../../core/domain.ts';
import { commonColumns } from '../../core/view-columns.ts';
import type { RowDifference, ViewState } from '../../ports/view-rebuild.ts';
import type { WalkCounts } from './places.ts';

/** At most this many entities of each kind are named in a report. */
const SAMPLES_MAX = 10;

/** What a rebuild would change, for a person who decides about the switch. */
export interface RebuildReport {
  readonly foldVersion: { readonly from: number; readonly to: number };
  readonly columns: { readonly added: readonly string[]; readonly removed: readonly string[] };
  readonly comparedAt: string;
  readonly rows: {
    /** The number of rows of the present table. */
    readonly compared: number;
    readonly equal: number;
    readonly different: number;
    /** The rows of entities that came while the rows waited for the rebuild, or while the new table was filled. */
    readonly waiting: number;
    /** The rows that only the new table has. */
    readonly added: number;
    /** The rows of entities that the journal does not have. They will be gone. */
    readonly removed: number;
  };
  /** The number of different rows by the name of the column. A row may differ in several. */
  readonly differentByColumn: Readonly<Record<string, number>>;
  readonly samples: readonly RebuildSample[];
  /** The number of states that would become due, by target. */
  readonly wouldBeDue: Readonly<Record<string, number>>;
  /** Entities that this program cannot fold. They keep the columns that they have. */
  readonly unfoldable: {
    readonly count: number;
    readonly samples: readonly { id: string; detail: string }[];
  };
}

export interface RebuildSample {
  readonly id: string;
  readonly version: number;
  readonly before: Readonly<Record<string, ViewValue>>;
  readonly after: Readonly<Record<string, ViewValue>> | null;
}

/** The changing form of a report, which a job keeps between its steps. */
export interface ReportCounts {
  equal: number;
  different: number;
  waiting: number;
  added: number;
  removed: number;
  byColumn: Record<string, number>;
  due: Record<string, number>;
  samples: RebuildSample[];
}

export function emptyCounts(): ReportCounts {
  return { equal: 0, different: 0, waiting: 0, added: 0, removed: 0, byColumn: {}, due: {}, samples: [] };
}

/**
 * Counts one difference. `journaled` has the entities that the journal has; `before` and `after` are the columns of the two
 * tables.
 */
export function countDifference(
  counts: ReportCounts,
  difference: RowDifference,
  journaled: ReadonlySet<string>,
  before: readonly ViewColumn[],
  after: readonly ViewColumn[],
): void {
  if (difference.before === null) {
    counts.added++;
    return;
  }
  if (difference.after === null ? journaled.has(difference.entityId) : isBlank(difference.before.row)) {
    counts.waiting++;
    return;
  }
  if (difference.after === null) counts.removed++;
  else {
    counts.different++;
    for (const name of changedColumns(difference.before.row, difference.after.row, before, after))
      counts.byColumn[name] = (counts.byColumn[name] ?? 0) + 1;
  }
  if (counts.samples.length >= SAMPLES_MAX) return;
  counts.samples.push({
    id: difference.entityId,
    version: difference.after?.version ?? difference.before.version,
    before: namedRow(difference.before.row, before),
    after: difference.after === null ? null : namedRow(difference.after.row, after),
  });
}

function isBlank(row: ViewRow): boolean {
  return row.every((value) => value === null || value === false);
}

/** The names of the columns that both rows have, and that differ. */
export function changedColumns(
  before: ViewRow,
  after: ViewRow,
  beforeColumns: readonly ViewColumn[],
  afterColumns: readonly ViewColumn[],
): string[] {
  return commonColumns(beforeColumns, afterColumns)
    .filter(({ left, right }) => before[left] !== after[right])
    .map(({ column }) => column.name);
}

function namedRow(row: ViewRow, columns: readonly ViewColumn[]): Record<string, ViewValue> {
  return Object.fromEntries(columns.map(({ name }, index) => [name, row[index] ?? null]));
}

/** The names of columns that only one of two tables has. */
export function columnChanges(
  before: readonly ViewColumn[],
  after: readonly ViewColumn[],
): RebuildReport['columns'] {
  const same = new Set(commonColumns(before, after).map(({ column }) => column.name));
  const others = (columns: readonly ViewColumn[]) =>
    columns.map(({ name }) => name).filter((name) => !same.has(name));
  return { added: others(after), removed: others(before) };
}

export function reportOf(
  { foldVersion, columns, rebuild }: ViewState,
  counts: ReportCounts,
  walked: WalkCounts,
  nowMs: number,
): RebuildReport {
  const { equal, different, waiting, added, removed } = counts;
  const compared = equal + different + waiting + removed;
  return {
    foldVersion: { from: foldVersion, to: rebuild?.foldVersion ?? foldVersion },
    columns: columnChanges(columns, rebuild?.columns ?? columns),
    comparedAt: new Date(nowMs).toISOString(),
    rows: { compared, equal, different, waiting, added, removed },
    differentByColumn: counts.byColumn,
    samples: counts.samples,
    wouldBeDue: counts.due,
    unfoldable: { count: walked.unfoldable, samples: walked.unfoldableSamples },
  };
}
