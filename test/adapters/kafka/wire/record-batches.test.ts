import {
  compressionsAlgorithms,
  createRecordsBatch,
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  Reader,
  readRecordsBatches,
} from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assignPartitions,
  decodeAssignment,
  decodeOwned,
  encodeAssignment,
  encodeSubscription,
} from '../../../../src/adapters/kafka/group/assignment.ts';
import { AbortedFilter } from '../../../../src/adapters/kafka/reading/aborted-filter.ts';
import { Followed } from '../../../../src/adapters/kafka/reading/followed.ts';
import { OpenRecordBatches } from '../../../../src/adapters/kafka/reading/open-record-batches.ts';
import { QueuedRecordBatch } from '../../../../src/adapters/kafka/reading/queued-record-batch.ts';
import {
  CorruptRecordBatchError,
  type RecordBatch,
  readRecordBatches,
} from '../../../../src/adapters/kafka/wire/record-batch-reader.ts';
import {
  encodeRecordBatch,
  largestEncodedBytes,
} from '../../../../src/adapters/kafka/wire/record-batch-writer.ts';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';
import type { LogRecord, NewRecord, RecordHeader } from '../../../../src/ports/event-log.ts';
import { UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';

const identity = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };
const timestampMs = 1_790_000_000_123;
const everything = { maxRecords: 1_000, maxBytes: 1 << 20 };

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const header = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), bytes) as fc.Arbitrary<RecordHeader>;
const newRecord: fc.Arbitrary<NewRecord> = fc.record({
  topic: fc.constant('t'),
  key: bytes,
  value: bytes,
  headers: fc.array(header, { maxLength: 4 }),
});

function decode(batch: RecordBatch, fromOffset = 0n): LogRecord[] {
  const read = new QueuedRecordBatch(batch, batch.leaderEpoch, batch.nextOffset);
  read.open(batch, 1 << 20);
  const records: LogRecord[] = [];
  for (let next = read.next(); next !== undefined; next = read.next()) {
    if (next.offset >= fromOffset) records.push(next);
  }
  return records;
}

/** The batch as a broker would store it: at its offset, which the checksum does not cover. */
function stored(
  baseOffset: bigint,
  values: readonly string[],
  options: { producerId?: bigint } = {},
): Buffer {
  const isTransactional = options.producerId !== undefined;
  const batch = createRecordsBatch(
    values.map((value) => ({ topic: 't', value: Buffer.from(value), timestamp: BigInt(timestampMs) })),
    isTransactional ? { producerId: options.producerId ?? 0n, transactionalId: 'tx' } : {},
  ).buffer;
  batch.writeBigInt64BE(baseOffset, 0);
  return batch;
}

const marker = (baseOffset: bigint, producerId: bigint, kind: 'abort' | 'commit'): RecordBatch => {
  const record = Buffer.from([0, 0, 0, 0, 8, 0, 0, 0, kind === 'abort' ? 0 : 1, 0, 0]);
  record[0] = (record.length - 1) * 2;
  return { ...batchOf(baseOffset, 1, producerId), isControl: true, records: record };
};

const batchOf = (baseOffset: bigint, count: number, producerId = -1n): RecordBatch => ({
  baseOffset,
  nextOffset: baseOffset + BigInt(count),
  leaderEpoch: 0,
  producerId,
  isTransactional: producerId >= 0n,
  isControl: false,
  timestampMs,
  appendTimestampMs: undefined,
  recordCount: count,
  compression: 0,
  records: Buffer.alloc(0),
});

