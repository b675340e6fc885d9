import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSequence, type SequenceKey } from '../../src/core/sequence.ts';
import { sequenceBytes, sequenceOf } from '../../src/core/sequence-bytes.ts';

const integer = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.maxSafeInteger(),
  fc.constantFrom(
    2 ** 32,
    -(2 ** 32),
    2 ** 32 - 1,
    -(2 ** 32) - 1,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom('a', 'b', '\u0000', '\u0001', 'ÿ', '\uffff', '😀'),
    minLength: 1,
    maxLength: 5,
  }),
);
const key: fc.Arbitrary<SequenceKey> = fc.record({
  position: integer,
  occurredAtMs: integer,
  cautionRank: fc.integer({ min: -2, max: 2 }),
  eventId: text,
  contentHash: fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes).toString('hex')),
});

describe('the bytes of a sequence key', () => {
  it('the bytes of two keys compare as the keys do', () => {
    fc.assert(
      fc.property(key, key, fc.boolean(), (left, other, isNear) => {
        // Near keys differ in their last fields alone.
        const right = isNear ? { ...left, eventId: other.eventId, contentHash: other.contentHash } : other;
        const byBytes = Buffer.compare(sequenceBytes(left), sequenceBytes(right));
        expect(byBytes).toBe(Math.sign(compareSequence(left, right)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('the key is read back from its bytes', () => {
    fc.assert(
      fc.property(key, (one) => {
        expect(sequenceOf(sequenceBytes(one))).toEqual(one);
      }),
    );
  });

  it('a key has 568 bytes at most', () => {
    const longest = { position: 1, occurredAtMs: 1, cautionRank: 1, eventId: '\u0000'.repeat(255) };
    expect(sequenceBytes({ ...longest, contentHash: 'ab'.repeat(32) })).toHaveLength(568);
  });
});
