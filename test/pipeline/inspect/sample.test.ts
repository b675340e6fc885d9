import { describe, expect, it } from 'vitest';
import { readSample } from '../../../src/pipeline/inspect/sample.ts';
import type { EventLog, LogRecord } from '../../../src/ports/event-log.ts';
import { recordOf } from '../decode/records.ts';

/** A log with one partition, whose records have values of this many bytes. */
function logOf(sizes: readonly number[]): Pick<EventLog, 'describe' | 'readRecords'> {
  const endOffset = BigInt(sizes.length);
  const records = sizes.map(
    (size, index): LogRecord => ({ ...recordOf({ value: Buffer.alloc(size, 'x') }), offset: BigInt(index) }),
  );
  return {
    describe: async () => [
      {
        topic: 'orders',
        topicId: 'id',
        partitionCount: 1,
        partitions: [{ topic: 'orders', partition: 0, startOffset: 0n, endOffset }],
      },
    ],
    readRecords: async ({ offset, maxRecords }) => {
      const read = records.slice(Number(offset), Number(offset) + Math.min(maxRecords, 2));
      return { kind: 'read', records: read, nextOffset: offset + BigInt(read.length) };
    },
  };
}

describe('readSample', () => {
  const MEBI = 1024 * 1024;
  const offsets = async (sizes: readonly number[], size: number) => {
    const sample = await readSample(logOf(sizes), 'orders', size);
    return sample?.records.map(({ record }) => Number(record.offset));
  };

  it('takes the newest records', async () => {
    expect(await offsets([1, 1, 1, 1, 1], 3)).toEqual([2, 3, 4]);
  });

  it('takes fewer of large records, and the newest one whatever it has', async () => {
    expect(await offsets(Array(10).fill(MEBI), 10)).toEqual([6, 7, 8, 9]);
    expect(await offsets([1, MEBI, 5 * MEBI], 3)).toEqual([2]);
    expect(await offsets([5 * MEBI, 1, 1], 3)).toEqual([1, 2]);
  });
});
