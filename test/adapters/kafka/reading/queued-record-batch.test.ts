import { describe, expect, it } from 'vitest';
import { QueuedRecordBatch } from '../../../../src/adapters/kafka/reading/queued-record-batch.ts';
import type { RecordBatch } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { buildRecord, type Compression, compressed, compressions } from '../wire/record-batch-builder.ts';

const VALUES = ['first', 'second', 'third'];
const RECORDS = Buffer.concat(VALUES.map((value, index) => buildRecord(index, Buffer.from(value))));

function batchOf(codec: Compression | null): RecordBatch {
  return {
    baseOffset: 10n,
    nextOffset: 13n,
    recordCount: VALUES.length,
    compression: codec === null ? 0 : compressions[codec],
    records: codec === null ? RECORDS : compressed(RECORDS, codec),
    timestampMs: 0,
  } as unknown as RecordBatch;
}

describe.each([null, 'gzip'] as const)('a queued record batch, compressed by %s', (codec) => {
  it('goes on behind the last record that was taken, after it was closed in between', () => {
    const batch = batchOf(codec);
    const queued = new QueuedRecordBatch(batch, 3, 13n);
    const taken: [bigint | undefined, string][] = [];
    const take = () => {
      queued.open(batch, 1_000);
      const record = queued.next();
      taken.push([record?.offset, Buffer.from(record?.value ?? []).toString()]);
    };
    take();
    queued.close();
    queued.close();
    take();
    take();
    expect(taken).toEqual([
      [10n, 'first'],
      [11n, 'second'],
      [12n, 'third'],
    ]);
    expect(queued.isAtEnd).toBe(true);
    expect(queued.next()).toBeUndefined();
  });

  it('counts its decompressed bytes only while it is open', () => {
    const batch = batchOf(codec);
    const queued = new QueuedRecordBatch(batch, 3, 13n);
    const closedBytes = queued.bytes;
    expect(closedBytes).toBeGreaterThan(batch.records.length);
    queued.open(batch, 1_000);
    queued.open(batch, 1_000);
    expect(queued.openBytes).toBe(codec === null ? 0 : RECORDS.length);
    expect(queued.bytes).toBe(closedBytes + queued.openBytes);
    queued.next();
    expect(queued.recordBytes).toBeGreaterThan('first'.length);
    queued.close();
    expect([queued.openBytes, queued.bytes, queued.recordBytes, queued.isAtEnd]).toEqual([
      0,
      closedBytes,
      0,
      false,
    ]);
  });
});

it('a queued offset without a record batch takes no memory', () => {
  const queued = new QueuedRecordBatch(undefined, 3, 13n);
  expect([queued.bytes, queued.leaderEpoch, queued.nextOffset]).toEqual([0, 3, 13n]);
});
