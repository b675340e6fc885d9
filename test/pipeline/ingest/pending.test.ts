import { describe, expect, it } from 'vitest';
import { PendingPieces, type Piece } from '../../../src/pipeline/ingest/pending.ts';

function piece(topic: string, timestampMs: number, consumed = 10, bytes = 100): Piece<never> {
  return {
    topic,
    partition: 0,
    toOffset: 1n,
    leaderEpoch: 0,
    timestampMs,
    lastTimestampMs: timestampMs,
    consumed,
    bytes,
    events: [],
    pack: { dropBodies: () => null },
    rejected: [],
  };
}

function pendingOf(...pieces: Piece<never>[]): PendingPieces<never> {
  const pending = new PendingPieces<never>();
  for (const each of pieces) pending.push(each);
  return pending;
}

const NO_LIMITS = { events: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };
const places = (pieces: readonly Piece<never>[]) =>
  pieces.map(({ topic, timestampMs }) => `${topic}${timestampMs}`);

describe('what a lane has pending', () => {
  it('pieces leave by the age of their records, after one piece of each partition', () => {
    const pending = pendingOf(piece('a', 1), piece('a', 2), piece('a', 5), piece('b', 4), piece('b', 6));
    expect(places(pending.take(NO_LIMITS))).toEqual(['a1', 'b4', 'a2', 'a5', 'b6']);
    expect(pending.isEmpty).toBe(true);
  });

  it('pieces of one partition keep their sequence, however odd their timestamps are', () => {
    const pending = pendingOf(piece('a', 9), piece('a', 3), piece('a', 7), piece('b', 5));
    const taken = places(pending.take(NO_LIMITS));
    expect(taken.filter((place) => place.startsWith('a'))).toEqual(['a9', 'a3', 'a7']);
  });

  it('no partition waits for ever behind older records of another', () => {
    const pending = pendingOf(piece('young', 1_000));
    for (let round = 0; round < 4; round++) {
      for (let old = 0; old < 10; old++) pending.push(piece('old', old));
      if (places(pending.take({ events: 20, bytes: 1_000 })).includes('young1000')) return;
    }
    expect.unreachable('the young piece has never been taken');
  });

  it('a batch keeps to its limits, but has at least one piece, whatever its size', () => {
    const pending = pendingOf(piece('a', 1, 50), piece('a', 2, 50), piece('b', 3, 50, 5_000));
    expect(pending.take({ events: 10, bytes: 10 })).toHaveLength(1);
    expect(pending.take({ events: 60, bytes: 10_000 })).toHaveLength(1);
    expect(pending.take(NO_LIMITS)).toHaveLength(1);
    expect(pending.take(NO_LIMITS)).toEqual([]);
  });

  it('a lane is full by events or by bytes, and has room again once they are taken', () => {
    const pending = pendingOf(piece('a', 1, 10, 100));
    expect(pending.isFull({ events: 11, bytes: 101 })).toBe(false);
    expect(pending.isFull({ events: 10, bytes: 101 })).toBe(true);
    expect(pending.isFull({ events: 11, bytes: 100 })).toBe(true);
    pending.take(NO_LIMITS);
    expect(pending.isFull({ events: 1, bytes: 1 })).toBe(false);
  });

  it('an offset that moved on without records leaves first', () => {
    const pending = pendingOf(piece('a', 5), piece('a', 6), piece('b', Number.NEGATIVE_INFINITY, 0, 0));
    expect(
      pending
        .take({ events: 10, bytes: 1_000 })
        .map(({ consumed }) => consumed)
        .sort(),
    ).toEqual([0, 10]);
  });

  it('a partition that is held back leaves nothing, and afterwards all of it in its own sequence', () => {
    const a = { topic: 'a', partition: 0 };
    const pending = pendingOf(piece('a', 1), piece('a', 2), piece('a', 3), piece('b', 4));
    const taken = pending.take({ events: 20, bytes: 1_000 });
    expect(places(taken)).toEqual(['a1', 'b4']);
    pending.hold(
      a,
      taken.filter(({ topic }) => topic === 'a'),
    );
    pending.push(piece('a', 5));
    expect([pending.isEmpty, pending.isHoldingBack, pending.isHeld(a)]).toEqual([true, true, true]);
    expect(pending.isFull({ events: 1, bytes: 1 })).toBe(false);
    pending.push(piece('b', 6));
    expect(places(pending.take(NO_LIMITS))).toEqual(['b6']);
    pending.letGo(a);
    expect([pending.isHoldingBack, pending.isFull({ events: 40, bytes: 1_000 })]).toEqual([false, true]);
    expect(places(pending.take(NO_LIMITS))).toEqual(['a1', 'a2', 'a3', 'a5']);
    expect(pending.isEmpty).toBe(true);
  });
});
