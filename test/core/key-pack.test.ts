import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashCharacters, KeyPack, PackedKey } from '../../src/core/key-pack.ts';
import { keyOf } from '../../src/core/long-history.ts';
import { compareSequence, isSameEvent, isSameId, type SequenceKey } from '../../src/core/sequence.ts';
import { holds } from '../helpers/properties.ts';

const HASHES = ['00'.repeat(32), `${'00'.repeat(31)}01`, `01${'00'.repeat(31)}`, 'ff'.repeat(32)];

const key: fc.Arbitrary<SequenceKey> = fc.record({
  position: fc.constantFrom(1, 2, Number.MAX_SAFE_INTEGER),
  occurredAtMs: fc.constantFrom(-1, 0, 253_402_300_799_999),
  cautionRank: fc.constantFrom(-1, 0, 1),
  // Ids that begin with each other, and one whose bytes sort otherwise than its UTF-16 units.
  eventId: fc.constantFrom('a', 'ab', 'abc', 'é', 'é\u0000', '\ue000', '😀', 'x'.repeat(255)),
  contentHash: fc.constantFrom(...HASHES),
});
const keys = fc.array(key, { minLength: 1, maxLength: 20, size: 'max' });

function packed(pack: KeyPack, { position, occurredAtMs, cautionRank, eventId, contentHash }: SequenceKey) {
  const index = pack.addKey(position, occurredAtMs, cautionRank, eventId, hashCharacters(contentHash));
  return new PackedKey(pack, index, null);
}

describe('a pack of keys', () => {
  it('every key is read as it was added, however often the pack grows', () => {
    holds(
      fc.property(keys, (list) => {
        const pack = new KeyPack(1, 1);
        const added = list.map((each) => packed(pack, each));
        expect(added.map(keyOf)).toEqual(list);
        expect(pack.count).toBe(list.length);
      }),
      200,
    );
  });

  it('a copy in another pack is the same key', () => {
    holds(
      fc.property(keys, (list) => {
        const [from, to] = [new KeyPack(1, 1), new KeyPack(1, 1)];
        packed(to, list[0] as SequenceKey);
        const copies = list
          .map((each) => packed(from, each))
          .map(({ index }) => new PackedKey(to, to.addCopy(from, index), null));
        expect(copies.map(keyOf)).toEqual(list);
      }),
      200,
    );
  });

  it('packed keys compare as plain ones do, with each other and with plain ones', () => {
    holds(
      fc.property(key, key, (left, right) => {
        const pack = new KeyPack(2, 64);
        const [a, b] = [packed(pack, left), packed(pack, right)];
        for (const [one, other] of [
          [a, b],
          [a, right],
          [left, b],
        ] as const) {
          expect(Math.sign(compareSequence(one, other))).toBe(Math.sign(compareSequence(left, right)));
          expect(isSameEvent(one, other)).toBe(isSameEvent(left, right));
          expect(isSameId(one, other)).toBe(left.eventId === right.eventId);
        }
      }),
      1_000,
    );
  });
});
