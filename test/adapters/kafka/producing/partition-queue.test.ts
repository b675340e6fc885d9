import { expect, it } from 'vitest';
import { type Append, PartitionQueue } from '../../../../src/adapters/kafka/producing/partition-queue.ts';

function appendOf(records: number, endsTogether: boolean) {
  const ends: string[] = [];
  const append: Append = {
    offsets: [],
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

it('a failed append of a family is rejected only when the outcome of its records in other partitions is known', () => {
  const { append, ends } = appendOf(5, true);
  const [first, second] = [queueWith(append, 0, 2), queueWith(append, 1, 3)];
  const pending = second.encodeHead(identity, 0);
  first.encodeHead(identity, 0);
  first.failHead('no');
  expect(ends).toEqual([]);
  second.succeed(pending, 0n);
  expect(ends).toEqual(['rejected: no']);
});

it('a failed append without a family is rejected as soon as one of its records has failed', () => {
  const { append, ends } = appendOf(5, false);
  const [first, second] = [queueWith(append, 0, 2), queueWith(append, 1, 3)];
  first.failHead('no');
  expect(ends).toEqual(['rejected: no']);
  second.succeed(second.encodeHead(identity, 0), 0n);
  expect(ends.every((end) => end === 'rejected: no')).toBe(true);
});

it('records behind the record pending in flight are rejected, and its own records wait for their answer', () => {
  const { append, ends } = appendOf(1, true);
  const { append: later, ends: laterEnds } = appendOf(2, true);
  const queue = queueWith(append, 0, 1);
  const pending = queue.encodeHead(identity, 0);
  queue.waiting.push(...queueWith(later, 0, 2).waiting);
  queue.failWaiting('no');
  expect([ends, laterEnds]).toEqual([[], ['rejected: no']]);
  queue.succeed(pending, 7n);
  expect(ends).toEqual(['resolved']);
  expect(queue.hasWork()).toBe(false);
});
