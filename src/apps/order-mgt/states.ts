import type { OrderState } from './order-state.ts';

/**
 * The durable memory of the target. Several processes may use one database at once.
 *
 * Each transaction numbers the deliveries that it takes, and transactions become visible in the sequence of these receipt
 * numbers. So a reader that has seen the changes up to a number has missed none. A repair gives its delivery a new number,
 * behind all others.
 */
export interface OrderStates {
  /**
   * Takes all deliveries in one transaction, in the sequence given. Resolves with one receipt for each, once ids and effects
   * are on disk.
   *
   * - A new id with a version above the held one is applied. So is a repair that names the held state of its version.
   * - Any other new id is recorded and ignored.
   * - A known id changes nothing. If the row is no longer what that delivery left, it is repaired (effect.ts).
   *
   * Rejects with a TributaryError. Then the caller may give the same deliveries again: if the first try was committed, their
   * ids are known.
   */
  receive(deliveries: readonly ReceivedDelivery[]): Promise<Receipt[]>;
  /** The last committed state, or null if none was received. */
  read(orderId: string): Promise<OrderState | null>;
  /**
   * The next states after an id, in the sequence of the ids' UTF-8 bytes. A query with filters looks at no more than
   * `SCANNED_ROWS_MAX` rows, so its page may be short or even empty while more states follow.
   */
  list(query: ListQuery): Promise<ListPage>;
  /**
   * The next changes after a receipt number, in the sequence of these numbers. An order that changed several times shows its
   * last change alone. The page looks at no more than `SCANNED_ROWS_MAX` deliveries, so it may be empty while more changes
   * follow.
   */
  changesAfter(receiptNumber: number, limit: number): Promise<ChangePage>;
  /** The number of the last receipt, or 0 before the first. */
  lastReceiptNumber(): Promise<number>;
  /** Whether the store answers. `reason` says in one sentence what is wrong. */
  health(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface ReceivedDelivery {
  readonly deliveryId: string;
  readonly state: OrderState;
  /** In a repair: the digest of the state of the same version that this state replaces. */
  readonly replaces?: string | null;
  readonly receivedAtMs: number;
}

export interface Receipt {
  readonly effect: Effect;
  /** The version that is held now. Null if no state of the order is held, which happens after `payload_differs`. */
  readonly heldVersion: number | null;
}

/**
 * - `applied`: the state is held now.
 * - `ignored`: a later or equal version is held, and nothing changed.
 * - `duplicate`: the id was known with this state, and nothing changed.
 * - `repaired`: the id was known with this state, but its row was lost or altered; the state is held again.
 * - `payload_differs`: the id was known with another state, and nothing changed. One of the two states is wrong.
 */
export type Effect = 'applied' | 'ignored' | 'duplicate' | 'repaired' | 'payload_differs';

export interface ListQuery {
  /** The id that the page begins after. Null begins at the first id. */
  readonly after: string | null;
  readonly limit: number;
  readonly filters: ListFilters;
}

/** A status of null matches the rows without a status. A filter that is left out matches every row. */
export interface ListFilters {
  readonly order_id?: string;
  readonly order_status?: string | null;
  readonly payment_status?: string | null;
  readonly review_status?: string | null;
  readonly ready_to_send?: boolean;
}

export interface ListPage {
  readonly states: readonly OrderState[];
  /** The id that the next page begins after, or null at the end. */
  readonly next: string | null;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** The number that the next page begins after. It is the number asked for if there was nothing more to look at. */
  readonly receiptNumber: number;
}

export interface Change {
  readonly receiptNumber: number;
  readonly state: OrderState;
}

/**
 * The most rows that one page of a filtered list or of the changes looks at. The filters have no index, because an index
 * would cost every delivery.
 */
export const SCANNED_ROWS_MAX = 10_000;
