import { DefectError } from '../../../core/errors.ts';

/** Random numbers. The same seed gives the same numbers on every machine. */
export interface SeededRandom {
  /** A number in [0, 1), with 32 random bits. */
  next(): number;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** A UUID in the form of version 4, made of these numbers. */
  uuid(): string;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * The generator sfc32 ("small fast counter", of PractRand by Chris Doty-Humphrey): 128 bits of state and a
 * period of at least 2^32 for every seed.
 */
export function createSeededRandom(seed: string): SeededRandom {
  let a = hash(seed, 0x9e3779b9);
  let b = hash(seed, 0x243f6a88);
  let c = hash(seed, 0xb7e15162);
  let counter = 1;

  function bits(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  }
  // Similar seeds begin with similar states, so the first numbers are dropped.
  for (let round = 0; round < 16; round++) bits();

  const next = () => bits() / 4_294_967_296;
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new DefectError('There is nothing to pick from.');
      return item;
    },
    uuid: () => {
      const first = bits();
      const second = bits();
      const third = bits();
      const fourth = bits();
      return (
        `${HEX[first >>> 24]}${HEX[(first >>> 16) & 255]}${HEX[(first >>> 8) & 255]}${HEX[first & 255]}` +
        `-${HEX[second >>> 24]}${HEX[(second >>> 16) & 255]}` +
        `-${HEX[0x40 | ((second >>> 8) & 15)]}${HEX[second & 255]}` +
        `-${HEX[0x80 | ((third >>> 24) & 63)]}${HEX[(third >>> 16) & 255]}` +
        `-${HEX[(third >>> 8) & 255]}${HEX[third & 255]}` +
        `${HEX[fourth >>> 24]}${HEX[(fourth >>> 16) & 255]}${HEX[(fourth >>> 8) & 255]}${HEX[fourth & 255]}`
      );
    },
  };
}

/** FNV-1a over the code units of a text. The caller gives the basis. */
function hash(text: string, basis: number): number {
  let value = basis | 0;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value ^ (value >>> 15);
}
