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

  /** An LZ4 frame of blocks that are not compressed, with a checksum behind each of them or behind the whole. */
  function lz4Frame(sizes: readonly number[], { ofBlocks = false, ofContent = false } = {}): Buffer {
    const flags = 0x60 | (ofBlocks ? 0x10 : 0) | (ofContent ? 0x04 : 0);
    const blocks = sizes.map((size) => {
      const head = Buffer.alloc(4);
      head.writeUInt32LE((0x80000000 | size) >>> 0);
      return Buffer.concat([head, Buffer.alloc(size, 'x'), Buffer.alloc(ofBlocks ? 4 : 0)]);
    });
    const end = Buffer.alloc(4 + (ofContent ? 4 : 0));
    return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40, 0x00]), ...blocks, end]);
  }

  it.each([
    ['two blocks', lz4Frame([10, 10])],
    ['two blocks with checksums', lz4Frame([10, 10], { ofBlocks: true })],
    ['two frames', Buffer.concat([lz4Frame([10]), lz4Frame([10])])],
    ['two frames with checksums', Buffer.concat([lz4Frame([10], { ofContent: true }), lz4Frame([10])])],
  ])('the sizes of %s of LZ4 are added up before they are decompressed', (_, frames) => {
    expect(() => decompress(frames, compressions.lz4, 19)).toThrow(TooLargeError);
  });

  it('the sizes of all chunks of Snappy are added up before they are decompressed', () => {
    const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1]);
    // A block that declares 10 bytes, and would make them of one literal.
    const block = Buffer.concat([Buffer.from([10, 9 << 2]), Buffer.alloc(10, 'x')]);
    const chunk = Buffer.concat([Buffer.from([0, 0, 0, block.length]), block]);
    const chunks = Buffer.concat([magic, chunk, chunk]);
    expect(decompress(chunks, compressions.snappy, 20).toString()).toBe('x'.repeat(20));
    expect(() => decompress(chunks, compressions.snappy, 19)).toThrow(TooLargeError);
  });

  it('a compression number of no codec is refused', () => {
    expect(() => decompress(Buffer.alloc(1), 7, limit)).toThrow('no compression number 7');
  });
});
