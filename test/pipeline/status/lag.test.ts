import { describe, expect, it } from 'vitest';
import { readLag } from '../../../src/pipeline/status/lag.ts';
import type { Peek } from '../../../src/ports/event-log.ts';
import { checkpoint, lagWith, NOW_MS, PLACE, peeked } from './fake-parts.ts';

const record = (offset: bigint, ageMs: number) => ({
  kind: 'record' as const,
  offset,
  timestampMs: NOW_MS - ageMs,
  timestampType: 'create' as const,
});

describe('the lag of a partition', () => {
  it('the lag is the age of the oldest record that is not journaled, and the offsets from it to the readable end', async () => {
    const { reading, asked } = await lagWith([peeked({ first: record(42n, 3_500) })]);
    expect(asked).toEqual([40n]);
    expect(reading.partitions).toEqual([
      {
        ...PLACE,
        nextOffset: 40n,
        log: { startOffset: 0n, endOffset: 100n, highWatermark: 100n },
        lag: { kind: 'behind', messages: 58, seconds: 3.5, timestampType: 'create' },
        waitsForTransaction: null,
        epoch: 3n,
        haltReason: null,
      },
    ]);
  });

  it('there is no lag where no record for a consumer follows, however far the end of the log is', async () => {
    const { reading } = await lagWith([peeked({ endOffset: 5_000_000n })]);
    expect(reading.partitions[0]?.lag).toEqual({ kind: 'none' });
  });

  it('counts the records behind an open transaction apart, and says whose it is', async () => {
    const openTransaction = {
      first: { timestampMs: NOW_MS - 60_000, timestampType: 'create' as const },
      producerId: 7n,
      transactionalId: 'billing-1',
    };
    const { reading } = await lagWith([peeked({ endOffset: 40n, highWatermark: 90n, openTransaction })]);
    expect(reading.partitions[0]).toMatchObject({
      lag: { kind: 'none' },
      waitsForTransaction: { records: 50, sinceSeconds: 60, producerId: 7n, transactionalId: 'billing-1' },
    });
  });

  it('looks from the beginning of a partition that nobody has begun with', async () => {
    const { reading, asked } = await lagWith([peeked({ first: record(0n, 1_000) })], []);
    expect(asked).toEqual([0n]);
    expect(reading.partitions[0]).toMatchObject({
      nextOffset: null,
      epoch: null,
      lag: { kind: 'behind', messages: 100, seconds: 1 },
    });
  });

  it('looks from the beginning of a topic that was made anew, where the offset of the checkpoint means nothing', async () => {
    const anew = { topicId: 'topic-2', endOffset: 3n };
    const { reading, asked } = await lagWith([peeked(anew), peeked({ ...anew, first: record(0n, 9_000) })]);
    expect(asked).toEqual([40n, 0n]);
    expect(reading.partitions[0]?.lag).toMatchObject({ kind: 'behind', messages: 3, seconds: 9 });
  });

  it('the lag is unknown, with a bound and a reason, in a long run of aborted records and without a leader', async () => {
    const { reading } = await lagWith([peeked({ first: { kind: 'unknown', upTo: 70n } })]);
    expect(reading.partitions[0]?.lag).toMatchObject({ kind: 'unknown', messages: 30 });
    const { reading: unread } = await lagWith([{ kind: 'unreadable', ...PLACE, problem: 'has no leader' }]);
    expect(unread.partitions[0]).toMatchObject({
      log: null,
      lag: { kind: 'unknown', messages: null, reason: 'order_events/0 has no leader.' },
    });
  });

  it('the lag is 0 s for a record whose time lies in the future', async () => {
    const { reading } = await lagWith([peeked({ first: record(99n, -5_000) })]);
    expect(reading.partitions[0]?.lag).toMatchObject({ messages: 1, seconds: 0 });
  });

  it('keeps the reason of a halt', async () => {
    const { reading } = await lagWith([peeked()], [checkpoint({ haltReason: 'the log was cut off' })]);
    expect(reading.partitions[0]?.haltReason).toBe('the log was cut off');
  });
});

describe('the lag of several topics', () => {
  /** Reads the lag of topics with these numbers of partitions. Each look at the log is answered by `answer`. */
  async function readOf(
    counts: Readonly<Record<string, number>>,
    answer: (place: { topic: string; partition: number; offset: bigint }) => Peek,
    parts: Partial<Parameters<typeof readLag>[0]> = {},
  ) {
    const looks: { names: string[]; patienceMs: number | undefined }[] = [];
    const reading = await readLag({
      checkpoints: [],
      topics: ['b', 'a', 'missing'],
      nowMs: () => NOW_MS,
      log: {
        partitionCounts: async () => new Map(Object.entries(counts)),
        peek: async (places, patienceMs) => {
          looks.push({
            names: places.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`),
            patienceMs,
          });
          return places.map(answer);
        },
      },
      ...parts,
    });
    return { reading, looks };
  }

  it('asks for every partition of every topic, in the sequence of the topics, and names a missing topic', async () => {
    const { reading, looks } = await readOf({ a: 1, b: 2 }, (place) => peeked({ ...place }));
    expect(looks).toEqual([{ names: ['b/0@0', 'b/1@0', 'a/0@0'], patienceMs: undefined }]);
    expect(reading.partitions.map(({ topic, partition }) => [topic, partition])).toEqual([
      ['b', 0],
      ['b', 1],
      ['a', 0],
    ]);
    expect(reading.missingTopics).toEqual(['missing']);
  });

  it('tells the log how long it may look', async () => {
    const { looks } = await readOf({ a: 1 }, (place) => peeked({ ...place }), { patienceMs: 250 });
    expect(looks.map(({ patienceMs }) => patienceMs)).toEqual([250]);
  });

  it('looks again only at the partitions of a topic that was made anew', async () => {
    const { reading, looks } = await readOf(
      { a: 1, b: 1 },
      ({ topic, offset }) => peeked({ topic, topicId: `${topic}-2`, first: record(offset, 1_000) }),
      {
        checkpoints: [
          checkpoint({ topic: 'a', topicId: 'a-2', nextOffset: 90n }),
          checkpoint({ topic: 'b', topicId: 'b-1', nextOffset: 90n }),
        ],
      },
    );
    expect(looks.map(({ names }) => names)).toEqual([['b/0@90', 'a/0@90'], ['b/0@0']]);
    expect(reading.partitions).toMatchObject([
      { topic: 'b', lag: { messages: 100 } },
      { topic: 'a', lag: { messages: 10 } },
    ]);
  });

  it('looks once at a partition that the log cannot read', async () => {
    const unreadable: Peek = { kind: 'unreadable', topic: 'a', partition: 0, problem: 'has no leader' };
    const { looks } = await readOf({ a: 1 }, () => unreadable, { checkpoints: [checkpoint({ topic: 'a' })] });
    expect(looks).toHaveLength(1);
  });
});

describe('the reason of an unknown lag', () => {
  it('names the partition and the offset up to which the log was read', async () => {
    const { reading } = await lagWith([peeked({ first: { kind: 'unknown', upTo: 70n } })]);
    expect(reading.partitions[0]?.lag).toEqual({
      kind: 'unknown',
      messages: 30,
      reason: 'order_events/0 has a long run of aborted records, up to offset 70 at least; ask again.',
    });
  });
});
