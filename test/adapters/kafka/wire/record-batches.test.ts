import { compressionsAlgorithms, createRecordsBatch, Reader, readRecordsBatches } from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompress } from '../../../../src/adapters/kafka/wire/decompression.ts';
import {
  CorruptRecordBatchError,
  type RecordBatch,
  readRecordBatches,
} from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import {
  encodeRecordBatch,
  largestEncodedBytes,
} from '../../../../src/adapters/kafka/wire/record-batch-writer.ts';
import { RecordCursor } from '../../../../src/adapters/kafka/wire/record-cursor.ts';
import type { LogRecord, NewRecord, RecordHeader } from '../../../../src/ports/event-log.ts';
import { builtAtMs, storedRecordBatch } from './record-batch-builder.ts';

const identity = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };

const bytes = fc.option(fc.uint8Array({ maxLength: 300, size: 'max' }), { nil: null });
const header = fc.tuple(
  fc.string({ unit: 'grapheme', maxLength: 12, size: 'max' }),
  bytes,
) as fc.Arbitrary<RecordHeader>;
const newRecord: fc.Arbitrary<NewRecord> = fc.record({
  topic: fc.constant('t'),
  key: bytes,
  value: bytes,
  headers: fc.array(header, { maxLength: 4 }),
});

function decode(recordBatch: RecordBatch): LogRecord[] {
  const decompressed = decompress(recordBatch.records, recordBatch.compression, 1 << 20);
  const cursor = new RecordCursor(recordBatch, decompressed, { position: 0, taken: 0, lastOffsetDelta: -1 });
  const records: LogRecord[] = [];
  for (let next = cursor.next(); next !== undefined; next = cursor.next()) records.push(next);
  return records;
}

describe('record batches', () => {
  it('written record batches are read back with every key, value and header, and fit the predicted size', () => {
    fc.assert(
      fc.property(fc.array(newRecord, { minLength: 1, maxLength: 20, size: 'max' }), (records) => {
        const encoded = encodeRecordBatch(records, builtAtMs, identity);
        expect(encoded.length).toBeLessThanOrEqual(
          61 + records.reduce((sum, each) => sum + largestEncodedBytes(each), 0),
        );
        const [recordBatch] = [...readRecordBatches(encoded)] as [RecordBatch];
        const read = decode(recordBatch).map(({ offset, timestampMs, key, value, headers }) => ({
          offset,
          timestampMs,
          key,
          value,
          headers,
        }));
        expect(read).toEqual(
          records.map(({ key, value, headers }, index) => ({
            offset: BigInt(index),
            timestampMs: builtAtMs,
            key: key && Buffer.from(key),
            value: value && Buffer.from(value),
            headers: headers.map(([name, content]) => [name, content && Buffer.from(content)]),
          })),
        );
      }),
    );
  });

  it('the library reads a record batch as it was written here', () => {
    const records = [{ topic: 't', key: Buffer.from('k'), value: Buffer.from('v'), headers: [] }];
    const [recordBatch] = readRecordsBatches(Reader.from(encodeRecordBatch(records, builtAtMs, identity)));
    expect(recordBatch?.records[0]).toMatchObject({ key: Buffer.from('k'), value: Buffer.from('v') });
    expect(recordBatch).toMatchObject({ producerId: 7n, firstTimestamp: BigInt(builtAtMs) });
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'a record batch compressed by %s is read',
    (compression) => {
      const messages = [
        { topic: 't', value: Buffer.from('one') },
        { topic: 't', value: Buffer.from('two') },
      ];
      expect(compressionsAlgorithms[compression].available).toBe(true);
      const [recordBatch] = [...readRecordBatches(createRecordsBatch(messages, { compression }).buffer)] as [
        RecordBatch,
      ];
      expect(decode(recordBatch).map(({ value }) => String(value))).toEqual(['one', 'two']);
    },
  );

  it('a record batch with any single flipped bit under its checksum is refused', () => {
    const sound = encodeRecordBatch(
      [{ topic: 't', key: null, value: Buffer.from('value'), headers: [] }],
      1,
      identity,
    );
    const firstCovered = 21;
    for (let bit = firstCovered * 8; bit < sound.length * 8; bit++) {
      const rotten = Buffer.from(sound);
      rotten[bit >> 3] = (rotten[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => [...readRecordBatches(rotten)]).toThrow(CorruptRecordBatchError);
    }
  });

  it('a record batch that is cut off at the end of an answer is ignored, and those before it are read', () => {
    const whole = Buffer.concat([storedRecordBatch(0n, ['one']), storedRecordBatch(1n, ['two'])]);
    const first = storedRecordBatch(0n, ['one']).length;
    for (let length = first; length < whole.length; length++) {
      expect([...readRecordBatches(whole.subarray(0, length))].map(({ baseOffset }) => baseOffset)).toEqual([
        0n,
      ]);
    }
  });
});
