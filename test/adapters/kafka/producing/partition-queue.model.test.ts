import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type Append,
  type Entry,
  PartitionQueue,
  type PendingRecordBatch,
} from '../../../../src/adapters/kafka/producing/partition-queue.ts';
import { largestEncodedBytes } from '../../../../src/adapters/kafka/wire/record-batch-writer.ts';
import type { PartitionOffset } from '../../../../src/core/offset.ts';
import { command, holds, sequences } from '../../../helpers/properties.ts';

/** Some way before the count of records starts again at 0. */
const FIRST_SEQUENCE = 2 ** 31 - 5;
const RECORD_BATCH_BYTES = 200;
const IDENTITY = { producerId: 7n, producerEpoch: 0 };

interface KnownAppend {
  readonly append: Append;
  readonly entries: (readonly [queue: number, entry: Entry])[];
  end: 'resolved' | 'rejected' | null;
  ends: number;
}

/** A partition as the broker has it, and what was sent to it. */
interface Partition {
  /** The records in the log, in their sequence. */
  readonly log: Entry[];
  /** The records that were given to the queue and did not fail. */
  waiting: Entry[];
  /** The record batch that was sent, with its bytes. */
  sent: { readonly pending: PendingRecordBatch; readonly bytes: Buffer } | null;
  /** The offset of that record batch, if the broker has appended it and its answer was lost. */
  appendedAt: number | null;
}

class Model {
  readonly appends: KnownAppend[] = [];
  readonly partitions: Partition[] = [0, 1].map(() => ({
    log: [],
    waiting: [],
    sent: null,
    appendedAt: null,
  }));

  /** Every record of the append is in the log or has failed. */
  isKnown({ entries }: KnownAppend, failed: ReadonlySet<Entry>): boolean {
    return entries.every(([index, entry]) => {
      const { log } = this.partitions[index] as Partition;
      return log.includes(entry) || failed.has(entry);
    });
  }

  readonly failed = new Set<Entry>();
}

type Real = readonly PartitionQueue[];

function expectEnds(model: Model): void {
  for (const known of model.appends) {
    expect(known.ends).toBeLessThanOrEqual(known.append.endsTogether ? 1 : known.entries.length);
    const hasFailed = known.entries.some(([, entry]) => model.failed.has(entry));
    const isAllKnown = model.isKnown(known, model.failed);
    const isOver = hasFailed && !known.append.endsTogether ? true : isAllKnown;
    // The broker may have a record batch whose answer is still to come.
    const isUnanswered = known.entries.some(([index, entry]) => {
      const { sent, appendedAt } = model.partitions[index] as Partition;
      return appendedAt !== null && (sent?.pending.entries.includes(entry) ?? false);
    });
    if (isUnanswered && !(hasFailed && !known.append.endsTogether)) expect(known.end).toBeNull();
    else expect(known.end).toBe(isOver ? (hasFailed ? 'rejected' : 'resolved') : null);
    if (known.end === 'resolved')
      expect(known.append.offsets).toEqual(
        known.entries.map(([partition, entry]): PartitionOffset => {
          const offset = BigInt((model.partitions[partition] as Partition).log.indexOf(entry));
          return { topic: 'states', partition, offset };
        }),
      );
  }
}

const appends = fc
  .tuple(
    fc.array(fc.tuple(fc.nat({ max: 1 }), fc.constantFrom(0, 10, 60, 150, 400)), {
      minLength: 1,
      maxLength: 6,
    }),
    fc.boolean(),
  )
  .map(([records, endsTogether]) =>
    command<Model, Real>(
      `an append of ${JSON.stringify(records)}, together: ${endsTogether}`,
      (model, queues) => {
        const known: KnownAppend = {
          append: {
            offsets: [],
            left: records.length,
            deadlineMs: model.appends.length,
            endsTogether,
            failure: undefined,
            resolve: () => end('resolved'),
            reject: () => end('rejected'),
          },
          entries: [],
          end: null,
          ends: 0,
        };
        const end = (how: 'resolved' | 'rejected') => {
          // A promise keeps its first end.
          known.end ??= how;
          known.ends++;
        };
        records.forEach(([index, bytes], place) => {
          const record = { topic: 'states', key: null, value: Buffer.alloc(bytes), headers: [] };
          const entry: Entry = { record, append: known.append, index: place };
          known.entries.push([index, entry]);
          queues[index]?.waiting.push(entry);
          model.partitions[index]?.waiting.push(entry);
        });
        model.appends.push(known);
      },
    ),
  );

const which = fc.nat({ max: 1 });
const hasWork = (index: number) => (model: Readonly<Model>) =>
  (model.partitions[index]?.sent ?? null) !== null || (model.partitions[index]?.waiting.length ?? 0) > 0;

function send(partition: Partition, queue: PartitionQueue): PendingRecordBatch {
  const pending = queue.encodeHead(IDENTITY, 0);
  const { bytes } = pending;
  if (bytes === undefined) throw new Error('A record batch without bytes.');
  if (partition.sent === null) {
    // The first records that wait, in their sequence, as many as there is room for.
    expect(pending.entries).toEqual(partition.waiting.slice(0, pending.entries.length));
    const size = (entries: readonly Entry[]) =>
      entries.reduce((sum, { record }) => sum + largestEncodedBytes(record), 0);
    if (pending.entries.length > 1) expect(size(pending.entries)).toBeLessThanOrEqual(queue.recordBatchBytes);
    partition.sent = { pending, bytes: Buffer.from(bytes) };
  } else {
    expect(pending).toBe(partition.sent.pending);
    expect(bytes.equals(partition.sent.bytes)).toBe(true);
  }
  // The broker takes nothing else than the next number.
  const next = (FIRST_SEQUENCE + (partition.appendedAt ?? partition.log.length)) % 2 ** 31;
  expect(pending.baseSequence).toBe(next);
  return pending;
}

