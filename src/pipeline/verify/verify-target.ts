import type { Verdict } from '../reconcile/comparison.ts';
import {
  type ReconciledDifference,
  type ReconcileOptions,
  type ReconcileReport,
  reconcile,
} from '../reconcile/reconcile.ts';

/** The counts of the comparison with a target so far. JSON can hold them. */
export interface TargetCounts {
  readonly compared: number;
  readonly inFlight: number;
  readonly dead: number;
  /** By verdict, the differences that were found. */
  readonly found: Readonly<Partial<Record<Verdict, number>>>;
  readonly differences: number;
  /** The deliveries that became due. */
  readonly madeDue: number;
  /** The differences that were gone when their portion ended. */
  readonly repaired: number;
}

export const NOTHING_COMPARED: TargetCounts = {
  compared: 0,
  inFlight: 0,
  dead: 0,
  found: {},
  differences: 0,
  madeDue: 0,
  repaired: 0,
};

/** The entities behind `after`, up to and with `through`; null stands for the start and the end. */
export interface EntityRange {
  readonly after: string | null;
  readonly through: string | null;
}

/** The most differences that are in memory and under way at once. */
const PORTION = 1_000;

/**
 * Compares what a target holds with the ledger, range by range, and heals what differs if `heals`. Calls `onPortion` with the
 * differences of each portion and the counts so far. Resolves early if the signal aborts.
 */
export async function verifyTarget(
  options: Omit<ReconcileOptions, 'limit' | 'after' | 'through'>,
  ranges: readonly EntityRange[],
  onPortion: (counts: TargetCounts, differences: readonly ReconciledDifference[]) => Promise<void> | void,
  signal: AbortSignal,
): Promise<TargetCounts> {
  let counts = NOTHING_COMPARED;
  for (const range of ranges) {
    for (let { after } = range; !signal.aborted; ) {
      const report = await reconcile({ ...options, ...range, after, limit: PORTION }, signal);
      counts = addReport(counts, report);
      await onPortion(counts, report.differences);
      if (report.isComplete || signal.aborted) break;
      after = report.reached;
    }
  }
  return counts;
}

export function addReport(counts: TargetCounts, report: ReconcileReport): TargetCounts {
  const found: Partial<Record<Verdict, number>> = { ...counts.found };
  for (const { verdict } of report.differences) found[verdict] = (found[verdict] ?? 0) + 1;
  return {
    compared: counts.compared + report.compared,
    inFlight: counts.inFlight + report.inFlight,
    dead: counts.dead + report.dead,
    found,
    differences: counts.differences + report.differences.length,
    madeDue: counts.madeDue + report.madeDue,
    repaired: counts.repaired + report.healed,
  };
}
