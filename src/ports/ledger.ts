import type { DeliveryVerdict } from './delivery-target.ts';

/** Reads the ledger of deliveries. */
export interface DeliveryInspection {
  readDelivery(target: string, entityId: string): Promise<StoredDelivery | null>;
  /** A page of deliveries, sorted by target and entity id, each by its bytes, beginning behind `after`. */
  listDeliveries(page: {
    readonly filter: DeliveryFilter;
    readonly after: DeliveryKey | null;
    readonly limit: number;
  }): Promise<StoredDelivery[]>;
  /**
   * A page of deliveries as by `listDeliveries`, for which the store goes through at most about `lookMax` deliveries,
   * whether they match or not. So the page may have fewer than `limit` deliveries, or none, while more follow.
   */
  pageDeliveries(page: {
    readonly filter: DeliveryFilter;
    readonly after: DeliveryKey | null;
    readonly limit: number;
    readonly lookMax: number;
  }): Promise<DeliveryPage>;
  /** The latest attempts of one delivery, the last one first. */
  readAttempts(key: DeliveryKey, limit: number): Promise<StoredAttempt[]>;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'dead';

export interface DeliveryKey {
  readonly target: string;
  readonly entityId: string;
}

/** Selects deliveries. A field that is null selects all. */
export interface DeliveryFilter {
  readonly target: string | null;
  readonly entityId: string | null;
  readonly status: DeliveryStatus | null;
  /** The status of the last answer. */
  readonly lastStatus: number | null;
  /** The beginning of the last error, compared with regard to case. */
  readonly errorPrefix: string | null;
  /** The earliest `dueSinceMs`; `dueSinceBeforeMs` is the moment before which it has to lie. */
  readonly dueSinceFromMs: number | null;
  readonly dueSinceBeforeMs: number | null;
}

export interface DeliveryPage {
  readonly deliveries: readonly StoredDelivery[];
  /** The next page begins behind this one; null after the last page. */
  readonly next: DeliveryKey | null;
}

export interface StoredDelivery extends DeliveryKey {
  readonly status: DeliveryStatus;
  readonly dueVersion: number;
  readonly deliveredVersion: number | null;
  readonly attempts: number;
  /**
   * When the delivery may be claimed next, which for a claimed one is the end of its lease; null if there is nothing to
   * do.
   */
  readonly nextAttemptAtMs: number | null;
  readonly dueSinceMs: number;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  /** The first bytes of the last answer, of a dead delivery alone: the attempts of every other one tell it. */
  readonly lastAnswer: string | null;
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
