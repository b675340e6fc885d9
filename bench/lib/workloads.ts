/** Records that differ from those of `drainWorkload` in who they are about. */
import { createHash } from 'node:crypto';
import { Random } from '../../test/checks/lib/random.ts';
import type { RawRecord, Topics } from '../../test/checks/oracle.ts';

export const ID_KINDS = ['rising', 'random'] as const;
export type IdKind = (typeof ID_KINDS)[number];

/** Ids of orders by their numbers: those of a source that counts, and those of a source that draws them. */
export function idsOf(kind: IdKind): (number: number) => string {
  if (kind === 'rising') return (number) => `order-${String(number).padStart(10, '0')}`;
  return (number) => createHash('md5').update(String(number)).digest('hex');
}

/** Creations of orders, and nothing else: each record is about another order. */
export function* creations(
  from: number,
  count: number,
  topics: Topics,
  idOf: (number: number) => string,
): Generator<RawRecord> {
  for (let number = from; number < from + count; number++)
    yield record(topics.order, { eventType: 'ORDER', orderId: idOf(number), orderStatus: 'CREATED' }, number);
}

export const SHARES = ['uniform', 'zipf', 'half'] as const;
/** Uniform: all orders alike. Zipf: the n-th order has a share of 1 / n^1.1. Half: one order has half of all events. */
export type Share = (typeof SHARES)[number];

const ORDERS = 100_000;
const ZIPF = 1.1;
/** Statuses that leave an order ready, so that exactly the orders with a payment are due in the end. */
const PAYMENTS = ['PAYMENT_AUTHORIZED', 'AUTHORIZATION_REVIEW_ACCEPTED'];

/** Payments of orders that are drawn by their share, one after the other in time. The first event of each order creates it. */
export function* sharedPayments(share: Share, events: number, topics: Topics): Generator<RawRecord> {
  const random = new Random(1);
  const draw = drawOf(share, random);
  const idOf = idsOf('random');
  const created = new Set<number>();
  for (let number = 0; number < events; number++) {
    const order = draw();
    const orderId = idOf(order);
    if (!created.has(order)) {
      created.add(order);
      yield record(topics.order, { eventType: 'ORDER', orderId, orderStatus: 'CREATED' }, number);
    } else {
      const paymentStatus = PAYMENTS[number % PAYMENTS.length];
      yield record(topics.payment, { eventType: 'PAYMENT', orderId, paymentStatus }, number);
    }
  }
}

function drawOf(share: Share, random: Random): () => number {
  if (share === 'uniform') return () => random.below(ORDERS);
  if (share === 'half') return () => (random.chance(0.5) ? 0 : random.below(ORDERS));
  let sum = 0;
  const sums = Float64Array.from({ length: ORDERS }, (_, index) => (sum += 1 / (index + 1) ** ZIPF));
  return () => {
    const wanted = random.next() * sum;
    let [low, high] = [0, ORDERS - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

const START_MS = Date.UTC(2025, 0, 1);

function record(topic: string, body: Readonly<Record<string, unknown>>, number: number): RawRecord {
  const timestamp = new Date(START_MS + number).toISOString();
  return {
    topic,
    key: Buffer.from(String(body.orderId)),
    value: Buffer.from(JSON.stringify({ ...body, timestamp })),
    headers: [],
  };
}
