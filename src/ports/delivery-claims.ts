import type { ViewRow } from '../core/domain.ts';
import type { DeliveryVerdict } from './delivery-target.ts';

export interface DeliveryClaims {
  /**
   * Takes up to `limit` deliveries of the target that are due, earliest first, for this claimant alone for `leaseMs`.
   * A claim that was neither settled nor renewed by then is due again. A first attempt is due as soon as it is
   * there, whatever any clock says; retries and leases go by the store's own time, which all instances share.
   */
  claimDeliveries(request: DeliveryClaimRequest): Promise<ClaimedDelivery[]>;
  /** Writes the attempts to the ledger and moves each delivery on. A claim that has passed on is only recorded. */
  settleDeliveries(settlements: readonly DeliverySettlement[]): Promise<void>;
  /**
   * Gives back what was claimed and was not sent: due again at once, the attempt not counted. A claim that has passed
   * on is left alone.
   */
  releaseDeliveries(deliveries: readonly ClaimedDelivery[]): Promise<void>;

  /** Prolongs claims that are under way: each is its claimant's for `leaseMs` from now, unless it has passed on. */
  renewDeliveries(deliveries: readonly ClaimedDelivery[], leaseMs: number): Promise<void>;
}

export interface DeliveryClaimRequest {
  readonly target: string;
  /** Names this claim; a name that is used again cannot tell the one claim from the other. */
  readonly claimant: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** `first`: only versions of which no attempt has failed. `later`: only the others. */
  readonly attempts: 'first' | 'later';
  /**
   * What stands before this delivery, which was claimed before, may be left out: to whoever claims one portion after
   * the other it spares going through all that it holds already. It is claimed again only without this.
   */
  readonly behind?: Pick<ClaimedDelivery, 'dueSinceMs' | 'entityId'>;
}

export interface ClaimedDelivery {
  readonly target: string;
  readonly entityId: string;
  /** The version whose state is due; the row is that state. */
  readonly version: number;
  readonly row: ViewRow;
  /** Of this version, this one included: from 1. */
  readonly attempt: number;
  /** Whether an attempt at this version has failed. A claim whose lease ran out is no failure. */
  readonly isRetry: boolean;
  readonly claimant: string;
  /** The digest of what the target holds under this version, if this delivery is to replace it; see `DeliveryRepair`. */
  readonly replaces?: string;
  /** Whether an earlier claim of the entity was never ended: what it sent may still be under way. */
  readonly isTakeover?: boolean;
  readonly dueSinceMs: number;
  /** The number of the ledger's row, if the store counts them: it finds the row by it when the claim ends. */
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
  /** `delivered`, `dead` (parked until somebody decides), or when to try again. */
  readonly next: 'delivered' | 'dead' | DeliveryRetry;
}

export interface DeliveryRetry {
  /** When the delivery is due again, in milliseconds. */
  readonly retryAtMs: number;
  /**
   * Whether the attempt counts against the delivery; it does if this is left out. One that does not is in the ledger
   * all the same, and the delivery's next attempt has the same number.
   */
  readonly isCounted?: boolean;
}
