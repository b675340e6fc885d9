import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeHeaders as decodeStored,
  encodeHeaders,
  isCut,
  logRecordOf,
} from '../../../src/pipeline/decode/quarantine.ts';
import type { LoggedHeader } from '../../../src/ports/event-log.ts';
import {
  ORDER_BODY,
  ORDER_SOURCE,
  ordersDecoder,
  type RecordParts,
  recordOf,
  rejectionOf,
  sha256,
} from './records.ts';

/** What `encodeHeaders` encoded. */
function decodeHeaders(bytes: Uint8Array): LoggedHeader[] {
  type Pair = [string | { base64: string }, string | null];
  const pairs = JSON.parse(Buffer.from(bytes).toString('utf8')) as Pair[];
  const from = (text: string): Buffer => Buffer.from(text, 'base64');
  return pairs.map(([name, value]) => [
    typeof name === 'string' ? name : from(name.base64),
    value === null ? null : from(value),
  ]);
}

describe('quarantine', () => {
  it('the record is kept as it was, so that it can be decoded again', () => {
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
    expect([quarantined.key, quarantined.value]).toEqual([record.key, record.value]);
    expect(decodeHeaders(quarantined.headers)).toEqual(record.headers);
  });

  it('the record of the log is made again from what was kept, unless it was cut', () => {
    const parts: RecordParts = {
      value: '{"half',
      headers: [
        ['é', Buffer.from([0xff, 0])],
        ['a', null],
      ],
    };
    const { timestampMs: _, ...record } = recordOf(parts);
    const kept = rejectionOf(parts);
    expect(logRecordOf(kept)).toMatchObject(record);
    for (const cut of [
      { ...kept, reason: 'record_too_large' },
      { ...kept, valueLength: kept.valueLength + 1 },
    ]) {
      expect(isCut(cut)).toBe(true);
      expect(logRecordOf(cut)).toBeNull();
    }
  });

  it('headers that somebody has altered are not read', () => {
    for (const altered of [
      '',
      '{',
      '{}',
      '[1]',
      '[["a"]]',
      '[[1,""]]',
      '[["a",1]]',
      '[[{"base65":""},null]]',
    ])
      expect(decodeStored(Buffer.from(altered)), altered).toBeNull();
    expect(logRecordOf({ ...rejectionOf({ value: '{"half' }), headers: Buffer.from('[1]') })).toBeNull();
  });

  it('headers that somebody has altered are read as far as they are pairs', () => {
    const read = (headers: unknown) => decodeStored(Buffer.from(JSON.stringify(headers)));
    expect(read([])).toEqual([]);
    expect(read([['a', null]])).toEqual([['a', null]]);
    expect(read([['a', '']])).toEqual([['a', Buffer.alloc(0)]]);
    expect(read([[{ base64: '/w==' }, 'YQ==']])).toEqual([[Buffer.from([0xff]), Buffer.from('a')]]);
    for (const altered of [
      [['a', null, null]],
      [[null, null]],
      [[{ base64: 7 }, null]],
      [['a', {}]],
      [['a', null], ['b']],
      { length: 0 },
    ])
      expect(read(altered), JSON.stringify(altered)).toBeNull();
  });

  it('a record without a value was not cut', () => {
    const kept = rejectionOf({ value: null });
    expect([isCut(kept), logRecordOf(kept)?.value]).toEqual([false, null]);
    expect(isCut({ ...kept, valueLength: 1 })).toBe(true);
    expect(logRecordOf(kept)).toMatchObject({ offset: 42n, timestampMs: 7, headers: [] });
  });

  it('the headers of a record that is too large are kept up to 4,096 bytes together', () => {
    const kept = (length: number) => {
      const headers = [
        ['a', 'b'],
        ['cd', null],
        ['big', 'x'.repeat(length)],
        ['last', ''],
      ] as const;
      const quarantined = rejectionOf({ headers }, ordersDecoder({ maxRecordBytes: 100 }));
      return decodeHeaders(quarantined.headers).map(([name]) => name);
    };
    // A character of a name counts three bytes.
    expect(kept(4096 - 4 - 6 - 9 - 12)).toEqual(['a', 'cd', 'big', 'last']);
    expect(kept(4096 - 4 - 6 - 9)).toEqual(['a', 'cd', 'big']);
    expect(kept(4096 - 4 - 6 - 9 + 1)).toEqual(['a', 'cd']);
  });

  it('a null value and a null key are told apart from empty ones', () => {
    const emptyHash = sha256('');
    expect(rejectionOf({ value: null })).toMatchObject({ value: null, valueLength: 0, valueHash: emptyHash });
    expect(rejectionOf({ value: '', key: null })).toMatchObject({ value: Buffer.alloc(0), key: null });
  });

  it('a record that is too large leaves its hash, length and first bytes', () => {
    const value = JSON.stringify({ ...ORDER_BODY, note: 'x'.repeat(200_000) });
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
    // Copies, so that not all of the record stays in memory.
    const kept = [quarantined.key, quarantined.value].map((bytes) => bytes?.buffer.byteLength ?? 0);
    expect(Math.max(...kept)).toBeLessThan(value.length);
  });

  it('key, value and headers count together, and a record of exactly the limit is accepted', () => {
    const value = Buffer.from(JSON.stringify(ORDER_BODY));
    const size = value.length + 'order123'.length + 'é'.length + 1 + 10;
    const parts: RecordParts = { value, headers: [['é', 'x'.repeat(10)]] };
    expect(ordersDecoder({ maxRecordBytes: size }).decode(recordOf(parts), ORDER_SOURCE, 7).kind).toBe(
      'event',
    );
    expect(rejectionOf(parts, ordersDecoder({ maxRecordBytes: size - 1 })).reason).toBe('record_too_large');
  });

  it('the detail never repeats what the record holds', () => {
    const secret = 'TOP-SECRET';
    const records: RecordParts[] = [
      { value: { ...ORDER_BODY, orderStatus: secret } },
      { value: { ...ORDER_BODY, orderId: { [secret]: secret } } },
      { value: { ...ORDER_BODY, timestamp: secret } },
      { value: { ...ORDER_BODY, eventType: secret } },
      { value: `{"${secret}":${secret}}` },
      { key: secret },
      { key: JSON.stringify(secret) },
      { key: `order123${secret}` },
      { value: secret },
      { value: JSON.stringify(secret) },
      { value: JSON.stringify([secret, { ...ORDER_BODY, [secret]: secret }]) },
      { value: { [secret]: ORDER_BODY } },
      { value: { schema: secret, payload: secret } },
      { value: { op: secret, before: null, after: { [secret]: secret }, source: {} } },
      { value: { ...ORDER_BODY, timestamp: `2025-04-05 02:26:30[${secret}]` } },
      { value: { ...ORDER_BODY, eventType: undefined, [secret]: 'ORDER' } },
      { value: { ...ORDER_BODY, revision: secret } },
      { headers: [['content-type', secret]] },
      { headers: [['ce_specversion', secret]] },
      { value: { ...ORDER_BODY, eventId: secret.repeat(100) } },
    ];
    for (const parts of records) expect(rejectionOf(parts).detail).not.toContain(secret);
  });

  it('the detail says which field is wrong, and how', () => {
    expect(rejectionOf({ value: { ...ORDER_BODY, orderId: 7 } }).detail).toBe(
      'The field "/orderId" is a number, and must be string.',
    );
    expect(rejectionOf({ value: { eventType: 'ORDER' } }).detail).toBe('The body has no field orderId.');
  });

  it('header names that are not UTF-8 stay distinct from each other and from their lenient decoding', () => {
    const names = [Buffer.from([0x61, 0xff]), Buffer.from([0x61, 0xfe]), 'a\ufffd'];
    const encoded = names.map((name) => String(encodeHeaders([[name, null]])));
    expect(new Set(encoded).size).toBe(3);
    const headers: LoggedHeader[] = names.map((name) => [name, Buffer.from('x')]);
    const quarantined = ordersDecoder().decode({ ...recordOf({ value: '{' }), headers }, ORDER_SOURCE, 7);
    if (quarantined.kind !== 'rejected') throw new Error('The record was taken.');
    expect(decodeHeaders(quarantined.record.headers)).toEqual(headers);
  });

  it('an event with a header whose name is not UTF-8 is accepted', () => {
    const headers: LoggedHeader[] = [[Buffer.from([0x63, 0x65, 0x5f, 0xff]), Buffer.from('x')]];
    const decoded = ordersDecoder().decode({ ...recordOf({ value: ORDER_BODY }), headers }, ORDER_SOURCE, 7);
    expect(decoded.kind).toBe('event');
  });

  it('every header comes back from its encoding', () => {
    const name = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(Buffer.from([0x61, 0xff, 0xc0])));
    const header = fc.tuple(name, fc.option(fc.uint8Array({ maxLength: 50, size: 'max' })));
    fc.assert(
      fc.property(fc.array(header, { maxLength: 8 }), (headers) => {
        const copies = decodeHeaders(encodeHeaders(headers)).map(([name, value]) => [
          name,
          value && [...value],
        ]);
        expect(copies).toEqual(headers.map(([name, value]) => [name, value && [...value]]));
      }),
    );
  });
});
