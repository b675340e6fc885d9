import { describe, expect, it } from 'vitest';
import { decompress, TooLargeError } from '../../../../src/adapters/kafka/wire/decompression.ts';
import { type Compression, compressed, compressions } from './record-batch-builder.ts';

const codecs = Object.keys(compressions) as Compression[];
const limit = 1 << 20;

describe('decompression', () => {
  it.each(codecs)(
    'what was compressed by %s is decompressed up to the limit, and refused above it',
    (codec) => {
      for (const size of [1, 1_000, 65_536, limit]) {
        const bytes = Buffer.alloc(size, 'some text that repeats itself, ');
        expect(decompress(compressed(bytes, codec), compressions[codec], limit).equals(bytes)).toBe(true);
      }
      const over = compressed(Buffer.alloc(limit + 1), codec);
      expect(() => decompress(over, compressions[codec], limit)).toThrow(TooLargeError);
    },
  );

  it.each(codecs)('bytes that %s cannot make smaller are decompressed', (codec) => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index * 7919) >> 5));
    expect(decompress(compressed(bytes, codec), compressions[codec], limit).equals(bytes)).toBe(true);
  });

  it.each(codecs)(
    'bytes of %s that are cut off anywhere or have a flipped byte give an error, or at most the limit',
    (codec) => {
      const whole = compressed(Buffer.alloc(5_000, 'some text that repeats itself, '), codec);
      for (let length = 0; length < whole.length; length++) {
        const cutOff = Buffer.from(whole.subarray(0, length));
        try {
          decompress(cutOff, compressions[codec], limit);
        } catch (error) {
          expect(error).toBeDefined();
        }
        const flipped = Buffer.from(whole);
        flipped[length] = (flipped[length] as number) ^ 0xff;
        try {
          expect(decompress(flipped, compressions[codec], limit).length).toBeLessThanOrEqual(limit);
        } catch (error) {
          expect(error).toBeDefined();
        }
      }
    },
  );

  it('a compression number of no codec is refused', () => {
    expect(() => decompress(Buffer.alloc(1), 7, limit)).toThrow('no compression number 7');
  });
});
