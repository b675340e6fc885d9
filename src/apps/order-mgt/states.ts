import type { OrderState } from './order-state.ts';

/**
 * The durable memory of the target. `receive` is its one verb: all of a batch in one transaction, delivery ids
 * and effects together, and on disk when it resolves. `close` may be called twice.
 */
export interface OrderStates {
  /**
   * Takes the deliveries in the sequence given, and says what came of each:
   * a new id with a version above the held one is applied; a new id with an older or equal version is recorded
   * and ignored; a known id changes nothing. Rejects with a TributaryError; then nothing was changed.
   */
  receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]>;
  /** The state as last committed, or null. */
  read(orderId: string): Promise<OrderState | null>;
  /** Whether the store answers; else what is wrong, in one sentence. */
  health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  close(): Promise<void>;
}

export interface ReceivedDelivery {
  readonly deliveryId: string;
  readonly state: OrderState;
  readonly receivedAtMs: number;
}

/** `payload_differs`: the id is known with another state, so one of the two is not what the id stands for. */
export interface Receipt {
  readonly effect: 'applied' | 'ignored' | 'duplicate' | 'payload_differs';
  /** The version that is held now; null if the order is not known (after `payload_differs` of another order). */
  readonly heldVersion: number | null;
}
