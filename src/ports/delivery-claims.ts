import type { ViewRow } from '../core/domain.ts';
import type { TraceContext } from '../core/trace-context.ts';
import type { DeliveryVerdict } from './delivery-target.ts';

/**
 * Claims due deliveries for one sender, and ends the claims. The ledger has one row for each target and entity:
 *
 *   (no row) --due--> pending --claim--> claimed --settle--> delivered | dead | pending (again, later)
 *
 * A state that becomes due while an older one is claimed waits until that claim ends, so that the states of one entity
 * are sent one after the other. A row is never removed: every later change of the entity is due to the target.
 */
export interface DeliveryClaims {
  /**
   * Claims up to `limit` due deliveries of the target, the earliest first, for this claimant alone for `leaseMs`. A
   * claim that is neither settled nor renewed by then may be claimed by others. First attempts are due at once and no
   * clock is asked; retries and leases go by the store's own time, which all instances share.
   */
  claimDeliveries(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]>;
  /**
   * Records the attempts in the ledger and moves each delivery on. If another claimant has the delivery by now, the
   * attempt is recorded and only the delivered version may rise. So it is after the store went back to a time before the
   * claim, and then the delivered version rises to the due one at most.
   */
  settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void>;
  /**
   * Gives back claims whose deliveries were not sent. They are due again at once, and their attempts are not counted.
   * Leaves a delivery alone that another claimant has by now.
   */
  releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void>;

  /** Prolongs claims to `leaseMs` from now. Leaves a delivery alone that another claimant has by now. */
  renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void>;
}

export interface DeliveryClaimRequest {
  readonly target: string;
  /** The name of this claim. Every claim needs a new name, because the store tells claims apart by it. */
  readonly claimant: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** `first`: claims only deliveries whose due version has no failed attempt. `later`: claims only the others. */
  readonly attempts: 'first' | 'later';
  /** Optional cursor: skip rows before this delivery, which the caller has already claimed. */
  readonly behind?: Pick<ClaimedDelivery, 'dueSinceMs' | 'entityId'>;
}

export interface ClaimedDelivery {
  readonly target: string;
  readonly entityId: string;
  /** The version that is due; `row` is its state. */
  readonly version: number;
  readonly row: ViewRow;
  /** The number of this attempt at the version, from 1. */
  readonly attempt: number;
  /** Whether an attempt at this version has failed. A claim whose lease ended without a settlement is no failure. */
  readonly isRetry: boolean;
  readonly claimant: string;
  /**
   * The digest of the state that the target holds under this version and has to give up for this one. See
   * `DeliveryRepair`.
   */
  readonly replaces?: string;
  /**
   * Whether an earlier claim of the entity was never settled, so that a request of its claimant may still be under way.
   */
  readonly isTakeover?: boolean;
  /** The trace of the last event that made the version due, if that event has one. */
  readonly trace?: TraceContext;
  readonly dueSinceMs: number;
  /**
   * The number of the delivery's row in the ledger, by which the store finds it when the claim ends; null if the store
   * finds rows by target and entity id.
   */
  readonly deliveryNumber: number | null;
}

export interface DeliverySettlement {
  readonly delivery: ClaimedDelivery;
  readonly deliveryId: string;
  readonly attemptedAtMs: number;
  readonly verdict: DeliveryVerdict;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly answer: string;
  readonly error: string | null;
  /** `delivered`, `dead` (an operator has to decide), or the time of the next attempt. */
  readonly next: 'delivered' | 'dead' | DeliveryRetry;
}

export interface DeliveryRetry {
  /** When the delivery is due again, in milliseconds. */
  readonly retryAtMs: number;
  /**
   * Whether the attempt counts towards the most attempts of the delivery; default true. An attempt that does not count
   * is in the ledger too, and the next attempt has the same number.
   */
  readonly isCounted?: boolean;
}
