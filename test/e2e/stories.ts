import type { NewRecord } from '../../src/ports/event-log.ts';

/** An event of an order, as the test publishes it and folds it. */
interface OrderFact {
  readonly orderId: string;
  /** The status in the event. `CREATED` goes to the topic of orders, every other status to the topic of payments. */
  readonly status: string;
  readonly stage: number;
  readonly minute: number;
}

export interface ExpectedOrder {
  readonly order_id: string;
  readonly order_status: string | null;
  readonly payment_status: string | null;
  readonly review_status: string | null;
  readonly ready_to_send: boolean;
  readonly version: number;
}

const STORIES: readonly (readonly [status: string, stage: number, minute: number][])[] = [
  [
    ['CREATED', 1, 0],
    ['PAYMENT_AUTHORIZED', 2, 1],
  ],
  [
    ['CREATED', 1, 0],
    ['PAYMENT_AUTH_WITHPENDING_REVIEW', 2, 1],
    ['AUTHORIZATION_REVIEW_ACCEPTED', 3, 2],
  ],
  // The moments run backwards, so only the stages sort these events right.
  [
    ['CREATED', 1, 5],
    ['PAYMENT_AUTH_WITHPENDING_REVIEW', 2, 4],
    ['AUTHORIZATION_REVIEW_ACCEPTED', 3, 3],
  ],
  [
    ['CREATED', 1, 0],
    ['PAYMENT_AUTHORIZED', 2, 1],
    ['AUTHORIZATION_REVIEW_DECLINED', 3, 2],
  ],
  [
    ['CREATED', 1, 0],
    ['PAYMENT_AUTH_WITHPENDING_REVIEW', 2, 1],
    ['PAYMENT_AUTHORIZED', 2, 2],
  ],
  [['PAYMENT_AUTHORIZED', 2, 1]],
  [['CREATED', 1, 0]],
];

const REVIEWS: Readonly<Record<string, string>> = {
  PAYMENT_AUTH_WITHPENDING_REVIEW: 'PENDING',
  AUTHORIZATION_REVIEW_ACCEPTED: 'ACCEPTED',
  AUTHORIZATION_REVIEW_DECLINED: 'DECLINED',
};
const READY = new Set(['PAYMENT_AUTHORIZED', 'AUTHORIZATION_REVIEW_ACCEPTED']);

/**
 * Makes the events of `orders` orders, which take the stories in turn. `arrivals` holds them in a shuffled sequence that
 * is the same on every run, and every fifth event twice.
 */
export function publications(orders: number): { facts: OrderFact[]; arrivals: OrderFact[] } {
  const facts: OrderFact[] = [];
  for (let order = 0; order < orders; order++) {
    for (const [status, stage, minute] of STORIES[order % STORIES.length] ?? []) {
      facts.push({ orderId: `order-${order}`, status, stage, minute });
    }
  }
  const arrivals = [...facts, ...facts.filter((_, index) => index % 5 === 0)];
  let seed = 20_250_405;
  for (let index = arrivals.length - 1; index > 0; index--) {
    // This is Lehmer's generator with the multiplier of Park and Miller.
    seed = (seed * 48_271) % 2_147_483_647;
    const other = seed % (index + 1);
    [arrivals[index], arrivals[other]] = [arrivals[other] as OrderFact, arrivals[index] as OrderFact];
  }
  return { facts, arrivals };
}

export function recordOf(
  { orderId, status, minute }: OrderFact,
  topics: { orders: string; payments: string },
): NewRecord {
  const timestamp = new Date(Date.UTC(2025, 3, 5, 2, minute)).toISOString();
  const isOrder = status === 'CREATED';
  const body = isOrder
    ? { eventType: 'ORDER', orderId, orderStatus: status, timestamp }
    : { eventType: 'PAYMENT', orderId, paymentStatus: status, timestamp };
  return {
    topic: isOrder ? topics.orders : topics.payments,
    key: Buffer.from(orderId),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
}

/** Computes the final row of each order from its events, without the code under test. */
export function expectedOrders(facts: readonly OrderFact[]): ExpectedOrder[] {
  const byOrder = new Map<string, OrderFact[]>();
  for (const fact of facts) byOrder.set(fact.orderId, [...(byOrder.get(fact.orderId) ?? []), fact]);
  return [...byOrder].map(([orderId, history]) => {
    history.sort((a, b) => a.stage - b.stage || a.minute - b.minute);
    const payment = history.findLast(({ status }) => status !== 'CREATED')?.status ?? null;
    const review = history.findLast(({ status }) => status in REVIEWS)?.status;
    const isCreated = history.some(({ status }) => status === 'CREATED');
    return {
      order_id: orderId,
      order_status: isCreated ? 'CREATED' : null,
      payment_status: payment,
      review_status: review === undefined ? null : (REVIEWS[review] ?? null),
      ready_to_send: isCreated && payment !== null && READY.has(payment),
      version: history.length,
    };
  });
}
