import type { QuarantineCount } from './quarantine.ts';
import type { SweepResult } from './sweeps.ts';

export interface StoreOverviews {
  /**
   * Reads how much waits in the store, along indexes. Every count ends at `COUNT_MAX` or a little above, so that the answer
   * comes within 100 ms or so, however many rows the store has.
   */
  readOverview(question: OverviewQuestion): Promise<StoreOverview>;
}

/** Counting ends here: 100,000 entries of an index are counted in some 20 ms. */
export const COUNT_MAX = 100_000;

export interface OverviewQuestion {
  readonly targets: readonly string[];
  /** The caller's time, by which a store ages deliveries that has no clock of its own. */
  readonly nowMs: number;
  /** Default: `COUNT_MAX`. All counts of one kind share it, such as those of all targets. */
  readonly countMax?: number;
}

/** A count, and whether counting ended before the last one. */
export interface BoundedCount {
  readonly count: number;
  readonly isMore: boolean;
}

export interface StoreOverview {
  /** One for each target that was asked for, in that sequence. */
  readonly outboxes: readonly OutboxOverview[];
  /** By topic and reason, the largest first. */
  readonly quarantined: readonly (QuarantineCount & Pick<BoundedCount, 'isMore'>)[];
  readonly parked: BoundedCount;
}

export interface OutboxOverview {
  readonly target: string;
  /** States that are due and have not failed yet. */
  readonly first: BoundedCount;
  /** States of which an attempt has failed, and that will be tried again. */
  readonly retries: BoundedCount;
  readonly dead: BoundedCount;
  /** The time since the longest waiting state became due; null if none is due. */
  readonly oldestAgeMs: number | null;
  /** Whether older states may wait among the retries, of which only the next 1,000 are looked at. */
  readonly mayBeOlder: boolean;
  /** The last failure of the state that is tried again next; null if none has failed. */
  readonly lastFailure: { readonly status: number | null; readonly error: string | null } | null;
  /** The result of the last sweep; null if none has ended. */
  readonly lastSweep: SweepResult | null;
}
