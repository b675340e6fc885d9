import type { ViewRow } from '../core/domain.ts';
import type { DeliveryStatus } from './ledger.ts';

/** Compares the ledger with what a target says that it holds, and makes due what the target lost. */
export interface Reconciliation {
  /**
   * A page of one target's ledger, sorted by the bytes of the entity ids, beginning behind `after`; null begins at the
   * start.
   */
  listOwed(page: {
    readonly target: string;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<OwedState[]>;
  /**
   * Makes delivered states due once more, with the version and delivery id that they had, and with no attempts. Leaves
   * a delivery alone that is pending or dead, or was delivered with another version since. Resolves with the number of
   * deliveries that became due.
   */
  makeDueAgain(again: DueAgain): Promise<number>;
  /**
   * Makes states of the view due that the ledger does not know, because the store was restored from an older backup.
   * Adds an entity to the ledger that it lacks. Makes a delivery due again that died, or whose delivered version is
   * older than the one that the target holds. Leaves an entity alone that has changed since `repairs` was worked out.
   * Resolves with the number of deliveries that became due.
   */
  makeRepairsDue(repairs: RepairsDue): Promise<number>;
}

export interface DueAgain {
  readonly target: string;
  /** Nothing becomes due if the view has another epoch by now. Default: any epoch. */
  readonly viewEpoch?: number;
  /** Names each entity once. */
  readonly delivered: readonly { readonly entityId: string; readonly version: number }[];
}

export interface RepairsDue {
  readonly target: string;
  /** As in `DueAgain`. */
  readonly viewEpoch?: number;
  /** Names each entity once. */
  readonly repairs: readonly DeliveryRepair[];
}

export interface DeliveryRepair {
  readonly entityId: string;
  /**
   * How ledger, view and target differ.
   *
   * - `unrecorded`: the view has the entity at `version`, and the ledger lacks it.
   * - `behind`: the view has the entity at `version`, and the target holds a later version than the one in the ledger
   *   that was delivered or is dead.
   * - `dead`: the delivery died at `version`.
   */
  readonly was: 'unrecorded' | 'behind' | 'dead';
  readonly version: number;
  /** The version that the target holds: `version` or an older one. */
  readonly heldVersion: number;
  /** The digest of what the target holds, if it holds `version` with other content; else null. */
  readonly replaces: string | null;
}

export interface OwedState {
  readonly entityId: string;
  readonly status: DeliveryStatus;
  /** The version that became due last. */
  readonly dueVersion: number;
  /** The version that the target accepted last; null if it never accepted one. */
  readonly deliveredVersion: number | null;
  /** The version in the view. It is higher than `dueVersion` if later events changed no column. */
  readonly viewVersion: number;
  /**
   * The row in the view. It is the state of the due version, and of the delivered version if the status is `delivered`.
   */
  readonly row: ViewRow;
}
