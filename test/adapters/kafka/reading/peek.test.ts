import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../../../src/adapters/kafka/cluster/cluster.ts';
import { KafkaCode } from '../../../../src/adapters/kafka/errors.ts';
import { resolveOptions } from '../../../../src/adapters/kafka/options.ts';
import { Peeker } from '../../../../src/adapters/kafka/reading/peek.ts';
import type {
  AbortedTransaction,
  FetchedPartition,
  FetchRequest,
  PartitionToFetch,
} from '../../../../src/adapters/kafka/wire/fetch.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { buildRecord, buildRecordBatch } from '../wire/record-batch-builder.ts';

const TOPIC = 'orders';
const ABORTED_PRODUCER = 7n;

interface Batch {
  readonly baseOffset: bigint;
  readonly bytes: Buffer;
  readonly nextOffset: bigint;
}

/** A record batch of `count` records at these offset deltas; without any, one that compaction has emptied. */
function batch(
  baseOffset: bigint,
  count: number,
  more: {
    producerId?: bigint;
    timestampMs?: number;
    appendTimestampMs?: number;
    deltas?: number[];
    bytes?: number;
  } = {},
): Batch {
  const { deltas = Array.from({ length: count }, (_, delta) => delta), bytes = 10, ...head } = more;
  const records = Buffer.concat(deltas.map((delta) => buildRecord(delta, Buffer.alloc(bytes))));
  const built = { ...head, baseOffset, recordCount: deltas.length, lastOffsetDelta: count - 1, records };
  return { baseOffset, nextOffset: baseOffset + BigInt(count), bytes: buildRecordBatch(built) };
}

interface Partition {
  readonly batches: readonly Batch[];
  readonly startOffset?: bigint;
  readonly endOffset: bigint;
  readonly highWatermark?: bigint;
  readonly aborted?: readonly AbortedTransaction[];
}

/** A peeker on one broker that answers as Kafka does: whole record batches within a limit, of the first partition at least one. */
function peekerOn(partitions: readonly Partition[]) {
  const requests: FetchRequest[] = [];
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const metadata = partitions.map(() => ({ leader: 1, leaderEpoch: 0 }));
  const cluster = {
    options: resolveOptions({ brokers: [], clock, logger: () => {} }),
    brokerIds: [],
    topics: async () => new Map([[TOPIC, { topic: TOPIC, topicId: 'id-1', partitions: metadata }]]),
    connect: async () => ({}),
  };
  const send = async (_connection: unknown, request: FetchRequest) => {
    requests.push(request);
    nowMs += 10;
    const asked = request.topics.flatMap((each) => each.partitions);
    return {
      errorCode: KafkaCode.none,
      partitions: asked.map((each, index) =>
        answerOf(partitions[each.partition] as Partition, each, index === 0, request),
      ),
    };
  };
  return { peeker: new Peeker(cluster as unknown as Cluster, send as never), requests };
}

function answerOf(
  { batches, startOffset = 0n, endOffset, highWatermark = endOffset, aborted = [] }: Partition,
  { partition, fetchOffset, maxBytes }: PartitionToFetch,
  isFirst: boolean,
  { readsUncommitted = false }: FetchRequest,
): FetchedPartition {
  const end = readsUncommitted ? highWatermark : endOffset;
  let records = Buffer.alloc(0);
  for (const { bytes, baseOffset, nextOffset } of batches) {
    if (nextOffset <= fetchOffset || baseOffset >= end) continue;
    const isWanted = records.length + bytes.length <= maxBytes || (isFirst && records.length === 0);
    if (!isWanted) break;
    records = Buffer.concat([records, bytes]);
  }
  const ends = { highWatermark, lastStableOffset: endOffset, logStartOffset: startOffset };
  return {
    topicId: 'id-1',
    partition,
    errorCode: KafkaCode.none,
    ...ends,
    diverging: undefined,
    aborted,
    records,
  };
}

const at = (offset: bigint, partition = 0) => ({ topic: TOPIC, partition, offset });