describe('record batches', () => {
  it('come back as they were written, whatever key, value and headers, and fit the size foretold', () => {
    fc.assert(
      fc.property(fc.array(newRecord, { minLength: 1, maxLength: 20 }), (records) => {
        const encoded = encodeRecordBatch(records, timestampMs, identity);
        expect(encoded.length).toBeLessThanOrEqual(
          61 + records.reduce((sum, each) => sum + largestEncodedBytes(each), 0),
        );
        const [batch] = [...readRecordBatches(encoded)] as [RecordBatch];
        expect(decode(batch)).toEqual(
          records.map(({ key, value, headers }, index) => ({
            offset: BigInt(index),
            timestampMs,
            key: key && Buffer.from(key),
            value: value && Buffer.from(value),
            headers: headers.map(([name, content]) => [name, content && Buffer.from(content)]),
          })),
        );
      }),
    );
  });

  it('are read by the library as they were written here', () => {
    const records = [{ topic: 't', key: Buffer.from('k'), value: Buffer.from('v'), headers: [] }];
    const [batch] = readRecordsBatches(Reader.from(encodeRecordBatch(records, timestampMs, identity)));
    expect(batch?.records[0]).toMatchObject({ key: Buffer.from('k'), value: Buffer.from('v') });
    expect(batch).toMatchObject({ producerId: 7n, firstTimestamp: BigInt(timestampMs) });
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('are read when compressed by %s', (compression) => {
    const messages = [
      { topic: 't', value: Buffer.from('one') },
      { topic: 't', value: Buffer.from('two') },
    ];
    expect(compressionsAlgorithms[compression].available).toBe(true);
    const [batch] = [...readRecordBatches(createRecordsBatch(messages, { compression }).buffer)] as [
      RecordBatch,
    ];
    expect(decode(batch).map(({ value }) => String(value))).toEqual(['one', 'two']);
  });

  it('are refused for any single flipped bit that the checksum covers', () => {
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

  it('are left out at the end of an answer where they are cut off, and read before', () => {
    const whole = Buffer.concat([stored(0n, ['one']), stored(1n, ['two'])]);
    const first = stored(0n, ['one']).length;
    for (let length = first; length < whole.length; length++) {
      expect([...readRecordBatches(whole.subarray(0, length))].map(({ baseOffset }) => baseOffset)).toEqual([
        0n,
      ]);
    }
  });

  it('give only the records from the offset asked for on', () => {
    const [batch] = [...readRecordBatches(stored(10n, ['a', 'b', 'c']))] as [RecordBatch];
    expect(decode(batch, 11n).map(({ offset }) => offset)).toEqual([11n, 12n]);
  });
});

describe('the filter of aborted transactions', () => {
  it('ends each of two aborted transactions of one producer at its own marker', () => {
    const filter = new AbortedFilter([
      { producerId: 1n, firstOffset: 6n },
      { producerId: 1n, firstOffset: 0n },
    ]);
    const shown: [RecordBatch, boolean][] = [
      [batchOf(0n, 2, 1n), false],
      [marker(2n, 1n, 'abort'), false],
      [batchOf(3n, 2, 1n), true],
      [marker(5n, 1n, 'commit'), false],
      [batchOf(6n, 1, 1n), false],
      [batchOf(7n, 1, 2n), true],
      [batchOf(8n, 1), true],
      [marker(9n, 1n, 'abort'), false],
      [batchOf(10n, 1, 1n), true],
    ];
    expect(shown.map(([batch]) => filter.isCommitted(batch))).toEqual(shown.map(([, expected]) => expected));
  });

  it('holds for a transaction that began before the answer and does not end in it', () => {
    const filter = new AbortedFilter([{ producerId: 1n, firstOffset: 3n }]);
    expect([batchOf(100n, 5, 1n), batchOf(105n, 5, 1n)].map((batch) => filter.isCommitted(batch))).toEqual([
      false,
      false,
    ]);
  });
});

describe('what was read and not taken yet', () => {
  const followed = () =>
    new Followed(
      { topic: 't', partition: 0, offset: 0n, leaderEpoch: UNKNOWN_LEADER_EPOCH, topicId: 'id' },
      new OpenRecordBatches(1 << 20),
    );
  const read = (buffer: Buffer) => [...readRecordBatches(buffer)] as [RecordBatch, ...RecordBatch[]];

  it('moves the position over batches that have nothing to say, alone or after others', () => {
    const partition = followed();
    partition.push(batchOf(0n, 4), false);
    expect(partition.take(everything, true)?.fetched).toMatchObject({ records: [], nextOffset: 4n });
    for (const batch of read(stored(4n, ['a']))) partition.push(batch, true);
    partition.push(batchOf(5n, 3), false);
    expect(partition.take(everything, true)?.fetched).toMatchObject({ nextOffset: 8n });
    expect(partition.take(everything, true)).toBeUndefined();
    expect(partition.queuedBytes).toBe(0);
  });

  it('hands over what came before records that do not decode, and then is at fault at exactly that offset', () => {
    const partition = followed();
    for (const batch of read(stored(0n, ['sound']))) partition.push(batch, true);
    partition.push({ ...batchOf(1n, 1), records: Buffer.from([200, 1, 0]) }, true);
    expect(partition.take(everything, true)?.fetched).toMatchObject({ nextOffset: 1n });
    expect(partition.fault).toMatchObject({ kind: 'corrupt_batch', offset: 1n });
    expect(partition.take(everything, true)).toBeUndefined();
  });
});

describe('the sharing of partitions', () => {
  const groups = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 6 });
  const topicCounts = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.nat(20)), {
    maxLength: 4,
    selector: ([topic]) => topic,
  });
  const slotsOf = (share: readonly TopicPartition[]) => new Set(share.map(({ partition }) => partition));
  const fresh = (memberIds: readonly string[]) => memberIds.map((memberId) => ({ memberId, owned: [] }));

  it('gives every partition to one member, p of all topics to the same, and no member two more than another', () => {
    fc.assert(
      fc.property(groups, topicCounts, (memberIds, topics) => {
        const shares = assignPartitions(fresh(memberIds), new Map(topics));
        const owners = new Map<number, Set<string>>();
        for (const [member, share] of shares) {
          for (const { partition } of share) {
            owners.set(partition, (owners.get(partition) ?? new Set()).add(member));
          }
        }
        for (const owning of owners.values()) expect(owning.size).toBe(1);
        for (const [topic, count] of topics) {
          const own = [...shares.values()].flatMap((share) => share.filter((each) => each.topic === topic));
          expect(own.length).toBe(count);
        }
        const loads = [...shares.values()].map((share) => slotsOf(share).size);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('withholds what has to move until its holder has let go, then gives it on, and moves nothing else', () => {
    fc.assert(
      fc.property(groups, fc.uuid(), topicCounts, fc.nat(), (memberIds, newcomer, topics, victim) => {
        fc.pre(!memberIds.includes(newcomer) && memberIds.length > 1);
        const counts = new Map(topics);
        const before = assignPartitions(fresh(memberIds), counts);
        const dead = memberIds[victim % memberIds.length] as string;
        const survivors = [...before].filter(([memberId]) => memberId !== dead);
        const joined = [
          ...survivors.map(([memberId, owned]) => ({ memberId, owned })),
          { memberId: newcomer, owned: [] },
        ];

        const first = assignPartitions(joined, counts);
        const total = topics.reduce((sum, [, count]) => sum + count, 0);
        for (const [memberId, owned] of survivors) {
          // The newcomer takes the dead one's place: what the survivors hold stays where it is.
          const kept = new Set((first.get(memberId) ?? []).map(partitionName));
          for (const partition of owned) expect(kept.has(partitionName(partition))).toBe(true);
        }
        expect([...first.values()].flat().length).toBe(total);

        // And when one more comes, nothing is given to two before it was let go of.
        const more = [...first].map(([memberId, owned]) => ({ memberId, owned }));
        const second = assignPartitions([...more, { memberId: `${newcomer}-more`, owned: [] }], counts);
        for (const { memberId, owned } of more) {
          const others = [...second].filter(([other]) => other !== memberId).flatMap(([, share]) => share);
          const held = new Set(owned.map(partitionName));
          expect(others.some((partition) => held.has(partitionName(partition)))).toBe(false);
        }
        const third = assignPartitions(
          [...second].map(([memberId, owned]) => ({ memberId, owned })),
          counts,
        );
        expect([...third.values()].flat().length).toBe(total);
      }),
    );
  });

  it('tells in the subscription what a member holds, and reads that of an older member as nothing', () => {
    const owned = [0, 3].map((partition) => ({ topic: 'order_events', partition }));
    expect(decodeOwned(encodeSubscription(['order_events', 'payment_events'], owned))).toEqual(owned);
    expect(decodeOwned(Buffer.from([0, 0, 0, 0, 0, 0, 255, 255, 255, 255]))).toEqual([]);
    expect(decodeOwned(Buffer.alloc(0))).toEqual([]);
  });

  it('is written as Kafka’s own consumers write it', () => {
    const share = [0, 3].map((partition) => ({ topic: 'order_events', partition }));
    expect(decodeAssignment(encodeAssignment(share))).toEqual(share);
    expect(decodeConsumerProtocolAssignment(encodeAssignment(share))).toMatchObject({
      assignedPartitions: [{ topic: 'order_events', partitions: [0, 3] }],
    });
    expect(decodeConsumerProtocolSubscription(encodeSubscription(['a', 'b'], []))).toMatchObject({
      topics: ['a', 'b'],
    });
    expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
  });
});
