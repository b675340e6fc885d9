import type { DeliveryVerdict } from './delivery-target.ts';

/** Looking into the ledger of deliveries, without changing it. */
export interface DeliveryInspection {
  readDelivery(target: string, entityId: string): Promise<StoredDelivery | null>;
  /** A page by target and entity id, each by its bytes, beginning behind `after`. */
  listDeliveries(page: {
    readonly filter: DeliveryFilter;
    readonly after: DeliveryKey | null;
    readonly limit: number;
  }): Promise<StoredDelivery[]>;
  /** The latest attempts of one delivery, the last one first. */
  readAttempts(key: DeliveryKey, limit: number): Promise<StoredAttempt[]>;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'dead';

export interface DeliveryKey {
  readonly target: string;
  readonly entityId: string;
}

/** What is null does not restrict. */
export interface DeliveryFilter {
  readonly target: string | null;
  readonly entityId: string | null;
  readonly status: DeliveryStatus | null;
  /** The status of the last answer. */
  readonly lastStatus: number | null;
  /** How the last error begins, case and all. */
  readonly errorPrefix: string | null;
  /** The bounds of `dueSinceMs`: the first is inside, the second is not. */
  readonly dueSinceFromMs: number | null;
  readonly dueSinceBeforeMs: number | null;
}

export interface StoredDelivery extends DeliveryKey {
  readonly status: DeliveryStatus;
  readonly dueVersion: number;
  readonly deliveredVersion: number | null;
  readonly attempts: number;
  /** When it may be claimed next, at the end of a lease for one that is claimed; null if nothing is to be done. */
  readonly nextAttemptAtMs: number | null;
  readonly dueSinceMs: number;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
}

export interface StoredAttempt {
  readonly version: number;
  readonly attempt: number;
  readonly attemptedAtMs: number;
  readonly deliveryId: string;
  readonly verdict: DeliveryVerdict;
  readonly status: number | null;
  readonly latencyMs: number;
  readonly answer: string;
  readonly error: string | null;
}
