import { describe, expect, it } from 'vitest';
import { StateCodec } from '../../../src/pipeline/ingest/state-codec.ts';

const LAST = {
  position: 1,
  occurredAtMs: 2,
  cautionRank: 0,
  eventId: 'event',
  contentHash: '00'.repeat(32),
};
const codec = new StateCodec<unknown>(1);

class Money {
  readonly cents = 1;
}

describe('the state of a fold as bytes', () => {
  it.each([
    ['an object', { a: [1, 'x', null, true, { b: -1.5 }], '': 'ü😀\u0000\ud800' }],
    ['null', null],
    ['a text', 'text'],
    ['undefined inside', { a: undefined }],
    ['undefined', undefined],
    ['a map, a set and a date', { map: new Map([['a', new Set([1])]]), at: new Date(5) }],
    ['a bigint', { large: 2n ** 70n }],
    ['minus zero, infinity and not a number', [-0, Number.POSITIVE_INFINITY, Number.NaN]],
    ['an array with a hole', Object.assign(new Array(3), { 0: 1, 2: 3 })],
    ['bytes', { bytes: Uint8Array.of(1, 2) }],
  ])('a state is read back as it was: %s', (_, state) => {
    const bytes = codec.encode('parcel', LAST, state);
    expect(bytes).not.toBeNull();
    const decoded = codec.decode('parcel', LAST, bytes as Buffer);
    expect(decoded).toStrictEqual({ state });
  });

  it.each([
    ['an object of a class', { price: new Money() }],
    ['a function', { f: () => 1 }],
    ['more than a mebibyte', 'x'.repeat(1024 * 1024)],
  ])('a state that is too large or cannot be read back equal is not stored: %s', (_, state) => {
    expect(codec.encode('parcel', LAST, state)).toBeNull();
  });

  it('the same state always gives the same bytes', () => {
    const state = () => ({ a: 1, list: [{ b: 2 }] });
    expect(codec.encode('parcel', LAST, state())).toEqual(codec.encode('parcel', LAST, state()));
  });

  it('a state is not read for another entity, place or fold version, nor if one bit of it differs', () => {
    const bytes = codec.encode('parcel', LAST, { a: 1 }) as Buffer;
    expect(codec.decode('parcel2', LAST, bytes)).toBeNull();
    expect(codec.decode('parcel', { ...LAST, position: 2 }, bytes)).toBeNull();
    expect(new StateCodec(2).decode('parcel', LAST, bytes)).toBeNull();
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      expect(codec.decode('parcel', LAST, damaged)).toBeNull();
    }
    for (let length = 0; length < bytes.length; length++)
      expect(codec.decode('parcel', LAST, bytes.subarray(0, length))).toBeNull();
  });
});
