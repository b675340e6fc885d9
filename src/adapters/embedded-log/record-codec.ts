import type { LogRecord, NewRecord, RecordHeader } from '../../ports/event-log.ts';

/**
 * The bytes of one batch, little-endian. Each header name stands once per batch, so that reading turns it
 * into a string once.
 *
 *     version u8 = 1 | name count u16 | names: (length u16, UTF-8)*
 *     | records: (key length i32, value length i32, header count u16, key, value,
 *                 headers: (name index u16, value length i32, value)*)*
 *
 * A length of -1 means null.
 */
const FORMAT_VERSION = 1;
const RECORD_PREFIX_BYTES = 10;
const HEADER_PREFIX_BYTES = 6;
const UINT16_MAX = 0xffff;
const NULL_LENGTH = -1;

/** A batch is closed once it has so many records or bytes, so that reading from its middle stays cheap. */
export const MAX_BATCH_RECORDS = 500;
export const MAX_BATCH_BYTES = 64 * 1024;

/** What a record weighs against the limits of appending and reading: key, value and headers, in bytes. */
export function recordBytes(record: Omit<NewRecord, 'topic'>): number {
  let bytes = (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
  for (const [name, value] of record.headers) bytes += Buffer.byteLength(name) + (value?.byteLength ?? 0);
  return bytes;
}

/** Whether the format can hold the record's headers. */
export function hasPackableHeaders(record: NewRecord): boolean {
  return (
    record.headers.length <= UINT16_MAX &&
    record.headers.every(([name]) => Buffer.byteLength(name) <= UINT16_MAX)
  );
}

/** Packs records that together have at most 65,535 different header names. */
export function packRecords(records: readonly NewRecord[]): Buffer {
  const names = new Map<string, number>();
  let bytes = 3;
  for (const record of records) {
    bytes += RECORD_PREFIX_BYTES + (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
    for (const [name, value] of record.headers) {
      if (!names.has(name)) {
        names.set(name, names.size);
        bytes += 2 + Buffer.byteLength(name);
      }
      bytes += HEADER_PREFIX_BYTES + (value?.byteLength ?? 0);
    }
  }
  const packed = Buffer.allocUnsafe(bytes);
  let at = packed.writeUInt8(FORMAT_VERSION, 0);
  at = packed.writeUInt16LE(names.size, at);
  for (const name of names.keys()) {
    const length = packed.write(name, at + 2);
    packed.writeUInt16LE(length, at);
    at += 2 + length;
  }
  for (const { key, value, headers } of records) {
    at = packed.writeInt32LE(key?.byteLength ?? NULL_LENGTH, at);
    at = packed.writeInt32LE(value?.byteLength ?? NULL_LENGTH, at);
    at = packed.writeUInt16LE(headers.length, at);
    at = writeBytes(packed, key, at);
    at = writeBytes(packed, value, at);
    for (const [name, headerValue] of headers) {
      at = packed.writeUInt16LE(names.get(name) as number, at);
      at = packed.writeInt32LE(headerValue?.byteLength ?? NULL_LENGTH, at);
      at = writeBytes(packed, headerValue, at);
    }
  }
  return packed;
}

function writeBytes(packed: Buffer, bytes: Uint8Array | null, at: number): number {
  if (bytes === null) return at;
  packed.set(bytes, at);
  return at + bytes.byteLength;
}

export interface UnpackOptions {
  readonly baseOffset: number;
  readonly recordCount: number;
  readonly timestampMs: number;
  /** Records before this one are left out. */
  readonly fromOffset: number;
  readonly maxRecords: number;
  /** Ends before the record that would pass it. */
  readonly maxBytes: number;
  /** The first record comes whatever its size. */
  readonly atLeastOne: boolean;
}

export interface Unpacked {
  readonly records: LogRecord[];
  readonly bytes: number;
}

/** The records of a batch that are asked for. They share the batch's memory. Throws if the bytes make no sense. */
export function unpackRecords(source: Uint8Array, options: UnpackOptions): Unpacked {
  const packed = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  if (packed.readUInt8(0) !== FORMAT_VERSION) throw new Error(`Unknown batch format ${packed[0]}.`);
  let at = 3;
  const names: string[] = [];
  for (let count = packed.readUInt16LE(1); count > 0; count -= 1) {
    const end = at + 2 + packed.readUInt16LE(at);
    names.push(packed.toString('utf8', at + 2, end));
    at = end;
  }
  const records: LogRecord[] = [];
  let taken = 0;
  for (let index = 0; index < options.recordCount && records.length < options.maxRecords; index += 1) {
    const start = at;
    const keyLength = packed.readInt32LE(at);
    const valueLength = packed.readInt32LE(at + 4);
    let headerCount = packed.readUInt16LE(at + 8);
    at += RECORD_PREFIX_BYTES;
    const key = slice(source, at, keyLength);
    at += Math.max(keyLength, 0);
    const value = slice(source, at, valueLength);
    at += Math.max(valueLength, 0);
    const headers: RecordHeader[] = [];
    for (; headerCount > 0; headerCount -= 1) {
      const name = names[packed.readUInt16LE(at)];
      const length = packed.readInt32LE(at + 2);
      if (name === undefined) throw new Error('A header has no name.');
      headers.push([name, slice(source, at + HEADER_PREFIX_BYTES, length)]);
      at += HEADER_PREFIX_BYTES + Math.max(length, 0);
    }
    if (at > packed.length) throw new Error('The batch ends inside a record.');
    const offset = options.baseOffset + index;
    if (offset < options.fromOffset) continue;
    const mayPass = options.atLeastOne && records.length === 0;
    if (!mayPass && taken + (at - start) > options.maxBytes) break;
    taken += at - start;
    records.push({ offset: BigInt(offset), timestampMs: options.timestampMs, key, value, headers });
  }
  return { records, bytes: taken };
}

function slice(source: Uint8Array, at: number, length: number): Uint8Array | null {
  return length === NULL_LENGTH ? null : source.subarray(at, at + length);
}
