import { describe, expect, it } from 'vitest';
import { Malformed, Oracle, type RawRecord, readFact } from './oracle.ts';

const topics = { order: 'order_events', payment: 'payment_events' };

function record(body: unknown, overrides: Partial<RawRecord> = {}): RawRecord {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const isOrder = text.includes('"ORDER"');
  return {
    topic: isOrder ? topics.order : topics.payment,
    key: Buffer.from('order123'),
    value: Buffer.from(text),
    headers: [],
    ...overrides,
  };
}

const created = (more: object = {}) =>
  record({
    eventType: 'ORDER',
    orderId: 'order123',
    orderStatus: 'CREATED',
    timestamp: '2025-04-05T02:26:30.265Z',
    ...more,
  });

const payment = (paymentStatus: string, timestamp: string, more: object = {}) =>
  record({ eventType: 'PAYMENT', orderId: 'order123', paymentStatus, timestamp, ...more });

const authorized = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:31.265Z');
const pending = payment('PAYMENT_AUTH_WITHPENDING_REVIEW', '2025-04-05T02:26:32.265Z');
const accepted = payment('AUTHORIZATION_REVIEW_ACCEPTED', '2025-04-05T02:26:30.265Z');
const declined = payment('AUTHORIZATION_REVIEW_DECLINED', '2025-04-05T02:26:30.265Z');

function rowOf(...records: RawRecord[]) {
  const oracle = new Oracle(topics);
  for (const each of records) expect(oracle.add(each)).not.toBeNull();
  const row = oracle.expectedOrder('order123');
  if (row === undefined) throw new Error('no row');
  return [row.orderStatus, row.paymentStatus, row.reviewStatus, row.readyToSend, row.version];
}

describe('the fold, by the hand-worked examples of the contract', () => {
  it('reads the misspelt status as an authorised payment', () => {
    const misspelt = payment('PAYMENT_AUHTORIZED', '2025-04-05T02:26:31.265Z');
    expect(rowOf(created(), misspelt)).toEqual(['CREATED', 'PAYMENT_AUTHORIZED', null, true, 2]);
  });

  it('puts the acceptance after the pending review although its moment is earlier', () => {
    const row = ['CREATED', 'AUTHORIZATION_REVIEW_ACCEPTED', 'ACCEPTED', true, 3];
    expect(rowOf(created(), pending, accepted)).toEqual(row);
    expect(rowOf(accepted, pending, created())).toEqual(row);
  });

  it('makes a row without an order status for a payment before its order', () => {
    expect(rowOf(authorized)).toEqual([null, 'PAYMENT_AUTHORIZED', null, false, 1]);
    expect(rowOf(authorized, created())).toEqual(['CREATED', 'PAYMENT_AUTHORIZED', null, true, 2]);
  });

  it('lets the declined review win over the accepted one of the same moment', () => {
    expect(rowOf(created(), declined, accepted)).toEqual([
      'CREATED',
      'AUTHORIZATION_REVIEW_DECLINED',
      'DECLINED',
      false,
      3,
    ]);
  });

  it('lets the pending review win over the authorisation of the same moment, whatever their ids', () => {
    const moment = '2025-04-05T02:26:31.265Z';
    const plain = payment('PAYMENT_AUTHORIZED', moment, { eventId: 'zz' });
    const cautious = payment('PAYMENT_AUTH_WITHPENDING_REVIEW', moment, { eventId: 'aa' });
    expect(rowOf(created(), cautious, plain)[1]).toBe('PAYMENT_AUTH_WITHPENDING_REVIEW');
  });

  it('keeps the review status at a plain authorisation', () => {
    const later = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:33.265Z');
    expect(rowOf(created(), pending, later)).toEqual(['CREATED', 'PAYMENT_AUTHORIZED', 'PENDING', true, 3]);
  });

  it('sorts by the revision instead of the stage', () => {
    const second = payment('AUTHORIZATION_REVIEW_DECLINED', '2025-01-01T00:00:09Z', { revision: 4 });
    const third = payment('PAYMENT_AUTHORIZED', '2025-01-01T00:00:01Z', { revision: 5 });
    expect(rowOf(created({ revision: 1 }), third, second)).toEqual([
      'CREATED',
      'PAYMENT_AUTHORIZED',
      'DECLINED',
      true,
      3,
    ]);
  });

  it('compares a revision with the stage of an event that has none', () => {
    const revised = payment('PAYMENT_AUTHORIZED', '2025-12-31T00:00:00Z', { revision: 1 });
    expect(rowOf(created(), revised, pending)[1]).toBe('PAYMENT_AUTH_WITHPENDING_REVIEW');
    const late = payment('PAYMENT_AUTHORIZED', '2020-01-01T00:00:00Z', { revision: 3 });
    expect(rowOf(created(), late, pending)[1]).toBe('PAYMENT_AUTHORIZED');
  });

  it('converts the moment from its zone', () => {
    // 02:26 in +05:00 is 21:26 of the day before in UTC, so the pending review at 22:00 is later.
    const early = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:40+05:00');
    const late = payment('PAYMENT_AUTH_WITHPENDING_REVIEW', '2025-04-04T22:00:00Z');
    expect(rowOf(late, early)[1]).toBe('PAYMENT_AUTH_WITHPENDING_REVIEW');
  });

  it('throws if the contract leaves the sequence open', () => {
    const moment = '2025-04-05T02:26:31.265Z';
    const first = payment('PAYMENT_AUTHORIZED', moment, { revision: 2 });
    const second = payment('AUTHORIZATION_REVIEW_ACCEPTED', moment, { revision: 2 });
    expect(() => rowOf(first, second)).toThrow(/leaves that open/);
  });
});

