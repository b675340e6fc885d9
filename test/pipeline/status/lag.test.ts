import { describe, expect, it } from 'vitest';
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
