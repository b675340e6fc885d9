import { describe, expect, it } from 'vitest';
import { settingsThatFit } from '../../../src/apps/event-producer/inspection.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { orders } from '../../../src/orders/index.ts';
import { bestFit } from '../../../src/pipeline/inspect/fit.ts';
import { ENVELOPE, ORDER_BODY, type RecordParts, recordOf } from '../decode/records.ts';

const { timestamp } = ORDER_BODY;
const FOREIGN = { type: 'order', status: 'created', at: timestamp };
const VALUES = { ORDER_SOURCE_VALUES: 'order=ORDER,payment=PAYMENT,created=CREATED' };

/** What is found in ten records, each with a key of its own unless it names one. */
function found(partsOf: (id: string, index: number) => RecordParts, count = 10) {
  const records = Array.from({ length: count }, (_, index) =>
    recordOf({ key: `o-${index}`, ...partsOf(`o-${index}`, index) }),
  );
  const sampled = records.map((record) => ({ record, place: { topic: 'orders', partition: 0 } }));
  const fit = bestFit(orders, 'orders', sampled);
  const settings = settingsThatFit(fit, 'orders', { orderTopic: 'orders', paymentTopic: 'payments' });
  expect(() => loadSettings('order-sync', { env: settings })).not.toThrow();
  const fields = Object.fromEntries([...(fit.options.fields ?? [])].map(([place, ours]) => [ours, place]));
  return { settings, fields, accepted: fit.verdicts.accepted, doubts: fit.doubts, options: fit.options };
}
const foundIn = (bodyOf: (id: string, index: number) => object, count?: number) =>
  found((id, index) => ({ value: bodyOf(id, index) }), count);

describe('records that are right today', () => {
  it.each<[string, object]>([
    ['members with the names of types, statuses and times', { ...FOREIGN, id: 7, createdAt: timestamp }],
    ['a revision that is another one', { document: { revision: 7 } }],
    ['a revision that is a text', { Revision: 'v7' }],
    ['a status of another type of event', { payment_status: 'unpaid' }],
    ['an id of the event that is a number', { event_id: 7 }],
    ['a customer', { customer: { id: 'c', eventId: 'x', timestamp, status: 'CREATED' } }],
  ])('get no settings for %s', (_name, extra) => {
    const { settings, accepted } = foundIn((orderId) => ({ ...ORDER_BODY, orderId, ...extra }));
    expect({ settings, accepted }).toEqual({ settings: {}, accepted: 10 });
  });

  it('get no id from a header that is the same in different records', () => {
    const same = found((orderId) => ({ value: { ...ORDER_BODY, orderId }, headers: [['event-id', 'same']] }));
    expect(same.settings).toEqual({});
  });

  it('stay readable beside those of a newer version of their producer', () => {
    const renamed = foundIn((orderId, index) =>
      index % 2 === 0 ? { ...ORDER_BODY, orderId } : { ...FOREIGN, ref: orderId },
    );
    expect(renamed).toMatchObject({ accepted: 10, fields: { orderId: 'ref', eventType: 'type' } });
    const nested = foundIn((orderId, index) =>
      index % 2 === 0 ? { ...ORDER_BODY, orderId, id: index } : { data: { ...ORDER_BODY, orderId } },
    );
    expect(nested).toMatchObject({ accepted: 10, fields: { orderId: 'data.orderId' } });
  });
});

