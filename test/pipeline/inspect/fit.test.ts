import { describe, expect, it } from 'vitest';
import { settingsThatFit } from '../../../src/apps/event-producer/inspection.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { orders } from '../../../src/orders/index.ts';
import { bestFit } from '../../../src/pipeline/inspect/fit.ts';
import { casesOf } from '../../cases/cases.ts';
import { ENVELOPE, ORDER_BODY, PAYMENT_BODY, type RecordParts, recordOf } from '../decode/records.ts';

const TOPICS = { orderTopic: 'orders', paymentTopic: 'payments' };

/** The settings that fit these records, and the number of events under them. */
function fitOf(records: readonly ReturnType<typeof recordOf>[], topic = 'orders') {
  const fit = bestFit(
    orders,
    topic,
    records.map((record) => ({ record, place: { topic, partition: 0 } })),
  );
  return { settings: settingsThatFit(fit, topic, TOPICS), accepted: fit.verdicts.accepted };
}
const fitOfParts = (parts: readonly RecordParts[], topic?: string) => fitOf(parts.map(recordOf), topic);

const both = (name: string, value: string) => ({
  [`ORDER_${name}`]: value,
  [`PAYMENT_${name}`]: value,
  PAYMENT_TOPIC: 'orders',
});

describe('bestFit on the cases', () => {
  it.each([
    ['debezium-outbox-with-schemas', both('SOURCE', 'debezium-outbox'), 2],
    ['debezium-outbox-expanded', both('SOURCE', 'debezium-outbox'), 2],
    ['debezium-cloudevents', { PAYMENT_TOPIC: 'orders' }, 2],
    ['debezium-change-event', {}, 0],
    ['schema-registry', { ORDER_SOURCE: 'schema-registry' }, 3],
    ['spring-kafka-3', { ORDER_SOURCE_TIME: 'jackson' }, 8],
    ['spring-kafka-4', { ORDER_SOURCE_TIME: 'local-utc' }, 6],
    ['empty-key', { PAYMENT_TOPIC: 'orders', ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' }, 2],
    ['quoted-headers', { ORDER_SOURCE: 'connect-json' }, 7],
    ['large-numbers', {}, 4],
    ['keys', { ORDER_SOURCE_KEY: 'ignore' }, 7],
  ] as const)('finds the settings for %s', (file, settings, accepted) => {
    expect(fitOf(casesOf(file).map(({ record }) => record))).toEqual({ settings, accepted });
  });
});

const PLACE = { topic: 'orders', partition: 0 };

describe('bestFit', () => {
  const { orderId, eventType, ...rest } = ORDER_BODY;
  const snake = { event_type: eventType, order_id: orderId, ...rest };
  const at = (timestamp: unknown) => ({ value: JSON.stringify({ ...ORDER_BODY, timestamp }) });

  it('finds the defaults for plain events, and for records of which nothing can be made', () => {
    expect(fitOfParts([{}, { value: { ...ENVELOPE, data: ORDER_BODY } }])).toEqual({
      settings: {},
      accepted: 2,
    });
    expect(fitOfParts([{ value: '[' }, { value: null }, { value: '' }])).toEqual({
      settings: {},
      accepted: 0,
    });
    expect(fitOfParts([])).toEqual({ settings: {}, accepted: 0 });
  });

  it('finds other names, also one level further in', () => {
    const fields = { ORDER_SOURCE_FIELDS: 'event_type=eventType,order_id=orderId' };
    expect(fitOfParts([{ value: snake }])).toEqual({ settings: fields, accepted: 1 });
    expect(fitOfParts([{ value: { data: snake } }])).toEqual({
      settings: { ...fields, ORDER_SOURCE_BODY: 'data' },
      accepted: 1,
    });
  });

  it.each([
    ['seconds', 1718000000],
    ['milliseconds', 1718000000123],
    ['microseconds', 1718000000123456],
    ['local-utc', '2024-06-10 06:13:20'],
  ])('finds the unit of times: %s', (unit, timestamp) => {
    expect(fitOfParts([at(timestamp)])).toEqual({ settings: { ORDER_SOURCE_TIME: unit }, accepted: 1 });
  });

  it('comes as near as it can if no settings make events of the records', () => {
    const numbered = { EventType: 'ORDER', OrderId: 'order123', OrderStatus: 0, Timestamp: '2024-06-10' };
    const fit = bestFit(orders, 'orders', [{ record: recordOf({ value: numbered }), place: PLACE }]);
    expect(fit.options).toEqual({
      fields: new Map([
        ['EventType', 'eventType'],
        ['OrderId', 'orderId'],
        ['Timestamp', 'timestamp'],
        ['OrderStatus', 'orderStatus'],
      ]),
    });
    expect(fit.verdicts.refused).toMatchObject([{ reason: 'value_unknown' }]);
    const array = bestFit(orders, 'orders', [{ record: recordOf({ value: '[1]' }), place: PLACE }]);
    expect(array.options).toEqual({});
  });

  it('finds the name of an enumeration in front of its values, also of those that the sample lacks', () => {
    const value = { ...PAYMENT_BODY, paymentStatus: 'PAYMENT_STATUS_PAYMENT_AUTHORIZED' };
    const { options } = bestFit(orders, 'orders', [{ record: recordOf({ value }), place: PLACE }]);
    expect(options.values?.get('PAYMENT_STATUS_AUTHORIZATION_REVIEW_DECLINED')).toBe(
      'AUTHORIZATION_REVIEW_DECLINED',
    );
    const cased = { ...PAYMENT_BODY, paymentStatus: 'payment_authorized' };
    const other = bestFit(orders, 'orders', [{ record: recordOf({ value: cased }), place: PLACE }]);
    expect(other.options.values?.get('authorization_review_declined')).toBe('AUTHORIZATION_REVIEW_DECLINED');
  });

  it('keeps the values of now, which nobody can see in the records', () => {
    const value = { ...ORDER_BODY, orderStatus: 0, timestamp: 1718000000123 };
    const known = { values: new Map([['0', 'CREATED']]) };
    const fit = bestFit(orders, 'orders', [{ record: recordOf({ value }), place: PLACE }], null, known);
    expect(fit.options).toEqual({ ...known, time: 'milliseconds' });
    const plain = bestFit(orders, 'orders', [{ record: recordOf({}), place: PLACE }], null, known);
    expect(plain.options).toEqual({});
  });

  it('keeps comparing keys if only some are wrong', () => {
    expect(fitOfParts([{}, {}, {}, { key: 'another' }])).toEqual({ settings: {}, accepted: 3 });
    expect(fitOfParts([{}, { key: '"order123"' }, { key: '"order123"' }])).toEqual({
      settings: { ORDER_SOURCE_KEY: 'json' },
      accepted: 3,
    });
  });

  it.each(['c', 'u', 'd'])('never takes a member of a change event for the event: %s', (op) => {
    const row = op === 'd' ? { before: ORDER_BODY, after: null } : { before: null, after: ORDER_BODY };
    const value = { ...row, source: {}, op, ts_ms: 1 };
    const settings = op === 'c' ? { ORDER_SOURCE: 'debezium-table' } : {};
    expect(fitOfParts([{ value }])).toEqual({ settings, accepted: op === 'c' ? 1 : 0 });
    const wrapped = fitOfParts([{ value: { schema: {}, payload: value } }]);
    expect(wrapped).toEqual({ settings, accepted: op === 'c' ? 1 : 0 });
    for (const further of [{ data: value }, { data: { inner: JSON.stringify(value) } }])
      expect(fitOfParts([{ value: further }])).toEqual({ settings: {}, accepted: 0 });
  });

  it('reads envelopes whose attributes stand in for fields as CloudEvents', () => {
    const { orderStatus, timestamp } = ORDER_BODY;
    const value = { ...ENVELOPE, type: 'ORDER', time: timestamp, subject: orderId, data: { orderStatus } };
    expect(fitOfParts([{ value }])).toEqual({ settings: { ORDER_SOURCE: 'cloudevents' }, accepted: 1 });
  });

  it('finds the fields of an event without a type of its own in a member', () => {
    const found = { settings: { ORDER_SOURCE_BODY: 'message', ORDER_SOURCE_TYPE: 'ORDER' }, accepted: 1 };
    expect(
      fitOfParts([{ value: { messageType: ['urn:OrderCreated'], message: { orderId, ...rest } } }]),
    ).toEqual(found);
    const beside = { eventType, message: JSON.stringify({ orderId, ...rest }) };
    expect(fitOfParts([{ value: beside }])).toEqual({
      settings: { ORDER_SOURCE_BODY: 'message' },
      accepted: 1,
    });
    const inData = { value: { ...ENVELOPE, type: 'ORDER', data: { message: ORDER_BODY } } };
    expect(fitOfParts([inData])).toMatchObject({ settings: { ORDER_SOURCE_BODY: 'message' }, accepted: 1 });
  });

  const { timestamp } = ORDER_BODY;
  const ids = ['o-1', 'o-2', 'o-3'];
  /** The settings that fit three records, each with its key and a body of its own. */
  const fitOfEach = (bodyOf: (id: string, index: number) => object, headersOf = (_id: string) => ({})) =>
    fitOfParts(
      ids.map((id, index) => ({
        key: id,
        value: bodyOf(id, index),
        headers: Object.entries(headersOf(id)) as [string, string][],
      })),
    );

  it.each<[string, (id: string, index: number) => object, Record<string, string>]>([
    [
      'words of its own',
      (id, index) => ({
        id: `e-${index}`,
        type: 'order',
        number: id,
        state: 'created',
        createdAt: timestamp,
      }),
      {
        ORDER_SOURCE_FIELDS: 'number=orderId,type=eventType,state=orderStatus,createdAt=timestamp,id=eventId',
        ORDER_SOURCE_VALUES: 'order=ORDER,payment=PAYMENT,created=CREATED',
      },
    ],
    [
      'the status in the name of the event',
      (id) => ({ name: 'OrderCreated', order: { id }, at: 1718000000123 }),
      {
        ORDER_SOURCE_FIELDS: 'order.id=orderId,name=orderStatus,at=timestamp',
        ORDER_SOURCE_TIME: 'milliseconds',
        ORDER_SOURCE_TYPE: 'ORDER',
        ORDER_SOURCE_VALUES: 'OrderCreated=CREATED',
      },
    ],
    [
      'what happened in the name of the type, beside the status',
      (id) => ({ event_type: 'OrderCreated', order_id: id, state: 'Created', occurred_on: timestamp }),
      {
        ORDER_SOURCE_FIELDS: 'event_type=eventType,order_id=orderId,state=orderStatus,occurred_on=timestamp',
        ORDER_SOURCE_VALUES: 'OrderCreated=ORDER,Created=CREATED',
      },
    ],
    [
      'the data of a CloudEvent',
      (id, index) => ({
        ...ENVELOPE,
        id: `e-${index}`,
        data: { type: 'ORDER', ref: id, state: 'CREATED', at: timestamp },
      }),
      { ORDER_SOURCE_FIELDS: 'ref=orderId,type=eventType,state=orderStatus,at=timestamp' },
    ],
    [
      'a text that holds JSON',
      (id, index) => ({
        payload: JSON.stringify({ orderId: id, state: 'created' }),
        headers: { ID: `m-${index}`, DATE: timestamp, 'event-type': 'OrderCreated' },
      }),
      {
        ORDER_SOURCE_FIELDS:
          'payload.orderId=orderId,payload.state=orderStatus,headers.event-type=eventType,headers.DATE=timestamp,headers.ID=eventId',
        ORDER_SOURCE_VALUES: 'OrderCreated=ORDER,created=CREATED',
      },
    ],
    [
      'two levels of nesting',
      (id) => ({ meta: {}, detail: { order: { ...ORDER_BODY, orderId: id } } }),
      { ORDER_SOURCE_BODY: 'detail.order' },
    ],
    [
      'JSON:API',
      (id) => ({ data: { type: 'orders', id, attributes: { status: 'created', createdAt: timestamp } } }),
      {
        ORDER_SOURCE_FIELDS:
          'data.id=orderId,data.attributes.status=orderStatus,data.attributes.createdAt=timestamp',
        ORDER_SOURCE_TYPE: 'ORDER',
        ORDER_SOURCE_VALUES: 'created=CREATED',
      },
    ],
    [
      'the JSON form of Avro',
      (id) => ({
        eventType: 'ORDER',
        orderId: { string: id },
        orderStatus: { 'com.shop.Status': 'CREATED' },
        timestamp: { long: 1718000000123 },
      }),
      {
        ORDER_SOURCE_FIELDS:
          'orderId.string=orderId,orderStatus.com.shop.Status=orderStatus,timestamp.long=timestamp',
        ORDER_SOURCE_TIME: 'milliseconds',
      },
    ],
    [
      'the JSON form of DynamoDB',
      (id) => ({
        eventType: { S: 'ORDER' },
        orderId: { S: id },
        orderStatus: { S: 'CREATED' },
        timestamp: { N: '1718000000' },
      }),
      {
        ORDER_SOURCE_FIELDS:
          'orderId.S=orderId,eventType.S=eventType,orderStatus.S=orderStatus,timestamp.N=timestamp',
        ORDER_SOURCE_TIME: 'seconds',
      },
    ],
  ])('finds fields by what they hold: %s', (_name, bodyOf, settings) => {
    const found = fitOfEach(bodyOf);
    const parts = ({ ORDER_SOURCE_FIELDS: fields = '', ...rest }: Record<string, string>) => ({
      ...rest,
      fields: fields.split(',').sort(),
    });
    expect({ ...found, settings: parts(found.settings) }).toEqual({ accepted: 3, settings: parts(settings) });
    expect(() => loadSettings('order-sync', { env: found.settings })).not.toThrow();
  });

  it('looks for no field in events that lack nothing', () => {
    const odd = JSON.parse(JSON.stringify({ ...PAYMENT_BODY, extra: { orderStatus: 'CREATED', id: 'x' } }));
    expect(fitOfEach((orderId) => ({ ...odd, orderId }))).toEqual({
      settings: { PAYMENT_TOPIC: 'orders' },
      accepted: 3,
    });
  });

  it('keeps the names of most records if others have other names', () => {
    const bodyOf = (orderId: string, index: number) =>
      index === 0
        ? { type: 'order', ref: orderId, state: 'created', at: timestamp }
        : { ...ORDER_BODY, orderId, ref: 'x', type: 'web', state: 'open' };
    expect(fitOfEach(bodyOf)).toEqual({ settings: {}, accepted: 2 });
  });

  it('finds no fields without the id of the entity, and none in a change event', () => {
    const noise = fitOfEach((_id, index) => ({ level: 'created', at: 1718000000123, index }));
    expect(noise).toEqual({ settings: {}, accepted: 0 });
    const image = (id: string) => ({ orderId: { S: id }, orderStatus: { S: 'CREATED' } });
    const stream = fitOfEach((id) => ({ eventName: 'MODIFY', dynamodb: { NewImage: image(id) } }));
    expect(stream).toEqual({ settings: {}, accepted: 0 });
  });

  it.each(['ce-id', 'CE_id', 'cloudEvents:id', 'event_id'])(
    'reads the id of the event from the header %s',
    (name) => {
      const bodyOf = (orderId: string) => ({ ...ORDER_BODY, orderId });
      expect(fitOfEach(bodyOf, (id) => ({ [name]: `e-${id}` }))).toEqual({
        settings: { ORDER_SOURCE_FIELDS: `header:${name}=eventId` },
        accepted: 3,
      });
      expect(fitOfEach(bodyOf, (id) => ({ [name]: 'x', ce_id: id })).settings).toEqual({});
    },
  );

  it('finds the statuses of several types of events in one member', () => {
    const found = fitOfEach((id, index) => ({
      kind: index === 0 ? 'order' : 'payment',
      order_no: id,
      status: index === 0 ? 'created' : 'payment_authorized',
      ts: 1718000000123,
    }));
    expect(found).toMatchObject({
      accepted: 3,
      settings: {
        ORDER_SOURCE_FIELDS: 'order_no=orderId,status=orderStatus+paymentStatus,kind=eventType,ts=timestamp',
      },
    });
    expect(() => loadSettings('order-sync', { env: found.settings })).not.toThrow();
  });

  it('reads the id of a message from its header if the producer uses other words', () => {
    const headersOf = (id: string) => ({ 'axon-message-id': `m-${id}` });
    const named = fitOfEach((ref) => ({ ref, status: 'CREATED', at: timestamp }), headersOf);
    expect(named.settings.ORDER_SOURCE_FIELDS).toMatch(/,header:axon-message-id=eventId$/);
    expect(fitOfEach((orderId) => ({ ...ORDER_BODY, orderId }), headersOf).settings).toEqual({});
  });

  it('names no unit of times that are no time of our days in any', () => {
    const found = fitOfEach((orderId) => ({ ...ORDER_BODY, orderId, timestamp: 0 }));
    expect(found).toEqual({ settings: {}, accepted: 0 });
  });

  it('offers no other source for envelopes of another version of CloudEvents', () => {
    for (const specversion of ['0.3', '1.0.2'])
      expect(
        fitOfEach((orderId) => ({ ...ENVELOPE, specversion, data: { ...ORDER_BODY, orderId } })),
      ).toEqual({
        settings: {},
        accepted: 0,
      });
  });

  it('names no value that the setting cannot hold', () => {
    const valued = (orderStatus: string) => fitOfParts([{ value: { ...ORDER_BODY, orderStatus } }]);
    expect(valued('CREATED ')).toEqual({ settings: {}, accepted: 0 });
    const { settings } = fitOfParts([{ value: { ...PAYMENT_BODY, paymentStatus: 'Payment Authorized' } }]);
    expect(settings.PAYMENT_SOURCE_VALUES).toMatch(/^Payment Authorized=PAYMENT_AUTHORIZED,/);
    expect(() => loadSettings('order-sync', { env: settings })).not.toThrow();
  });

  it('names the topic if the settings do not read it', () => {
    expect(fitOfParts([{ value: PAYMENT_BODY }], 'shop')).toEqual({
      settings: { PAYMENT_TOPIC: 'shop' },
      accepted: 1,
    });
    expect(fitOfParts([{}, { value: PAYMENT_BODY }], 'shop')).toEqual({
      settings: { ORDER_TOPIC: 'shop', PAYMENT_TOPIC: 'shop' },
      accepted: 2,
    });
  });
});
