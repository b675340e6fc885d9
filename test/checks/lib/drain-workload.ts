import type { RawRecord, Topics } from '../oracle.ts';

/**
 * Makes events in the original's form, without ids or headers, of about 120 bytes each. Of ten orders seven are
 * authorised without a review, two after an accepted review, and one is declined, so 100 events belong to 43 or 44
 * orders. The payment of an order comes some hundred records after its creation. `idOf` makes the id of an order from its number.
 */
export function* drainWorkload(events: number, topics: Topics, idOf: IdOf = risingId): Generator<RawRecord> {
  const overlap = 200;
  let given = 0;
  for (let step = 0; given < events; step++) {
    for (const record of [
      created(step, topics, idOf),
      step >= overlap ? first(step - overlap, topics, idOf) : null,
      step >= 2 * overlap ? second(step - 2 * overlap, topics, idOf) : null,
    ]) {
      if (record === null) continue;
      if (given++ === events) return;
      yield record;
    }
  }
}

const START_MS = Date.UTC(2025, 0, 1);

function risingId(number: number): string {
  return `order-${String(number).padStart(8, '0')}`;
}

type IdOf = (number: number) => string;

function created(number: number, topics: Topics, idOf: IdOf): RawRecord {
  return write(topics.order, 'ORDER', number, 'orderStatus', 'CREATED', 0, idOf);
}

function first(number: number, topics: Topics, idOf: IdOf): RawRecord {
  const status = number % 10 < 7 ? 'PAYMENT_AUTHORIZED' : 'PAYMENT_AUTH_WITHPENDING_REVIEW';
  return write(topics.payment, 'PAYMENT', number, 'paymentStatus', status, 1_000, idOf);
}

function second(number: number, topics: Topics, idOf: IdOf): RawRecord | null {
  if (number % 10 < 7) return null;
  const status = number % 10 < 9 ? 'AUTHORIZATION_REVIEW_ACCEPTED' : 'AUTHORIZATION_REVIEW_DECLINED';
  return write(topics.payment, 'PAYMENT', number, 'paymentStatus', status, 2_000, idOf);
}

function write(
  topic: string,
  eventType: string,
  number: number,
  statusField: string,
  status: string,
  laterMs: number,
  idOf: IdOf,
): RawRecord {
  const orderId = idOf(number);
  const timestamp = new Date(START_MS + number * 20 + laterMs).toISOString();
  const value = JSON.stringify({ eventType, orderId, [statusField]: status, timestamp });
  return { topic, key: Buffer.from(orderId), value: Buffer.from(value), headers: [] };
}