describe('the id of the entity', () => {
  it.each<
    [string, RecordParts['key'] | ((id: string) => string), (id: string, index: number) => object, string]
  >([
    [
      'its name before a key with a prefix',
      (id) => `order-${id}`,
      (id) => ({ data: { orderId: id } }),
      'data.orderId',
    ],
    [
      'its name before a key that is of the event',
      (id) => `e${id}`,
      (id) => ({ id: `e${id}`, order: { id } }),
      'order.id',
    ],
    [
      'a number of the order before the key of a shop',
      'shop1',
      (id) => ({ shop: 'shop1', orderNumber: id }),
      'orderNumber',
    ],
    [
      'the key before the name in a refund',
      (id) => id,
      (id) => ({ number: id, refund: { orderId: 'r' } }),
      'number',
    ],
    [
      'the key before the name further in',
      (id) => id,
      (id) => ({ number: id, external: { orderId: `x${id}x` } }),
      'number',
    ],
    ['a part of the key', (id) => `acme:${id}`, (id) => ({ tenant: 'acme', ref: id }), 'ref'],
    ['a member of the key', (id) => `{"tenant":"acme","no":"${id}"}`, (id) => ({ ref: id }), 'ref'],
    [
      'the key in schema and payload',
      (id) => `{"schema":{},"payload":"${id}"}`,
      (id) => ({ ref: id }),
      'ref',
    ],
  ])('is %s', (_name, key, bodyOf, place) => {
    const result = found((id, index) => ({
      key: typeof key === 'function' ? key(id) : (key ?? null),
      value: { ...FOREIGN, ...bodyOf(id, index) },
    }));
    expect(result).toMatchObject({ accepted: 10, fields: { orderId: place } });
  });

  it('comes out of the bytes of a number and of a UUID', () => {
    const number = found((_id, index) => ({
      key: Buffer.from([0, 0, 0, 0, 0, 0, 0, index + 1]),
      value: { ...FOREIGN, ref: index + 1 },
    }));
    expect(number.settings).toMatchObject({ ORDER_SOURCE_KEY: 'number', ORDER_SOURCE_ID: 'number' });
    const uuid = found((_id, index) => ({
      key: Buffer.from(`${'0'.repeat(31)}${index}`, 'hex'),
      value: { ...FOREIGN, ref: `00000000-0000-0000-0000-00000000000${index}` },
    }));
    expect(uuid.settings).toMatchObject({ ORDER_SOURCE_KEY: 'uuid' });
  });

  it.each(['customerId', 'shop', 'tenant_id'])('never comes from another thing: %s', (name) => {
    const result = found((id) => ({ key: `k${id}`, value: { ...FOREIGN, id, [name]: `k${id}` } }));
    expect(result.settings).toEqual({});
    expect(result.doubts).toEqual([expect.stringMatching(/^No member has the name of orderId, and none is/)]);
  });
});

describe('the id of the event', () => {
  it.each<[string, (id: string, index: number) => object]>([
    ['a customer', (id) => ({ customer: { id: `c${id}` } })],
    ['a payment', (id) => ({ payment: { id: `p${id}` } })],
    ['an embedded address', (id) => ({ _embedded: { address: { uuid: `a${id}` } } })],
    ['a row, as a number', (_id, index) => ({ id: index })],
    ['the order again', (id) => ({ id })],
  ])('never comes from %s', (_name, extra) => {
    const result = foundIn((id, index) => ({ ...FOREIGN, orderNo: id, ...extra(id, index) }));
    expect(result.accepted).toBe(10);
    expect(result.fields).not.toHaveProperty('eventId');
  });

  it('stays if it stands outside of the member with the event', () => {
    const result = foundIn((orderId) => ({
      messageId: `m${orderId}`,
      messageType: ['urn:OrderCreated'],
      message: { orderId, status: 'Created', createdAt: timestamp },
    }));
    expect(result).toMatchObject({
      accepted: 10,
      fields: { eventId: 'messageId', orderId: 'message.orderId' },
    });
  });

  it('comes from a header that names it rather than from a member named id', () => {
    const result = found((ref) => ({
      value: { ...FOREIGN, ref, id: `e${ref}` },
      headers: [['ce-id', `h${ref}`]],
    }));
    expect(result.fields).toMatchObject({ eventId: 'header:ce-id' });
  });

  it('raises a doubt as long as no key has two records', () => {
    const doubts = (keyOf: (index: number) => string) =>
      found((_id, index) => ({
        key: keyOf(index),
        value: { ...FOREIGN, ref: keyOf(index), id: `e${index}` },
      })).doubts;
    expect(doubts(String)).toEqual([expect.stringMatching(/^eventId is id here; no key has two/)]);
    expect(doubts((index) => `o-${index % 2}`)).toEqual([]);
  });
});

