import { describe, expect, it } from 'vitest';
import { sourcesOf, sourceVariables } from '../../../../src/apps/shared/settings/known/source.ts';
import { loadSettings } from '../../../../src/apps/shared/settings/load.ts';

const sources = (env: Record<string, string>) => sourcesOf(loadSettings('order-sync', { env }).values);

describe('sourcesOf', () => {
  it('leaves both topics plain by default', () => {
    expect(sources({})).toEqual({ order_events: {}, payment_events: {} });
  });

  it('gives each topic its own', () => {
    const env = {
      ORDER_TOPIC: 'a',
      ORDER_SOURCE: 'debezium-outbox',
      ORDER_SOURCE_KEY: 'text',
      ORDER_SOURCE_BODY: 'data',
      PAYMENT_SOURCE_TIME: 'jackson',
      PAYMENT_SOURCE_FIELDS: 'event_type=eventType, order_id=orderId',
    };
    expect(sources(env)).toEqual({
      a: { kind: 'debezium-outbox', key: 'text', body: 'data' },
      payment_events: {
        time: 'jackson',
        fields: new Map([
          ['event_type', 'eventType'],
          ['order_id', 'orderId'],
        ]),
      },
    });
  });

  it.each([
    ['ID', 'number', { id: 'number' }],
    ['TYPE', 'ORDER', { type: 'ORDER' }],
    ['VALUES', 'NEW=CREATED', { values: new Map([['NEW', 'CREATED']]) }],
    [
      'VALUES',
      '0=CREATED,1=CREATED',
      {
        values: new Map([
          ['0', 'CREATED'],
          ['1', 'CREATED'],
        ]),
      },
    ],
    ['KEY', 'text', { key: 'text' }],
    ['TIME', 'jackson', { time: 'jackson' }],
    ['BODY', 'data', { body: 'data' }],
    ['FIELDS', 'a=orderId', { fields: new Map([['a', 'orderId']]) }],
  ])('gives %s to the topic alone for which it is set', (name, value, options) => {
    const [one, other] = [
      { order_events: options, payment_events: {} },
      { order_events: {}, payment_events: options },
    ];
    expect(sources({ ORDER_SOURCE: 'json', [`ORDER_SOURCE_${name}`]: value })).toMatchObject(one);
    expect(sources({ [`PAYMENT_SOURCE_${name}`]: value })).toEqual(other);
  });

  it('joins them if both kinds of events come on one topic', () => {
    const env = {
      ORDER_TOPIC: 'a',
      PAYMENT_TOPIC: 'a',
      PAYMENT_SOURCE: 'connect-json',
      ORDER_SOURCE_KEY: 'text',
    };
    expect(sources(env)).toEqual({ a: { kind: 'connect-json', key: 'text' } });
    expect(sources({ ...env, ORDER_SOURCE: 'connect-json' })).toEqual({
      a: { kind: 'connect-json', key: 'text' },
    });
  });

  it('names the variables by which they are chosen', () => {
    const env = {
      PAYMENT_SOURCE: 'debezium-table',
      PAYMENT_SOURCE_KEY: 'json',
      PAYMENT_SOURCE_TIME: 'microseconds',
      PAYMENT_SOURCE_BODY: 'data',
      PAYMENT_SOURCE_FIELDS: 'a=eventType,b=orderId',
    };
    expect(sourceVariables('PAYMENT', sources(env).payment_events ?? {})).toEqual(env);
    expect(sourceVariables('ORDER', { kind: 'json', key: 'text', time: 'rfc3339' })).toEqual({});
  });
});