describe('identity', () => {
  it('counts the same event once, with any spaces and any sequence of its fields', () => {
    const body = { a: 1.5, timestamp: '2025-04-05T02:26:31.265Z', paymentStatus: 'PAYMENT_AUTHORIZED' };
    const again = record(
      '{ "orderId":"order\\u0031\\u00323", "eventType":"PAYMENT", "paymentStatus":"PAYMENT_AUTHORIZED",\n' +
        '"timestamp":"2025-04-05T02:26:31.265Z", "a":15e-1}',
    );
    expect(rowOf(record({ eventType: 'PAYMENT', orderId: 'order123', ...body }), again)[4]).toBe(1);
  });

  it('keeps two events with the same id and different content', () => {
    const one = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:31.265Z', { eventId: 'e1' });
    const other = payment('PAYMENT_AUTH_WITHPENDING_REVIEW', '2025-04-05T02:26:30.265Z', { eventId: 'e1' });
    expect(rowOf(created(), other, one)).toEqual(['CREATED', 'PAYMENT_AUTHORIZED', 'PENDING', true, 3]);
    expect(rowOf(one, created(), other)).toEqual(['CREATED', 'PAYMENT_AUTHORIZED', 'PENDING', true, 3]);
  });

  it('counts an unknown field as content', () => {
    const one = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:31.265Z', { note: 'a' });
    const other = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:31.265Z', { note: 'b' });
    expect(rowOf(one, other, one)[4]).toBe(2);
  });

  it('prefers the id of the CloudEvent to the id in the body', () => {
    const body = payment('PAYMENT_AUTHORIZED', '2025-04-05T02:26:31.265Z', { eventId: 'body' });
    const fact = readFact({ ...body, headers: [['ce_id', Buffer.from('header')]] }, topics);
    expect(fact.eventId).toBe('header');
    expect(rowOf(body, { ...body, headers: [['ce_id', Buffer.from('header')]] })[4]).toBe(2);
  });

  it('finds the event inside a structured CloudEvent', () => {
    const data = JSON.parse(String(authorized.value)) as object;
    const structured = record(
      { specversion: '1.0', id: 'x', source: '/shop', type: 'payment', data },
      { headers: [['content-type', Buffer.from('application/cloudevents+json; charset=utf-8')]] },
    );
    const fact = readFact(structured, topics);
    expect(fact.eventId).toBe('x');
    expect(fact.contentHash).toBe(readFact(authorized, topics).contentHash);
  });
});

describe('adoption', () => {
  const row = { orderId: 'order123', orderStatus: 'CREATED', reviewStatus: null };

  it('lets a baseline win over a replayed event of an earlier stage', () => {
    const oracle = new Oracle(topics);
    oracle.adopt({ ...row, paymentStatus: 'AUTHORIZATION_REVIEW_DECLINED', reviewStatus: 'DECLINED' });
    oracle.add(authorized);
    oracle.add(pending);
    expect(oracle.expectedOrder('order123')).toMatchObject({
      paymentStatus: 'AUTHORIZATION_REVIEW_DECLINED',
      reviewStatus: 'DECLINED',
      readyToSend: false,
      version: 5,
    });
  });

  it('keeps a row without a status as one event', () => {
    const oracle = new Oracle(topics);
    oracle.adopt({ orderId: 'order123', orderStatus: null, paymentStatus: null, reviewStatus: null });
    expect(oracle.expectedOrder('order123')).toMatchObject({
      orderStatus: null,
      readyToSend: false,
      version: 1,
    });
    oracle.add(authorized);
    expect(oracle.expectedOrder('order123')).toMatchObject({
      paymentStatus: 'PAYMENT_AUTHORIZED',
      version: 2,
    });
  });

  it('puts a real event of the same stage after the baseline, even if its moment is very old', () => {
    const oracle = new Oracle(topics);
    oracle.adopt({ ...row, paymentStatus: 'PAYMENT_AUHTORIZED' });
    expect(oracle.expectedOrder('order123')).toMatchObject({
      paymentStatus: 'PAYMENT_AUTHORIZED',
      version: 2,
    });
    oracle.add(payment('PAYMENT_AUTH_WITHPENDING_REVIEW', '1999-01-01T00:00:00Z'));
    expect(oracle.expectedOrder('order123')).toMatchObject({
      paymentStatus: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
      reviewStatus: 'PENDING',
      version: 3,
    });
  });
});