describe('times', () => {
  const { at: _at, ...timeless } = FOREIGN;
  const times = (extra: object) => foundIn((ref) => ({ ...timeless, ref, ...extra }));

  it.each<[string, object]>([
    ['a customer', { customer: { createdAt: timestamp } }],
    ['a birth', { birthDate: timestamp }],
    ['a birth, in one word', { birthdate: timestamp }],
    ['a delivery', { delivery: { date: timestamp } }],
    ['an article, as a number', { ean: '1718000000123' }],
    ['a number of any name', { level: 1718000000 }],
    ['a phone', { phone: 1718000000123 }],
    ['something that nothing names', { total: 1718000000 }],
  ])('never come from %s', (_name, extra) => {
    const result = times(extra);
    expect(result.accepted).toBe(0);
    expect(result.fields).not.toHaveProperty('timestamp');
  });

  it('take the forms of .NET, places in headers, and names with the order in front', () => {
    expect(times({ createdOn: '/Date(1718000000123)/' }).settings).toMatchObject({
      ORDER_SOURCE_TIME: 'milliseconds',
    });
    expect(times({ orderDate: timestamp, deliveryDate: timestamp }).fields).toMatchObject({
      timestamp: 'orderDate',
    });
    expect(times({ createdAt: [2026, 11, 1, 10, 0] }).settings).toMatchObject({
      ORDER_SOURCE_TIME: 'jackson',
    });
    const header = found((ref) => ({ value: { ...timeless, ref }, headers: [['message-time', timestamp]] }));
    expect(header).toMatchObject({ accepted: 10, fields: { timestamp: 'header:message-time' } });
  });

  it.each(['authorizedAt', 'storedAt', 'validated_at', 'orderdate'])('go by names such as %s', (name) => {
    expect(times({ [name]: timestamp })).toMatchObject({ accepted: 10, fields: { timestamp: name } });
  });

  it('raise a doubt if several may be that of the event', () => {
    expect(times({ createdAt: timestamp, updatedAt: timestamp }).doubts).toEqual([
      'timestamp is createdAt here, and updatedAt holds times too.',
    ]);
  });

  it('come from the envelope rather than from a customer in the data', () => {
    const result = foundIn((orderId) => ({
      ...ENVELOPE,
      type: 'order.created',
      time: timestamp,
      data: { orderId, status: 'created', customer: { createdAt: '2011-01-01T00:00:00Z' } },
    }));
    expect(result).toMatchObject({ accepted: 10, fields: { orderStatus: 'status' } });
    expect(result.fields).not.toHaveProperty('timestamp');
  });

  it('survive wrong ones, which stay refused', () => {
    for (const wrong of ['n/a', 5]) {
      const result = foundIn((ref, index) => ({ ...FOREIGN, ref, ...(index === 0 ? { at: wrong } : {}) }));
      expect(result).toMatchObject({ accepted: 9, fields: { timestamp: 'at' } });
      expect(result.settings).not.toHaveProperty('ORDER_SOURCE_TIME');
    }
  });
});

