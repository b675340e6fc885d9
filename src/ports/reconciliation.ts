import type { ViewRow } from '../core/domain.ts';
import type { DeliveryStatus } from './ledger.ts';

/** What the ledger says that a target has, to be compared with what it says itself. */
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
  /**
   * Makes the view's states due where the ledger knows nothing of what the target holds, because the store was
   * restored from an older state: an entity that is not in the ledger is put into it, and a delivery that died, or is
   * older than what the target holds, is due again. What has moved on since it was looked at is left alone. Resolves with how many became due.
   */
  makeRepairsDue(repairs: RepairsDue): Promise<number>;
}

export interface DueAgain {
  readonly target: string;
  /** Each entity once. */
  readonly delivered: readonly { readonly entityId: string; readonly version: number }[];
}

export interface RepairsDue {
  readonly target: string;
  /** Each entity once. */
  readonly repairs: readonly DeliveryRepair[];
}

export interface DeliveryRepair {
  readonly entityId: string;
  /**
   * `unrecorded`: the view has the entity at `version`, the ledger has not. `behind`: the view has it at `version`, and
   * what the ledger says was delivered is older than what the target holds. `dead`: its delivery died at `version`.
   */
  readonly was: 'unrecorded' | 'behind' | 'dead';
  readonly version: number;
  /** The version that the target holds: `version`, or an older one. */
  readonly heldVersion: number;
  /** If the target holds `version` with other content: the digest of what it holds. */
  readonly replaces: string | null;
}

export interface OwedState {
  readonly entityId: string;
  readonly status: DeliveryStatus;
  /** The version that was made due last. */
  readonly dueVersion: number;
  /** Null if the target never accepted a state of this entity. */
  readonly deliveredVersion: number | null;
  /** The view's version: later than the one that was made due last if nothing but the version changed since. */
  readonly viewVersion: number;
  /** The view's row as it is: that of the due version, and so if the status is `delivered` the one that was delivered. */
  readonly row: ViewRow;
}
