import type { OrderState } from './order-state.ts';

/**
 * The durable memory of the target. `receive` is its one verb: all of a batch in one transaction, delivery ids
 * and effects together, and on disk when it resolves. Several processes may use one database at once. `close`
 * may be called twice.
 *
 * Deliveries are kept in the sequence of their receipt, numbered in the transaction that takes them, and
 * transactions become visible in the sequence of their numbers: whoever has read the changes up to a position has
 * missed none. A repair is the receipt of its delivery anew.
 */
export interface OrderStates {
  /**
   * Takes the deliveries in the sequence given, and says what came of each:
   * a new id with a version above the held one is applied, and so is a repair that names the held state of its
   * version; any other new id with an older or equal version is recorded and ignored; a known id changes nothing, unless the row is not what that delivery left: then it is repaired
   * (see effect.ts). Rejects with a TributaryError; then the same deliveries may be given again, whatever became
   * of the first try, because their ids are known if it was committed.
   */
  receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]>;
  /** The state as last committed, or null. */
  read(orderId: string): Promise<OrderState | null>;
  /**
   * The next states after an id, in the sequence of the ids' UTF-8 bytes. With filters no more than
   * `SCANNED_ROWS_MAX` rows are looked at, so a page may be short, even empty, with more to come.
   */
  list(query: ListQuery): Promise<ListPage>;
  /**
   * The next changes after a position, in their sequence; of an order changed several times, only the latest.
   * No more than `SCANNED_ROWS_MAX` deliveries are looked at, so there may be none while there are more to come.
   */
  changesAfter(receiptNumber: number, limit: number): Promise<ChangePage>;
  /** Of the last delivery that was received; 0 before the first. */
  lastReceiptNumber(): Promise<number>;
  /** Whether the store answers; else what is wrong, in one sentence. */
  health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  close(): Promise<void>;
}

export interface ReceivedDelivery {
  readonly deliveryId: string;
  readonly state: OrderState;
  /** For a repair: the digest of the state of the same version that it replaces. */
  readonly replaces?: string | null;
  readonly receivedAtMs: number;
}

export interface Receipt {
  readonly effect: Effect;
  /** The version that is held now; null if the order is not known (after `payload_differs` of another order). */
  readonly heldVersion: number | null;
}

/**
 * `repaired`: a duplicate whose row was lost or altered, and is right again.
 * `payload_differs`: the id is known with another state, so one of the two is not what the id stands for.
 */
export type Effect = 'applied' | 'ignored' | 'duplicate' | 'repaired' | 'payload_differs';

export interface ListQuery {
  /** Null: from the first. */
  readonly after: string | null;
  readonly limit: number;
  readonly filters: ListFilters;
}

/** A status of null matches the rows that have none; what is left out matches every row. */
export interface ListFilters {
  readonly order_id?: string;
  readonly order_status?: string | null;
  readonly payment_status?: string | null;
  readonly review_status?: string | null;
  readonly ready_to_send?: boolean;
}

export interface ListPage {
  readonly states: readonly OrderState[];
  /** The id to go on after, or null at the end. */
  readonly next: string | null;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** Where to go on after; the same as was asked for if there was nothing more to look at. */
  readonly receiptNumber: number;
}

export interface Change {
  readonly receiptNumber: number;
  readonly state: OrderState;
}

/**
 * How many rows one page of a filtered list, or of the changes, may look at. No index serves the filters, since
 * each would cost every delivery.
 */
export const SCANNED_ROWS_MAX = 10_000;
