import type { ViewRow } from '../core/domain.ts';
import type { DeliveryStatus } from './redrive.ts';

/** What the ledger says that a target has, to be compared with what it says itself. Works after `migrate`. */
export interface Reconciliation {
  /** A page of one target's ledger, in the sequence of the ids' bytes, beginning behind `after`; null: at the start. */
  listOwed(page: {
    readonly target: string;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<OwedState[]>;
  /**
   * Makes delivered states due once more, at the version that was delivered, so by the same delivery id; with no
   * attempts. What is pending or dead by now, or was delivered at another version since, is left alone. Resolves with
   * how many became due.
   */
  makeDueAgain(again: DueAgain): Promise<number>;
}

export interface DueAgain {
  readonly target: string;
  /** Each entity once. */
  readonly delivered: readonly { readonly entityId: string; readonly version: number }[];
}

export interface OwedState {
  readonly entityId: string;
  readonly status: DeliveryStatus;
  /** Null if the target never accepted a state of this entity. */
  readonly deliveredVersion: number | null;
  /** The view's row as it is: if the status is `delivered`, the one that was delivered. */
  readonly row: ViewRow;
}