describe('types and statuses', () => {
  it('survive records of other types, which stay refused', () => {
    const mixed = foundIn((ref, index) => ({
      ...FOREIGN,
      ref,
      ...(index === 0 ? { type: 'heartbeat' } : {}),
    }));
    expect(mixed).toMatchObject({ accepted: 9, fields: { eventType: 'type' } });
    const cancelled = foundIn((ref, index) => ({
      ...FOREIGN,
      ref,
      status: index < 3 ? 'cancelled' : 'created',
    }));
    expect(cancelled).toMatchObject({ accepted: 7, settings: VALUES, fields: { orderStatus: 'status' } });
  });

  it.each<[string, (id: string) => object]>([
    ['a customer by its type', (id) => ({ id, type: 'customer', status: 'created', at: timestamp })],
    ['a customer by what happened', (id) => ({ id, event: 'customer.created', at: timestamp })],
    [
      'the status of an invoice',
      (id) => ({ ref: id, type: 'order', invoice: { status: 'created' }, at: timestamp }),
    ],
    [
      'a payment that was created',
      (id) => ({ ref: id, type: 'order', status: 'payment_created', at: timestamp }),
    ],
  ])('never come from %s', (_name, bodyOf) => {
    expect(foundIn(bodyOf).settings).toEqual({});
  });

  it('never come from the name of the event if a status says otherwise', () => {
    const result = foundIn((ref, index) => ({
      ref,
      type: 'OrderCreated',
      status: index < 3 ? 'cancelled' : 'created',
      at: timestamp,
    }));
    expect(result).toMatchObject({ accepted: 7, fields: { orderStatus: 'status', eventType: 'type' } });
    const { doubts } = foundIn((ref) => ({ ref, action: 'created', status: 'open', at: timestamp }));
    expect(doubts).toEqual(['orderStatus is action here, and status is named like a status.']);
  });

  it('records on a topic for payments come nearest to payments', () => {
    const record = recordOf({ key: 'o-1', value: { ref: 'o-1', status: 'neu', at: timestamp } });
    const sampled = [{ record, place: { topic: 'orders', partition: 0 } }];
    expect(bestFit(orders, 'orders', sampled, null, { likelyType: 'PAYMENT' }).options.type).toBe('PAYMENT');
    expect(bestFit(orders, 'orders', sampled).options.type).toBe('ORDER');
  });

  it('never come from a title that is another one in each record', () => {
    const result = foundIn((ref, index) => ({
      ref,
      title: `Order ${index}`,
      status: 'created',
      at: timestamp,
    }));
    expect(result.settings).toMatchObject({ ORDER_SOURCE_TYPE: 'ORDER' });
    expect(result.fields).not.toHaveProperty('eventType');
  });

  it('come from headers if the body names no type', () => {
    const result = found((orderId, index) => ({
      value: { orderId, status: index < 5 ? 'CREATED' : 'PAYMENT_AUTHORIZED', timestamp },
      headers: [['event_type', index < 5 ? 'order.created' : 'payment.authorized']],
    }));
    expect(result).toMatchObject({ accepted: 10, fields: { eventType: 'header:event_type' } });
  });

  it('follow what a person says of values that nobody knows', () => {
    for (const status of [0, 'neu']) {
      const records = [recordOf({ key: 'o-1', value: { ...FOREIGN, ref: 'o-1', status } })];
      const sampled = records.map((record) => ({ record, place: { topic: 'orders', partition: 0 } }));
      const known = { values: new Map([[String(status), 'CREATED']]) };
      expect(bestFit(orders, 'orders', sampled).verdicts.refused).toMatchObject([
        { reason: 'value_unknown' },
      ]);
      expect(bestFit(orders, 'orders', sampled, null, known).verdicts.accepted).toBe(1);
    }
    const record = recordOf({ key: null, value: { ...FOREIGN, x1: 'o-1' } });
    const fit = bestFit(orders, 'orders', [{ record, place: { topic: 'orders', partition: 0 } }], null, {
      fields: new Map([['x1', 'orderId']]),
    });
    expect(fit.verdicts.accepted).toBe(1);
  });

  it('accept several words for one value', () => {
    const result = foundIn((ref, index) => ({
      ...FOREIGN,
      ref,
      type: index < 5 ? 'OrderCreated' : 'OrderPlaced',
    }));
    expect(result.accepted).toBe(10);
  });

  it('events that Dapr wraps are told by their fields', () => {
    const result = foundIn((orderNumber, index) => ({
      ...ENVELOPE,
      id: `e${index}`,
      type: 'com.dapr.event.sent',
      data: { orderNumber, status: 'created', createdAt: timestamp },
    }));
    expect(result.settings.ORDER_SOURCE_VALUES).toBe('created=CREATED,com.dapr.event.sent=ORDER');
    expect(result.accepted).toBe(10);
  });
});

describe('odd records', () => {
  it('with 10,000 members, names of prototypes and long texts are looked at', () => {
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, index]));
    expect(foundIn((ref) => ({ ...wide, ...FOREIGN, ref }), 2)).toMatchObject({ accepted: 2 });
    const text = (id: string) =>
      `{"__proto__":{"id":"${id}"},"constructor":"x","ref":"${id}","status":"created","type":"order","at":"${timestamp}"}`;
    expect(found((id) => ({ value: text(id) }))).toMatchObject({ accepted: 10, fields: { orderId: 'ref' } });
    const long = foundIn((ref) => ({ ...FOREIGN, ref, text: `{${'x'.repeat(600_000)}` }), 2);
    expect(long).toMatchObject({ accepted: 2, fields: { orderId: 'ref' } });
  });

  it('get no place that would be a header', () => {
    const result = foundIn((id) => ({ ...FOREIGN, 'header:id': id }));
    expect(result.fields).toEqual({});
  });

  it('keys that Kafka Connect writes with a schema are read by its source', () => {
    const result = found((id) => ({
      key: `{"schema":{},"payload":"${id}"}`,
      value: { schema: {}, payload: { ...FOREIGN, order_no: id } },
    }));
    expect(result).toMatchObject({ accepted: 10, settings: { ORDER_SOURCE: 'connect-json' } });
  });
});