const isAnswered = fc.tuple(which, fc.boolean()).map(([index, losesAnswer]) =>
  command<Model, Real>(
    `partition ${index} appends a record batch${losesAnswer ? ', and its answer is lost' : ''}`,
    (model, queues) => {
      const partition = model.partitions[index] as Partition;
      const queue = queues[index] as PartitionQueue;
      const pending = send(partition, queue);
      if (partition.appendedAt === null) {
        partition.appendedAt = partition.log.length;
        partition.log.push(...pending.entries);
        partition.waiting = partition.waiting.slice(pending.entries.length);
      }
      if (!losesAnswer) {
        queue.succeed(pending, BigInt(partition.appendedAt));
        partition.appendedAt = null;
        partition.sent = null;
      }
      expectEnds(model);
    },
    hasWork(index),
  ),
);

const isRefused = which.map((index) =>
  command<Model, Real>(
    `partition ${index} answers with an error that passes`,
    (model, queues) => {
      send(model.partitions[index] as Partition, queues[index] as PartitionQueue);
    },
    hasWork(index),
  ),
);

/** The record batch must not be in the log. */
const mayBeGivenUp = (index: number) => (model: Readonly<Model>) =>
  hasWork(index)(model) && model.partitions[index]?.appendedAt === null;

const isTooLarge = which.map((index) =>
  command<Model, Real>(
    `partition ${index} finds a record batch too large`,
    (model, queues) => {
      const partition = model.partitions[index] as Partition;
      const queue = queues[index] as PartitionQueue;
      if (send(partition, queue).entries.length > 1) queue.splitHead();
      else fail(model, index, queue);
      partition.sent = null;
      expectEnds(model);
    },
    mayBeGivenUp(index),
  ),
);

/** The head fails, and all that waits behind it of the same appends. */
function fail(model: Model, index: number, queue: PartitionQueue): void {
  const partition = model.partitions[index] as Partition;
  const before = [...partition.waiting];
  queue.failHead(new Error('no'));
  const left = new Set([...(queue.head?.entries ?? []), ...queue.waiting]);
  partition.waiting = before.filter((entry) => left.has(entry));
  const failed = before.filter((entry) => !left.has(entry));
  // At least one record fails, and none is kept of an append that failed here.
  expect(failed.length).toBeGreaterThan(0);
  const ofFailed = new Set(failed.map(({ append }) => append));
  expect(partition.waiting.some(({ append }) => ofFailed.has(append))).toBe(false);
  for (const entry of failed) model.failed.add(entry);
}

const isGivenUp = which.map((index) =>
  command<Model, Real>(
    `the head of partition ${index} is given up`,
    (model, queues) => {
      fail(model, index, queues[index] as PartitionQueue);
      (model.partitions[index] as Partition).sent = null;
      expectEnds(model);
    },
    mayBeGivenUp(index),
  ),
);

const restIsGivenUp = which.map((index) =>
  command<Model, Real>(`all behind the head of partition ${index} is given up`, (model, queues) => {
    const partition = model.partitions[index] as Partition;
    const head = new Set(partition.sent?.pending.entries);
    queues[index]?.failWaiting(new Error('no'));
    for (const entry of partition.waiting) if (!head.has(entry)) model.failed.add(entry);
    partition.waiting = partition.waiting.filter((entry) => head.has(entry));
    expectEnds(model);
  }),
);

it('every record is in the log once and in its sequence, or its append is rejected', () => {
  const commands = [
    { weight: 5, arbitrary: appends },
    { weight: 6, arbitrary: isAnswered },
    { weight: 2, arbitrary: isRefused },
    { weight: 2, arbitrary: isTooLarge },
    isGivenUp,
    restIsGivenUp,
  ];
  holds(
    fc.property(sequences(commands, 50), (steps) => {
      const model = new Model();
      const queues = [0, 1].map((partition) => {
        const queue = new PartitionQueue({ topic: 'states', partition }, RECORD_BATCH_BYTES);
        queue.nextSequence = FIRST_SEQUENCE;
        return queue;
      });
      fc.modelRun(() => ({ model, real: queues }), steps);
      // Whatever is left is sent and answered.
      model.partitions.forEach((partition, index) => {
        const queue = queues[index] as PartitionQueue;
        while (queue.hasWork()) {
          const pending = send(partition, queue);
          if (partition.appendedAt === null) {
            partition.appendedAt = partition.log.length;
            partition.log.push(...pending.entries);
            partition.waiting = partition.waiting.slice(pending.entries.length);
          }
          queue.succeed(pending, BigInt(partition.appendedAt));
          partition.appendedAt = null;
          partition.sent = null;
        }
        expect(partition.waiting).toEqual([]);
      });
      expectEnds(model);
      for (const { end } of model.appends) expect(end).not.toBeNull();
    }),
    250,
  );
});
