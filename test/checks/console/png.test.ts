import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { decoded, smallPng } from './png.ts';

/** A picture with one filter in each row. The chunks have no checksum, because nothing here reads it. */
function pngOf(
  width: number,
  rows: readonly (readonly [filter: number, ...bytes: number[]])[],
  kind: number,
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([8, kind, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
  };
  return Buffer.concat([
    Buffer.alloc(8),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

it('decoded undoes each of the five filters', () => {
  const picture = decoded(
    pngOf(
      2,
      [
        [0, 10, 20, 30, 40, 50, 60],
        [1, 10, 20, 30, 30, 30, 30],
        [2, 1, 1, 1, 1, 1, 1],
        [3, 5, 5, 5, 5, 5, 5],
        [4, 1, 2, 3, 1, 2, 3],
      ],
      2,
    ),
  );
  expect([...picture.pixels].map((pixel) => pixel.toString(16).padStart(6, '0'))).toEqual([
    ...['0a141e', '28323c'],
    ...['0a141e', '28323c'],
    ...['0b151f', '29333d'],
    ...['0a0f14', '1e262d'],
    ...['0b1117', '1f2830'],
  ]);
});

it('smallPng keeps every pixel of a picture with few colours', () => {
  const original = pngOf(
    2,
    [
      [0, 1, 2, 3, 255, 200, 100, 0, 255],
      [0, 1, 2, 3, 255, 9, 9, 9, 255],
    ],
    6,
  );
  const small = smallPng(original);
  expect(decoded(small)).toEqual(decoded(original));
});

it('smallPng gives rare colours the nearest of the 256 that it keeps', () => {
  const frequent = Array.from({ length: 256 }, (_, grey) => Array<number>(48).fill(grey)).flat();
  const original = pngOf(256 * 16 + 1, [[0, ...frequent, 101, 100, 99]], 2);
  expect(decoded(smallPng(original)).pixels.at(-1)).toBe(0x646464);
});

it('smallPng keeps a rare colour that is unlike all others', () => {
  const greys = Array.from({ length: 255 }, (_, grey) => Array<number>(12).fill(grey)).flat();
  const nearGreys = Array.from({ length: 100 }, (_, grey) => [
    grey,
    grey,
    grey + 1,
    grey,
    grey,
    grey + 1,
  ]).flat();
  const original = pngOf(255 * 4 + 200 + 1, [[0, ...greys, ...nearGreys, 0, 200, 0]], 2);
  expect(decoded(smallPng(original)).pixels.at(-1)).toBe(0x00c800);
});
