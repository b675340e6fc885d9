import { describe, expect, it } from 'vitest';
import type { RecordBatch } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { RecordCursor } from '../../../../src/adapters/kafka/wire/record-cursor.ts';
import { buildRecord, varint } from './record-batch-builder.ts';

const START = { position: 0, taken: 0, lastOffsetDelta: -1 };

function cursorOf(records: Buffer, more: Partial<RecordBatch> = {}): RecordCursor {
  const batch = { baseOffset: 100n, nextOffset: 103n, recordCount: 1, timestampMs: 1_000, ...more };
  return new RecordCursor(batch as RecordBatch, records, START);
}

const recordAt = (delta: number) => buildRecord(delta, Buffer.from('x'));

/** A record with one header, whose name has these bytes, and this time behind that of its record batch. */
function recordWith(name: Buffer, timestampDelta: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(0),
    varint(-1),
    varint(-1),
    varint(1),
    varint(name.length),
    name,
    varint(-1),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

describe('the offsets of records', () => {
  it('offsets of the record batch may be missing', () => {
    const cursor = cursorOf(Buffer.concat([recordAt(0), recordAt(2)]), { recordCount: 2 });
    expect([cursor.next()?.offset, cursor.next()?.offset, cursor.next()]).toEqual([100n, 102n, undefined]);
    expect(cursor.isAtEnd).toBe(true);
  });

  it.each([
    ['behind the record batch', [3]],
    ['before it', [-1]],
    ['twice the same', [1, 1]],
    ['going back', [1, 0]],
  ])('offsets %s are refused', (_, deltas) => {
    const cursor = cursorOf(Buffer.concat(deltas.map(recordAt)), { recordCount: deltas.length });
    for (let index = 1; index < deltas.length; index++) cursor.next();
    expect(() => cursor.next()).toThrow('not in sequence');
  });
});

describe('a record', () => {
  it('takes its time from the head of the record batch, or from the broker that appended it', () => {
    const record = recordWith(Buffer.from('a'), 7);
    expect(cursorOf(record).next()?.timestampMs).toBe(1_007);
    expect(cursorOf(record, { appendTimestampMs: 5_000 } as Partial<RecordBatch>).next()?.timestampMs).toBe(
      5_000,
    );
  });

  it('keeps the names of headers apart, as text or as bytes', () => {
    const nameOf = (bytes: Buffer) => cursorOf(recordWith(bytes, 0)).next()?.headers[0]?.[0];
    expect(nameOf(Buffer.from('n\u00e9'))).toBe('n\u00e9');
    expect(nameOf(Buffer.from('\ufffd'))).toBe('\ufffd');
    expect(nameOf(Buffer.from([0xff]))).toEqual(Buffer.from([0xff]));
    expect(nameOf(Buffer.from([0xfe]))).toEqual(Buffer.from([0xfe]));
  });

  it('shows its size, and cannot be longer or more than the record batch says', () => {
    const record = recordAt(0);
    const cursor = cursorOf(Buffer.concat([record, recordAt(1)]));
    cursor.next();
    expect(cursor.recordBytes).toBe(record.length);
    expect(() => cursor.next()).toThrow('more records than its head says');
    expect(() => cursorOf(record.subarray(0, -1)).next()).toThrow('longer than its record batch');
  });

  it('decodes from where another cursor was', () => {
    const records = Buffer.concat([recordAt(0), recordAt(1)]);
    const first = cursorOf(records, { recordCount: 2 });
    first.next();
    const batch = { baseOffset: 100n, nextOffset: 103n, recordCount: 2, timestampMs: 0 } as RecordBatch;
    const second = new RecordCursor(batch, records, first.place());
    expect([second.next()?.offset, second.next()]).toEqual([101n, undefined]);
  });
});
