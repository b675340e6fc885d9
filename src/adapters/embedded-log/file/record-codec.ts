import { TributaryError } from '../../../core/errors.ts';
import type { LogRecord, NewRecord, RecordHeader } from '../../../ports/event-log.ts';

/**
 * The format of one record batch, little-endian. Each header name stands once in a record batch, so that reading
 * turns it into a string once.
 *
 *     version u8 = 1 | name count u16 | names: (length u16, UTF-8)*
 *     | records: (record length u32, key length i32, value length i32, header count u16, key, value,
 *                 headers: (name index u16, value length i32, value)*)*
 *
 * The record length counts the whole record, its own 4 bytes included. A length of -1 means null.
 */
const FORMAT_VERSION = 1;
const PREFIX_BYTES = 3;
const RECORD_PREFIX_BYTES = 14;
const HEADER_PREFIX_BYTES = 6;
const UINT16_MAX = 0xffff;
const NULL_LENGTH = -1;

/** The limits of a record batch. They keep it cheap to read from the middle of one. */
export const MAX_RECORD_BATCH_RECORDS = 500;
export const MAX_RECORD_BATCH_BYTES = 64 * 1024;

/** The size of a record's key, value and headers together, in bytes. The limits of appending apply to it. */
export function recordBytes(record: Omit<NewRecord, 'topic'>): number {
  let bytes = (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
  for (const [name, value] of record.headers) bytes += Buffer.byteLength(name) + (value?.byteLength ?? 0);
  return bytes;
}

/** Whether the format can hold the record's headers. */
export function hasPackableHeaders(record: NewRecord): boolean {
  // In UTF-8 a name has at most three bytes for each unit of its length.
  return (
    record.headers.length <= UINT16_MAX && record.headers.every(([name]) => name.length <= UINT16_MAX / 3)
  );
}

/** Packs records that together have at most 65,535 different header names. */
export function packRecords(records: readonly NewRecord[]): Buffer {
  const names = new Map<string, number>();
  let bytes = PREFIX_BYTES;
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
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (const { key, value, headers } of records) {
    const start = at;
    view.setInt32(at + 4, key?.byteLength ?? NULL_LENGTH, true);
    view.setInt32(at + 8, value?.byteLength ?? NULL_LENGTH, true);
    view.setUint16(at + 12, headers.length, true);
    at = writeBytes(packed, key, at + RECORD_PREFIX_BYTES);
    at = writeBytes(packed, value, at);
    for (const [name, headerValue] of headers) {
      view.setUint16(at, names.get(name) as number, true);
      view.setInt32(at + 2, headerValue?.byteLength ?? NULL_LENGTH, true);
      at = writeBytes(packed, headerValue, at + HEADER_PREFIX_BYTES);
    }
    view.setUint32(start, at - start, true);
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
  /** The offset of the first record to return. */
  readonly fromOffset: number;
  readonly maxRecords: number;
  /** Stops before the record that would exceed it. */
  readonly maxBytes: number;
  /** Whether the first record is returned whatever its size. */
  readonly atLeastOne: boolean;
}

export interface Unpacked {
  readonly records: LogRecord[];
  readonly bytes: number;
}

/**
 * Unpacks the records that are asked for. They share the memory of `packed`. Throws if the bytes contradict
 * themselves.
 */
export function unpackRecords(packed: Uint8Array, options: UnpackOptions): Unpacked {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (view.getUint8(0) !== FORMAT_VERSION) throw damaged(`unknown format ${packed[0]} of a record batch`);
  const { names, end } = unpackNames(packed, view);
  const records: LogRecord[] = [];
  let at = end;
  let bytes = 0;
  for (let index = 0; index < options.recordCount && records.length < options.maxRecords; index += 1) {
    const length = view.getUint32(at, true);
    const offset = options.baseOffset + index;
    if (offset >= options.fromOffset) {
      const mayPass = options.atLeastOne && records.length === 0;
      if (!mayPass && bytes + length > options.maxBytes) break;
      records.push(unpackRecord(packed, view, at, names, offset, options.timestampMs));
      bytes += length;
    }
    at += length;
  }
  return { records, bytes };
}

function unpackNames(packed: Uint8Array, view: DataView): { names: string[]; end: number } {
  const text = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const names: string[] = [];
  let at = PREFIX_BYTES;
  for (let count = view.getUint16(1, true); count > 0; count -= 1) {
    const end = at + 2 + view.getUint16(at, true);
    names.push(text.toString('utf8', at + 2, end));
    at = end;
  }
  return { names, end: at };
}

function unpackRecord(
  packed: Uint8Array,
  view: DataView,
  start: number,
  names: readonly string[],
  offset: number,
  timestampMs: number,
): LogRecord {
  const keyLength = view.getInt32(start + 4, true);
  const valueLength = view.getInt32(start + 8, true);
  let at = start + RECORD_PREFIX_BYTES;
  const key = slice(packed, at, keyLength);
  at += Math.max(keyLength, 0);
  const value = slice(packed, at, valueLength);
  at += Math.max(valueLength, 0);
  const headers: RecordHeader[] = [];
  for (let count = view.getUint16(start + 12, true); count > 0; count -= 1) {
    const name = names[view.getUint16(at, true)];
    const length = view.getInt32(at + 2, true);
    if (name === undefined) throw damaged('a header has no name');
    headers.push([name, slice(packed, at + HEADER_PREFIX_BYTES, length)]);
    at += HEADER_PREFIX_BYTES + Math.max(length, 0);
  }
  if (at - start !== view.getUint32(start, true))
    throw damaged('a record does not end where its length says');
  return { offset: BigInt(offset), timestampMs, key, value, headers };
}

function slice(packed: Uint8Array, at: number, length: number): Uint8Array | null {
  return length === NULL_LENGTH ? null : packed.subarray(at, at + length);
}

function damaged(message: string): TributaryError {
  return new TributaryError('log_damaged', message);
}
