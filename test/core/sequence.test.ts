import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSequence, isSameEvent, type SequenceKey } from '../../src/core/sequence.ts';

const key = (changes: Partial<SequenceKey>): SequenceKey => ({
  position: 2,
  occurredAtMs: 1000,
  cautionRank: 0,
  eventId: 'm',
  contentHash: 'c'.repeat(64),
  ...changes,
});

const arbitraryKey = fc.record({
  position: fc.integer({ min: 1, max: 2 }),
  occurredAtMs: fc.constantFrom(-30_610_224_000_000, 0, 253_402_300_799_999),
  cautionRank: fc.integer({ min: 0, max: 1 }),
  eventId: fc.constantFrom('a', 'b', '\u{ffff}', '\u{10000}'),
  contentHash: fc.constantFrom('0', '1'),
});

describe('compareSequence', () => {
  it('position, time, caution, event id and content are compared in this sequence, and the first difference decides', () => {
    const first = key({});
    const later: Partial<SequenceKey>[] = [
      { position: 3, occurredAtMs: 0, eventId: 'a' },
      { occurredAtMs: 1001, cautionRank: -1, eventId: 'a' },
      { cautionRank: 1, eventId: 'a' },
      { eventId: 'n', contentHash: 'a' },
      { contentHash: 'd' },
    ];
    for (const changes of later) {
      expect(compareSequence(first, key(changes))).toBeLessThan(0);
      expect(compareSequence(key(changes), first)).toBeGreaterThan(0);
    }
  });

  it('the comparison is antisymmetric, transitive, and zero for equal keys only', () => {
    fc.assert(
      fc.property(arbitraryKey, arbitraryKey, arbitraryKey, (a, b, c) => {
        expect(Math.sign(compareSequence(a, b))).toBe(-Math.sign(compareSequence(b, a)) + 0);
        if (compareSequence(a, b) <= 0 && compareSequence(b, c) <= 0) {
          expect(compareSequence(a, c)).toBeLessThanOrEqual(0);
        }
        const isEqual = JSON.stringify(a) === JSON.stringify(b);
        expect(compareSequence(a, b) === 0).toBe(isEqual);
      }),
    );
  });
});

describe('isSameEvent', () => {
  it('two events are the same if id and content are the same', () => {
    expect(isSameEvent(key({}), key({ position: 9 }))).toBe(true);
    expect(isSameEvent(key({}), key({ eventId: 'M' }))).toBe(false);
    expect(isSameEvent(key({}), key({ contentHash: 'd' }))).toBe(false);
  });
});

describe('the comparison of equal keys', () => {
  it('the same key in two objects compares as zero, and the content hash decides last', () => {
    expect(compareSequence(key({}), key({}))).toBe(0);
    const [low, high] = [key({ contentHash: 'a'.repeat(64) }), key({ contentHash: 'b'.repeat(64) })];
    expect([compareSequence(low, high), compareSequence(high, low)]).toEqual([-1, 1]);
  });
});
