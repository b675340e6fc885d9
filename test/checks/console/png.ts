/**
 * Makes a picture small: with at most 256 colours, one byte for each pixel. The layout is that of the PNG Specification, third
 * edition (https://www.w3.org/TR/png-3/), sections 5 (chunks), 9 (filters) and 11 (IHDR, PLTE, IDAT, IEND).
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS_MAX = 256;
/** These are taken for their number alone. */
const FREQUENT = 64;
const RGB = 2;
const PALETTE = 3;
const RGBA = 6;

interface Picture {
  readonly width: number;
  readonly height: number;
  /** Each pixel as 0xrrggbb, row by row. */
  readonly pixels: Uint32Array;
}

/** Rare colours become the nearest frequent one. Takes what Chromium writes: 8 bits a channel, not interlaced, opaque. */
export function smallPng(png: Buffer): Buffer {
  const { width, height, pixels } = decoded(png);
  const palette = paletteOf(pixels);
  const indexOf = nearestIn(palette);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indexOf(pixels[y * width + x] as number);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, PALETTE, 0, 0, 0], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(channelsOf))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

export function decoded(png: Buffer): Picture {
  const parts: Buffer[] = [];
  let header: Buffer = Buffer.alloc(0);
  let colours: Buffer = Buffer.alloc(0);
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = data;
    if (type === 'PLTE') colours = data;
    if (type === 'IDAT') parts.push(data);
    at += length + 12;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, kind, , , interlaced] = header.subarray(8);
  const channels = kind === RGB ? 3 : kind === RGBA ? 4 : kind === PALETTE ? 1 : 0;
  if (depth !== 8 || channels === 0 || interlaced !== 0) throw new Error('This kind of PNG is not supported');
  const bytes = unfiltered(inflateSync(Buffer.concat(parts)), width * channels, height, channels);
  const pixels = new Uint32Array(width * height);
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    const at = kind === PALETTE ? (bytes[pixel] as number) * 3 : pixel * channels;
    pixels[pixel] = (kind === PALETTE ? colours : bytes).readUIntBE(at, 3);
  }
  return { width, height, pixels };
}

/** Each row begins with the number of the filter that predicted its bytes. */
function unfiltered(filtered: Buffer, rowBytes: number, height: number, pixelBytes: number): Buffer {
  const bytes = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = filtered[y * (rowBytes + 1)] as number;
    for (let x = 0; x < rowBytes; x++) {
      const at = y * rowBytes + x;
      const left = x < pixelBytes ? 0 : (bytes[at - pixelBytes] as number);
      const above = y === 0 ? 0 : (bytes[at - rowBytes] as number);
      const corner = y === 0 || x < pixelBytes ? 0 : (bytes[at - rowBytes - pixelBytes] as number);
      bytes[at] = (filtered[y * (rowBytes + 1) + 1 + x] as number) + predicted(filter, left, above, corner);
    }
  }
  return bytes;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return (left + above) >> 1;
    case 4: {
      const guess = left + above - corner;
      const [toLeft, toAbove, toCorner] = [left, above, corner].map((each) => Math.abs(guess - each)) as [
        number,
        number,
        number,
      ];
      if (toLeft <= toAbove && toLeft <= toCorner) return left;
      return toAbove <= toCorner ? above : corner;
    }
    default:
      return 0;
  }
}

/** The most frequent colours, and then those of the others that are frequent and unlike all that were taken. */
function paletteOf(pixels: Uint32Array): number[] {
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const sorted = [...counts].sort(([, left], [, right]) => right - left);
  const palette = sorted.slice(0, FREQUENT).map(([colour]) => colour);
  const others = sorted.slice(FREQUENT).map(([colour, count]) => ({
    colour,
    weight: Math.sqrt(count),
    distance: Math.min(...palette.map((taken) => distanceOf(colour, taken))),
  }));
  while (palette.length < COLOURS_MAX && others.length > 0) {
    let best = 0;
    for (const [index, { weight, distance }] of others.entries()) {
      const { weight: most, distance: farthest } = others[best] as (typeof others)[number];
      if (weight * distance > most * farthest) best = index;
    }
    const [{ colour } = { colour: 0 }] = others.splice(best, 1);
    palette.push(colour);
    for (const other of others) other.distance = Math.min(other.distance, distanceOf(other.colour, colour));
  }
  return palette;
}

/** The square of the distance. */
function distanceOf(left: number, right: number): number {
  const [r, g, b] = channelsOf(left);
  const [red, green, blue] = channelsOf(right);
  return (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
}

function nearestIn(palette: readonly number[]): (colour: number) => number {
  const known = new Map(palette.map((colour, index) => [colour, index]));
  return (colour) => {
    const exact = known.get(colour);
    if (exact !== undefined) return exact;
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [index, candidate] of palette.entries()) {
      const distance = distanceOf(colour, candidate);
      if (distance >= least) continue;
      least = distance;
      nearest = index;
    }
    known.set(colour, nearest);
    return nearest;
  };
}

function channelsOf(colour: number): [number, number, number] {
  return [colour >> 16, (colour >> 8) & 0xff, colour & 0xff];
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}
