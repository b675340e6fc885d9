import { describe, expect, it } from 'vitest';
import type { Followed } from '../../../../src/adapters/kafka/reading/followed.ts';
import { readRecordBatches } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { buildRecord, buildRecordBatch } from '../wire/record-batch-builder.ts';
import { BOUNDLESS, followed, push } from './followed-parts.ts';

describe('a followed partition', () => {
  it('queues a record batch once, however often it is read', () => {
    const partition = followed();
    for (let time = 0; time < 2; time++) push(partition, { baseOffset: 0n, recordCount: 2 });
    expect(partition.take(BOUNDLESS, true)?.fetched.records).toHaveLength(2);
    expect(partition.take(BOUNDLESS, true)).toBeUndefined();
  });

  it('gives each piece of a record batch the leader epoch of that record batch', () => {
    const partition = followed();
    push(partition, { baseOffset: 0n, recordCount: 2, leaderEpoch: 3 });
    push(partition, { baseOffset: 2n, recordCount: 3, leaderEpoch: 5 });
    const epochs: (readonly [number, bigint])[] = [];
    for (let taken = take(partition); taken !== undefined; taken = take(partition))
      epochs.push([taken.leaderEpoch, taken.nextOffset]);
    expect(epochs).toEqual([
      [3, 1n],
      [3, 2n],
      [5, 3n],
      [5, 4n],
      [5, 5n],
    ]);
  });

  it('goes on behind the last sound record of a record batch, and its fault is there', () => {
    const partition = followed();
    const records = Buffer.concat([buildRecord(0, Buffer.from('sound')), Buffer.from([200, 1, 0])]);
    for (const recordBatch of readRecordBatches(buildRecordBatch({ recordCount: 4, records })))
      partition.push(recordBatch, true);
    expect(take(partition, BOUNDLESS)).toMatchObject({ records: { length: 1 }, nextOffset: 1n });
    expect(partition.fault).toMatchObject({ kind: 'corrupt_batch', offset: 1n });
  });

  it('costs no wait while its requests fail, or while nobody leads it', () => {
    const partition = followed();
    expect(partition.patienceLeftMs(9n, 0)).toBe(1_000);
    expect(partition.patienceLeftMs(9n, 400)).toBe(600);
    partition.failures = 1;
    expect(partition.patienceLeftMs(9n, 500)).toBe(0);
    partition.failures = 0;
    expect(partition.patienceLeftMs(9n, 600)).toBe(1_000);
    partition.isWithoutLeader = true;
    expect(partition.patienceLeftMs(9n, 700)).toBe(0);
    partition.isWithoutLeader = false;
    expect(partition.patienceLeftMs(0n, 800)).toBe(0);
  });
});

function take(partition: Followed, limits = { ...BOUNDLESS, maxRecords: 1 }) {
  return partition.take(limits, true)?.fetched;
}
