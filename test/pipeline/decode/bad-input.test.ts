import { describe, expect, it } from 'vitest';
import { QUARANTINE_REASONS } from '../../../src/pipeline/decode/reasons.ts';
import { BAD_INPUTS } from './bad-inputs.ts';
import { ORDERS_ONLY, PAYMENTS_ONLY } from './bad-inputs-of-topics.ts';
import {
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  PAYMENT_BODY,
  PAYMENT_SOURCE,
  recordOf,
} from './records.ts';

const TOPICS = [
  { source: ORDER_SOURCE, body: ORDER_BODY, inputs: [...BAD_INPUTS, ...ORDERS_ONLY] },
  { source: PAYMENT_SOURCE, body: PAYMENT_BODY, inputs: [...BAD_INPUTS, ...PAYMENTS_ONLY] },
];

describe.each(TOPICS)('on $source.topic', ({ source, body, inputs }) => {
  const decoder = ordersDecoder();

  it('a good record is an event, so that each bad record below is bad for one cause', () => {
    expect(decoder.decode(recordOf({ value: body }), source, 7).kind).toBe('event');
  });

  it.each(inputs)('%s is quarantined as %s', (_name, reason, make) => {
    const record = recordOf(make(body));
    const decoded = decoder.decode(record, source, 7);
    expect(decoded.kind === 'rejected' && decoded.record.reason).toBe(reason);
  });

  it.each(inputs)('%s gets the same verdict at another time and place', (_name, _reason, make) => {
    const record = recordOf(make(body));
    const moved = { ...record, offset: 2n ** 60n, timestampMs: 999 };
    const verdict = (decoded: ReturnType<typeof decoder.decode>) => {
      if (decoded.kind === 'event') throw new Error('The record was not rejected');
      const { reason, detail, valueHash } = decoded.record;
      return { reason, detail, valueHash };
    };
    expect(verdict(decoder.decode(moved, { ...source, partition: 0 }, 12345))).toEqual(
      verdict(decoder.decode(record, source, 7)),
    );
  });
});

describe('the list of bad inputs', () => {
  it('the list has an example of every reason that plain records can give by the schemas and the code of this domain', () => {
    const seen = new Set(TOPICS.flatMap(({ inputs }) => inputs.map(([, reason]) => reason)));
    expect(QUARANTINE_REASONS.filter((reason) => !seen.has(reason))).toEqual([
      'schema_unknown',
      'schema_mismatch',
      'source_mismatch',
      'change_not_insert',
      'schema_invalid',
      'event_not_understood',
    ]);
  });
});

describe('records without a key', () => {
  it('records without a key are events where the settings say so, and a wrong key stays wrong', () => {
    const decoder = ordersDecoder({ acceptsMissingKeys: true });
    const bare = ordersDecoder().decode(recordOf({ value: ORDER_BODY }), ORDER_SOURCE, 7);
    expect(decoder.decode(recordOf({ value: ORDER_BODY, key: null }), ORDER_SOURCE, 7)).toEqual(bare);
    expect(decoder.decode(recordOf({ value: ORDER_BODY, key: '' }), ORDER_SOURCE, 7)).toEqual(bare);
    const wrong = decoder.decode(recordOf({ value: ORDER_BODY, key: 'another' }), ORDER_SOURCE, 7);
    expect(wrong.kind === 'rejected' && wrong.record.reason).toBe('key_not_entity_id');
  });
});
