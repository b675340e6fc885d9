import { describe, expect, it } from 'vitest';
import { AbortedFilter } from '../../../../src/adapters/kafka/reading/aborted-filter.ts';
import type { RecordBatch } from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import { headOf } from '../wire/record-batch-builder.ts';

const marker = (baseOffset: bigint, producerId: bigint, kind: 'abort' | 'commit'): RecordBatch => {
  const record = Buffer.from([0, 0, 0, 0, 8, 0, 0, 0, kind === 'abort' ? 0 : 1, 0, 0]);
  record[0] = (record.length - 1) * 2;
  return { ...headOf(baseOffset, 1, producerId), isControl: true, records: record };
};

describe('the filter of aborted transactions', () => {
  it('the filter ends each of two aborted transactions of one producer at its own marker', () => {
    const filter = new AbortedFilter([
      { producerId: 1n, firstOffset: 6n },
      { producerId: 1n, firstOffset: 0n },
    ]);
    const shown: [RecordBatch, boolean][] = [
      [headOf(0n, 2, 1n), false],
      [marker(2n, 1n, 'abort'), false],
      [headOf(3n, 2, 1n), true],
      [marker(5n, 1n, 'commit'), false],
      [headOf(6n, 1, 1n), false],
      [headOf(7n, 1, 2n), true],
      [headOf(8n, 1), true],
      [marker(9n, 1n, 'abort'), false],
      [headOf(10n, 1, 1n), true],
    ];
    expect(shown.map(([batch]) => filter.isCommitted(batch))).toEqual(shown.map(([, expected]) => expected));
  });

  it('the filter leaves out an aborted transaction that began before the answer and does not end in it', () => {
    const filter = new AbortedFilter([{ producerId: 1n, firstOffset: 3n }]);
    expect([headOf(100n, 5, 1n), headOf(105n, 5, 1n)].map((batch) => filter.isCommitted(batch))).toEqual([
      false,
      false,
    ]);
  });
});
