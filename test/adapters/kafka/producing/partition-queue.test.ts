import { expect, it } from 'vitest';
import { type Append, PartitionQueue } from '../../../../src/adapters/kafka/producing/partition-queue.ts';

function appendOf(records: number, endsTogether: boolean) {
  const ends: string[] = [];
  const append: Append = {
    positions: [],
    left: records,
    deadlineMs: 0,
    endsTogether,
    failure: undefined,
    resolve: () => ends.push('resolved'),
    reject: (error) => ends.push(`rejected: ${String(error)}`),
  };
  return { append, ends };
}

function queueWith(append: Append, partition: number, records: number): PartitionQueue {
  const queue = new PartitionQueue({ topic: 'states', partition }, 1_000_000);
  const record = { topic: 'states', key: null, value: null, headers: [] };
  for (let index = 0; index < records; index++) queue.waiting.push({ record, append, index });
  return queue;
}

const identity = { producerId: 1n, producerEpoch: 0 };

it('rejects an append of a family only when the records in its other partitions have come to their end', () => {
  const { append, ends } = appendOf(5, true);
  const [first, second] = [queueWith(append, 0, 2), queueWith(append, 1, 3)];
  const batch = second.encodeHead(identity, 0);
  first.encodeHead(identity, 0);
  first.failHead('no');
  expect(ends).toEqual([]);
  second.succeed(batch, 0n);
  expect(ends).toEqual(['rejected: no']);
});

it('rejects any other append as soon as one of its records has failed', () => {
  const { append, ends } = appendOf(5, false);
  const [first, second] = [queueWith(append, 0, 2), queueWith(append, 1, 3)];
  first.failHead('no');
  expect(ends).toEqual(['rejected: no']);
  second.succeed(second.encodeHead(identity, 0), 0n);
  expect(ends.every((end) => end === 'rejected: no')).toBe(true);
});

it('rejects what waits behind the batch that is on its way, and leaves that to its answer', () => {
  const { append, ends } = appendOf(1, true);
  const { append: later, ends: laterEnds } = appendOf(2, true);
  const queue = queueWith(append, 0, 1);
  const batch = queue.encodeHead(identity, 0);
  queue.waiting.push(...queueWith(later, 0, 2).waiting);
  queue.failWaiting('no');
  expect([ends, laterEnds]).toEqual([[], ['rejected: no']]);
  queue.succeed(batch, 7n);
  expect(ends).toEqual(['resolved']);
  expect(queue.hasWork()).toBe(false);
});
