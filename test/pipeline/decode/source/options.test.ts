import { describe, expect, it } from 'vitest';
import {
  isPlainSource,
  KEY_FORM_OF,
  SOURCE_KINDS,
  type SourceOptions,
} from '../../../../src/pipeline/decode/source/options.ts';

describe('isPlainSource', () => {
  it.each<SourceOptions>([
    {},
    { kind: 'json', key: 'text', time: 'rfc3339', id: 'text' },
    { fields: new Map(), values: new Map() },
  ])('takes %j for the form that the decoder reads anyway', (options) => {
    expect(isPlainSource(options)).toBe(true);
  });

  it.each<[string, SourceOptions]>([
    ['kind', { kind: 'cloudevents' }],
    ['kind', { kind: 'connect-json', key: 'text' }],
    ['key', { key: 'ignore' }],
    ['time', { time: 'milliseconds' }],
    ['body', { body: 'payload' }],
    ['type', { type: 'ORDER' }],
    ['id', { id: 'number' }],
    ['fields', { fields: new Map([['id', 'orderId']]) }],
    ['values', { values: new Map([['paid', 'PAYMENT_AUTHORIZED']]) }],
  ])('knows a source by its %s alone: %j', (_, options) => {
    expect(isPlainSource(options)).toBe(false);
  });
});

describe('KEY_FORM_OF', () => {
  it('names the form that each kind of source writes', () => {
    expect(SOURCE_KINDS.map((kind) => [kind, KEY_FORM_OF[kind]])).toEqual([
      ['json', 'text'],
      ['cloudevents', 'text'],
      ['connect-json', 'json'],
      ['debezium-outbox', 'json'],
      ['debezium-table', 'ignore'],
      ['schema-registry', 'json'],
    ]);
  });
});
