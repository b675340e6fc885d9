import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHeaders, encodeHeaders, toLogRecord } from '../../../src/pipeline/decode/quarantine.ts';
import {
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  type RecordParts,
  recordOf,
  rejectionOf,
  sha256,
} from './records.ts';

describe('quarantine', () => {
  it('keeps the record as it was, so that it can be decoded again', () => {
    const parts: RecordParts = {
      value: '{"eventType":',
      headers: [
        ['a', 'x'],
        ['a', null],
        ['é', Buffer.from([0xff, 0])],
      ],
    };
    const record = recordOf(parts);
    const quarantined = rejectionOf(parts);
    expect(quarantined).toMatchObject({
      topic: 'order_events',
      partition: 3,
      offset: 42n,
      reason: 'json_invalid',
      valueLength: 13,
      valueHash: sha256('{"eventType":'),
      observedAtMs: 7,
    });
    expect(toLogRecord(quarantined)).toEqual({ ...record, timestampMs: 7 });
  });

  it('tells a null value and a null key from empty ones', () => {
    const emptyHash = sha256('');
    expect(rejectionOf({ value: null })).toMatchObject({ value: null, valueLength: 0, valueHash: emptyHash });
    expect(rejectionOf({ value: '', key: null })).toMatchObject({ value: Buffer.alloc(0), key: null });
  });

  it('keeps hash, length and first bytes of a record that is too large', () => {
    const value = JSON.stringify({ ...ORDER_BODY, note: 'x'.repeat(10_000) });
    const parts: RecordParts = {
      value,
      key: 'k'.repeat(5000),
      headers: [
        ['a', 'b'],
        ['big', 'x'.repeat(5000)],
      ],
    };
    const quarantined = rejectionOf(parts, ordersDecoder({ maxRecordBytes: 10_000 }));
    expect(quarantined.reason).toBe('record_too_large');
    expect(quarantined.valueLength).toBe(value.length);
    expect(quarantined.valueHash).toBe(sha256(value));
    expect(quarantined.value).toEqual(Buffer.from(value.slice(0, 4096)));
    expect(quarantined.key).toHaveLength(4096);
    expect(decodeHeaders(quarantined.headers)).toEqual([['a', Buffer.from('b')]]);
    expect(toLogRecord(quarantined)).toBeNull();
  });

  it('counts key, value and headers together, and takes a record of exactly the limit', () => {
    const value = Buffer.from(JSON.stringify(ORDER_BODY));
    const size = value.length + 'order123'.length + 'é'.length + 1 + 10;
    const parts: RecordParts = { value, headers: [['é', 'x'.repeat(10)]] };
    expect(ordersDecoder({ maxRecordBytes: size }).decode(recordOf(parts), ORDER_SOURCE, 7).kind).toBe(
      'event',
    );
    expect(rejectionOf(parts, ordersDecoder({ maxRecordBytes: size - 1 })).reason).toBe('record_too_large');
  });

  it('never repeats in its detail what the record holds', () => {
    const secret = 'TOP-SECRET';
    const records: RecordParts[] = [
      { value: { ...ORDER_BODY, orderStatus: secret } },
      { value: { ...ORDER_BODY, orderId: { [secret]: secret } } },
      { value: { ...ORDER_BODY, timestamp: secret } },
      { value: { ...ORDER_BODY, eventType: secret } },
      { value: `{"${secret}":${secret}}` },
      { key: secret },
      { headers: [['content-type', secret]] },
      { headers: [['ce_specversion', secret]] },
      { value: { ...ORDER_BODY, eventId: secret.repeat(100) } },
    ];
    for (const parts of records) expect(rejectionOf(parts).detail).not.toContain(secret);
  });

  it('says which field is wrong, and how', () => {
    expect(rejectionOf({ value: { ...ORDER_BODY, orderId: 7 } }).detail).toBe(
      'The field "/orderId" must be string.',
    );
    expect(rejectionOf({ value: { eventType: 'ORDER' } }).detail).toBe(
      "The body must have required property 'orderId'.",
    );
  });

  it('encodes headers so that every one of them comes back', () => {
    const header = fc.tuple(fc.string({ unit: 'binary' }), fc.option(fc.uint8Array()));
    fc.assert(
      fc.property(fc.array(header), (headers) => {
        const copies = decodeHeaders(encodeHeaders(headers)).map(([name, value]) => [
          name,
          value && [...value],
        ]);
        expect(copies).toEqual(headers.map(([name, value]) => [name, value && [...value]]));
      }),
    );
  });
});