describe('the reading of a record', () => {
  const text = String(created().value);
  const cases: [name: string, bad: RawRecord][] = [
    ['a tombstone', { ...created(), value: null }],
    ['an empty value', { ...created(), value: Buffer.alloc(0) }],
    ['no key', { ...created(), key: null }],
    ['a key that is not the order id', { ...created(), key: Buffer.from('order124') }],
    ['an order event on the payment topic', { ...created(), topic: topics.payment }],
    ['an unknown type', record({ ...JSON.parse(text), eventType: 'REFUND' })],
    ['an unknown order status', created({ orderStatus: 'SHIPPED' })],
    ['an unknown payment status', payment('PAID', '2025-04-05T02:26:31.265Z')],
    ['toString as the status', payment('toString', '2025-04-05T02:26:31.265Z')],
    [
      'bytes that are not UTF-8',
      { ...created(), value: Buffer.from(text.replace('CREATED', '\xff'), 'latin1') },
    ],
    ['a byte order mark', record(`\ufeff${text}`)],
    ['a NUL', record(`${text}\0`)],
    ['truncated JSON', record(text.slice(0, -5))],
    ['a depth bomb', record(text.replace('}', `,"x":${'['.repeat(9999)}${']'.repeat(9999)}}`))],
    ['a name given twice', record(text.replace('}', ',"orderId":"order123"}'))],
    ['a name given twice, once escaped', record(text.replace('}', ',"order\\u0049d":"order123"}'))],
    ['an integer above 2^53', record(text.replace('}', ',"revision":9007199254740993}'))],
    ['a number that overflows', record(text.replace('}', ',"revision":1e400}'))],
    ['a number as the order id', created({ orderId: 123 })],
    ['an array as the document', record(`[${text}]`)],
    ['half a surrogate pair', record(text.replace('order123', 'order123\\ud800'))],
    ['an empty order id', { ...created({ orderId: '' }), key: Buffer.alloc(0) }],
    [
      '256 bytes of order id',
      { ...created({ orderId: 'é'.repeat(128) }), key: Buffer.from('é'.repeat(128)) },
    ],
    ['a record over the size limit', created({ note: 'x'.repeat(1_048_576) })],
    ['huge headers', { ...created(), headers: [['x', Buffer.alloc(1_048_576)]] }],
    ['256 bytes of event id', created({ eventId: 'x'.repeat(256) })],
    ['30 February', created({ timestamp: '2024-02-30T00:00:00Z' })],
    ['29 February of a plain year', created({ timestamp: '2025-02-29T00:00:00Z' })],
    ['a timestamp without a zone', created({ timestamp: '2025-04-05T02:26:30' })],
    ['a timestamp in milliseconds', created({ timestamp: 1743819990265 })],
    ['revision 0', created({ revision: 0 })],
    ['half a revision', created({ revision: 1.5 })],
    ['a revision in quotes', created({ revision: '1' })],
    [
      'two CloudEvents ids',
      {
        ...created(),
        headers: [
          ['ce_id', Buffer.from('a')],
          ['ce_id', Buffer.from('b')],
        ],
      },
    ],
  ];
  it.each(cases)('refuses %s', (_name, bad) => {
    expect(() => readFact(bad, topics)).toThrow(Malformed);
  });

  it('accepts the integer 2^53 - 1, which a double holds exactly', () => {
    expect(readFact(record(text.replace('}', ',"x":9007199254740991}')), topics).position).toBe(1);
  });

  it('adds no order for a refused record', () => {
    const oracle = new Oracle(topics);
    expect(oracle.add(created({ revision: 0 }))).toBeNull();
    expect(oracle.orderCount).toBe(0);
  });

  it('accepts unknown fields, and names such as __proto__', () => {
    const id = '__proto__';
    const body = `{"eventType":"ORDER","orderId":"${id}","orderStatus":"CREATED","timestamp":"2024-02-29T23:59:59Z","__proto__":{"orderId":"x"},"constructor":1}`;
    const oracle = new Oracle(topics);
    expect(oracle.add(record(body, { key: Buffer.from(id) }))?.orderId).toBe(id);
    expect(oracle.expectedOrder(id)?.version).toBe(1);
  });

  it('keeps the orders "A1", "a1" and "A1 " apart', () => {
    const oracle = new Oracle(topics);
    for (const id of ['A1', 'a1', 'A1 ']) oracle.add({ ...created({ orderId: id }), key: Buffer.from(id) });
    expect(oracle.orderCount).toBe(3);
  });
});