describe('the look at partitions of Kafka', () => {
  it('finds the record behind a gap of compaction, and none in a gap that reaches the end', async () => {
    const { peeker } = peekerOn([
      { batches: [batch(0n, 10, { deltas: [0, 7], timestampMs: 500 })], endOffset: 20n },
    ]);
    expect(await peeker.peek([at(3n)])).toMatchObject([{ first: { kind: 'record', offset: 7n } }]);
    expect(await peeker.peek([at(8n)])).toMatchObject([{ first: { kind: 'none' }, endOffset: 20n }]);
  });

  it('passes record batches that compaction has emptied', async () => {
    const batches = [batch(0n, 5, { deltas: [] }), batch(5n, 1, { timestampMs: 900 })];
    const { peeker } = peekerOn([{ batches, endOffset: 6n }]);
    expect(await peeker.peek([at(0n)])).toMatchObject([
      { first: { kind: 'record', offset: 5n, timestampMs: 900, timestampType: 'create' } },
    ]);
  });

  it('finds none in a tail of aborted transactions', async () => {
    const aborted = [{ producerId: ABORTED_PRODUCER, firstOffset: 1n }];
    const batches = [batch(0n, 1), batch(1n, 4, { producerId: ABORTED_PRODUCER })];
    const { peeker } = peekerOn([{ batches, endOffset: 5n, aborted }]);
    expect(await peeker.peek([at(1n)])).toMatchObject([{ first: { kind: 'none' }, endOffset: 5n }]);
    expect(await peeker.peek([at(0n)])).toMatchObject([{ first: { kind: 'record', offset: 0n } }]);
  });

  it('gives the time of the broker where the topic has that kind of time', async () => {
    const { peeker } = peekerOn([
      { batches: [batch(0n, 2, { timestampMs: 1, appendTimestampMs: 777 })], endOffset: 2n },
    ]);
    expect(await peeker.peek([at(1n)])).toMatchObject([
      { first: { offset: 1n, timestampMs: 777, timestampType: 'log_append' } },
    ]);
  });

  it('names the producer of the open transaction, and since when it is open', async () => {
    const batches = [batch(0n, 2), batch(2n, 3, { producerId: 42n, timestampMs: 123 }), batch(5n, 4)];
    const { peeker } = peekerOn([{ batches, endOffset: 2n, highWatermark: 9n }]);
    expect(await peeker.peek([at(2n)])).toMatchObject([
      {
        first: { kind: 'none' },
        endOffset: 2n,
        highWatermark: 9n,
        openTransaction: {
          first: { timestampMs: 123, timestampType: 'create' },
          producerId: 42n,
          transactionalId: null,
        },
      },
    ]);
  });

  it('reads record batches that are longer than their share of an answer', async () => {
    const large = { batches: [batch(0n, 1, { bytes: 100_000, timestampMs: 5 })], endOffset: 1n };
    const { peeker, requests } = peekerOn([large, large, large]);
    const peeks = await peeker.peek([at(0n, 0), at(0n, 1), at(0n, 2)]);
    for (const peek of peeks) expect(peek).toMatchObject({ first: { kind: 'record', timestampMs: 5 } });
    expect(requests).toHaveLength(3);
  });

  it('stops in a long run of aborted records when the time is over, and the next look goes on there', async () => {
    const aborted = [{ producerId: ABORTED_PRODUCER, firstOffset: 0n }];
    const run = Array.from({ length: 40 }, (_, index) =>
      batch(BigInt(index), 1, { producerId: ABORTED_PRODUCER, bytes: 600_000 }),
    );
    const batches = [...run, batch(40n, 1, { timestampMs: 9 })];
    const { peeker, requests } = peekerOn([{ batches, endOffset: 41n, aborted }]);
    const upTo: (bigint | null)[] = [];
    for (let looks = 0; looks < 10; looks++) {
      const [peek] = await peeker.peek([at(0n)], 100);
      if (peek?.kind !== 'peeked') throw new Error('The partition can be read.');
      upTo.push(peek.first.kind === 'unknown' ? peek.first.upTo : null);
      if (peek.first.kind === 'record') break;
    }
    expect(upTo.at(-1)).toBe(null);
    expect(upTo.length).toBeGreaterThan(2);
    // Each record batch is fetched about once, whatever the number of looks.
    expect(requests.length).toBeLessThan(50);
    // The end was found, so the run is forgotten, and a look from elsewhere begins where it is asked to.
    expect(await peeker.peek([at(38n)], 100)).toMatchObject([{ first: { offset: 40n } }]);
  });

  it('says that a corrupt record batch cannot be looked at, and answers for the other partitions', async () => {
    const spoilt = batch(0n, 1);
    spoilt.bytes[65] = (spoilt.bytes[65] ?? 0) ^ 1;
    const good = { batches: [batch(0n, 1)], endOffset: 1n };
    const { peeker } = peekerOn([{ batches: [spoilt], endOffset: 1n }, good]);
    expect(await peeker.peek([at(0n, 0), at(0n, 1)])).toMatchObject([
      { kind: 'unreadable', problem: expect.stringContaining('CRC32C') },
      { first: { kind: 'record', offset: 0n } },
    ]);
  });

  it('leaves out a broker that does not answer', async () => {
    const { peeker } = peekerOn([]);
    const silent = new Peeker(
      {
        options: resolveOptions({
          brokers: [],
          clock: { ...systemClock, sleep: async () => {} },
          logger: () => {},
        }),
        brokerIds: [],
        topics: async () =>
          new Map([[TOPIC, { topic: TOPIC, topicId: 'id-1', partitions: [{ leader: 1, leaderEpoch: 0 }] }]]),
        connect: () => new Promise(() => {}),
      } as unknown as Cluster,
      (() => new Promise(() => {})) as never,
    );
    expect(await silent.peek([at(0n)])).toMatchObject([
      { kind: 'unreadable', problem: expect.stringContaining('has not answered') },
    ]);
    expect(await peeker.peek([])).toEqual([]);
  });
});
