import type { ViewRow } from '../../../src/core/domain.ts';
import type { NewRecord } from '../../../src/ports/event-log.ts';

export const ORDERS = 'order_events';
export const PAYMENTS = 'payment_events';
export const TOPICS = [ORDERS, PAYMENTS] as const;

export const STATUSES = ['created', 'authorised', 'pending', 'accepted', 'declined'] as const;
export type Status = (typeof STATUSES)[number];

/** What one record says, as data, so that a history can be written down and made smaller. */
export interface RecordSpec {
  readonly order: number;
  /** `broken` stands for bytes that are no event; `minute` tells one from the other. */
  readonly status: Status | 'broken';
  /** When it happened. Of one order no two records with revisions have the same. */
  readonly minute: number;
  readonly revision?: number;
  /** An id by the source. The same one may stand for different contents. */
  readonly eventId?: string;
  /** A field that nobody reads: it makes another content of the same event. */
  readonly note?: number;
  /** Written with other spaces, so that the bytes differ and the content does not. */
  readonly isSpacedOut?: boolean;
  /** Written without a key. A program refuses it, unless it was told to accept such records. */
  readonly isKeyless?: boolean;
  /** The partition that a careless writer chose without regard to the key. */
  readonly stray?: number;
}

/** An event as the contract sees it. It shares no code with the product. */
export interface Fact {
  readonly order: string;
  /** Two records with the same one are the same event. */
  readonly content: string;
  readonly status: Status;
  readonly place: readonly [position: number, minute: number, caution: number];
  readonly isKeyless: boolean;
  readonly isPoison: boolean;
}

/** The note of an event that a program with a mistake cannot fold. */
export const POISON = 13;

export function isPoison(note: unknown): boolean {
  return note === POISON;
}

const PAYMENT_TEXTS: Readonly<Record<Exclude<Status, 'created'>, string>> = {
  authorised: 'PAYMENT_AUTHORIZED',
  pending: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
  accepted: 'AUTHORIZATION_REVIEW_ACCEPTED',
  declined: 'AUTHORIZATION_REVIEW_DECLINED',
};
const STAGES: Readonly<Record<Status, number>> = {
  created: 1,
  authorised: 2,
  pending: 2,
  accepted: 3,
  declined: 3,
};
const REVIEWS: Readonly<Partial<Record<Status, string>>> = {
  pending: 'PENDING',
  accepted: 'ACCEPTED',
  declined: 'DECLINED',
};
const FIRST_MS = Date.UTC(2025, 3, 5);

export function orderIdOf(order: number): string {
  return `order-${order}`;
}

/** The bytes of the record. */
export function recordOf(spec: RecordSpec): NewRecord {
  const { order, status, minute, isSpacedOut = false, isKeyless = false } = spec;
  const topic = topicOf(spec);
  const key = isKeyless ? null : Buffer.from(orderIdOf(order));
  if (status === 'broken')
    return { topic, key, value: Buffer.from(`{"eventType": broken ${minute}`), headers: [] };
  const body = bodyOf(spec);
  const text = isSpacedOut ? JSON.stringify(body, null, 1) : JSON.stringify(body);
  return { topic, key, value: Buffer.from(text), headers: [] };
}

export function topicOf({ status, minute }: RecordSpec): string {
  if (status === 'broken') return minute % 2 === 0 ? ORDERS : PAYMENTS;
  return status === 'created' ? ORDERS : PAYMENTS;
}

/** What the record means; null if it is no event. */
export function factOf(spec: RecordSpec): Fact | null {
  const { status, order, minute, revision, isKeyless = false } = spec;
  if (status === 'broken') return null;
  const caution = status === 'pending' || status === 'declined' ? 1 : 0;
  return {
    order: orderIdOf(order),
    content: JSON.stringify(bodyOf(spec)),
    status,
    place: [revision ?? STAGES[status], minute, caution],
    isKeyless,
    isPoison: isPoison(spec.note),
  };
}

function bodyOf({ status, order, minute, revision, eventId, note }: RecordSpec): Record<string, unknown> {
  const said =
    status === 'created'
      ? { eventType: 'ORDER', orderId: orderIdOf(order), orderStatus: 'CREATED' }
      : {
          eventType: 'PAYMENT',
          orderId: orderIdOf(order),
          paymentStatus: status === 'broken' ? null : PAYMENT_TEXTS[status],
        };
  return {
    ...said,
    timestamp: new Date(FIRST_MS + minute * 60_000).toISOString(),
    ...(revision === undefined ? {} : { revision }),
    ...(eventId === undefined ? {} : { eventId }),
    ...(note === undefined ? {} : { note }),
  };
}

/** The row of an order, worked out from its events one by one, in any sequence. */
export class ExpectedRow {
  #isCreated = false;
  #payment: Fact | null = null;
  #review: Fact | null = null;

  add(fact: Fact): void {
    if (fact.status === 'created') {
      this.#isCreated = true;
      return;
    }
    if (this.#payment === null || isBehind(fact, this.#payment)) this.#payment = fact;
    if (fact.status === 'authorised') return;
    if (this.#review === null || isBehind(fact, this.#review)) this.#review = fact;
  }

  copy(): ExpectedRow {
    const copy = new ExpectedRow();
    copy.#isCreated = this.#isCreated;
    copy.#payment = this.#payment;
    copy.#review = this.#review;
    return copy;
  }

  get values(): ViewRow {
    const payment = this.#payment?.status;
    const isPaid = payment === 'authorised' || payment === 'accepted';
    return [
      this.#isCreated ? 'CREATED' : null,
      payment === undefined || payment === 'created' ? null : PAYMENT_TEXTS[payment],
      this.#review === null ? null : (REVIEWS[this.#review.status] ?? null),
      this.#isCreated && isPaid,
    ];
  }
}

function isBehind(left: Fact, right: Fact): boolean {
  for (const [index, mine] of left.place.entries()) {
    const theirs = right.place[index] as number;
    if (mine !== theirs) return mine > theirs;
  }
  return false;
}
