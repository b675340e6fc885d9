import { isUtf8 } from 'node:buffer';
import type { LoggedHeader, LogRecord } from '../../../ports/event-log.ts';
import type { RecordBatch } from './record-batch-reader.ts';

/**
 * The name as a string if its bytes are well-formed UTF-8, else the bytes. So different bytes stay different names.
 */
function nameOf(bytes: Buffer): string | Uint8Array {
  const text = bytes.toString('utf8');
  // Only malformed bytes decode to U+FFFD, or bytes that encode U+FFFD itself. `isUtf8` runs only for these.
  return text.includes('\ufffd') && !isUtf8(bytes) ? bytes : text;
}

const noHeaders: readonly LoggedHeader[] = Object.freeze([]);

/** The place of a cursor in a record batch. */
export interface CursorPlace {
  /** The index of the next byte to decode, in the decompressed records. */
  readonly position: number;
  /** The number of records that were decoded. */
  readonly taken: number;
  readonly lastOffsetDelta: number;
}

/**
 * Decodes the records of a record batch one by one. Throws a RangeError if the number of records, a length or a
 * record's offset contradicts the bytes or the head of the record batch. Keys and values are views of the bytes, and
 * keep all of them in memory.
 *
 * Source: https://kafka.apache.org/documentation/#record.
 */
export class RecordCursor {
  readonly #recordBatch: RecordBatch;
  readonly #bytes: Buffer;
  #position: number;
  #taken: number;
  #lastOffsetDelta: number;
  #recordBytes = 0;
  readonly #offsetCount: number;

  constructor(recordBatch: RecordBatch, bytes: Buffer, { position, taken, lastOffsetDelta }: CursorPlace) {
    this.#recordBatch = recordBatch;
    this.#bytes = bytes;
    this.#position = position;
    this.#taken = taken;
    this.#lastOffsetDelta = lastOffsetDelta;
    this.#offsetCount = Number(recordBatch.nextOffset - recordBatch.baseOffset);
  }

  place(): CursorPlace {
    return { position: this.#position, taken: this.#taken, lastOffsetDelta: this.#lastOffsetDelta };
  }

  /** Whether all bytes are decoded, and the number of records is that of the head. */
  get isAtEnd(): boolean {
    return this.#taken === this.#recordBatch.recordCount && this.#position === this.#bytes.length;
  }

  /** The size of the last decoded record, in bytes. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** Decodes the next record. Returns undefined after the last one. */
  next(): LogRecord | undefined {
    const recordBatch = this.#recordBatch;
    if (this.#taken === recordBatch.recordCount) {
      if (this.#position !== this.#bytes.length)
        throw new RangeError('a record batch has more records than its head says');
      return undefined;
    }
    const start = this.#position;
    const length = this.#varint();
    const end = this.#position + length;
    if (length < 0 || end > this.#bytes.length)
      throw new RangeError('a record is longer than its record batch');
    this.#position++;
    const timestampDelta = this.#varint();
    const offsetDelta = this.#varint();
    const keyLength = this.#varint();
    const keyAt = this.#skip(keyLength);
    const valueLength = this.#varint();
    const valueAt = this.#skip(valueLength);
    const headerCount = this.#varint();
    if (headerCount < 0) throw new RangeError('a record has a negative number of headers');
    const headers = headerCount === 0 ? noHeaders : this.#headers(headerCount);
    if (this.#position !== end) throw new RangeError('a record does not end where it says');
    if (offsetDelta <= this.#lastOffsetDelta || offsetDelta >= this.#offsetCount) {
      throw new RangeError('the offsets of a record batch are not in sequence');
    }
    this.#lastOffsetDelta = offsetDelta;
    this.#taken++;
    this.#recordBytes = end - start;
    const places = { keyAt, keyLength, valueAt, valueLength };
    return new BatchRecord(recordBatch, this.#bytes, offsetDelta, timestampDelta, places, headers);
  }

  #headers(count: number): LoggedHeader[] {
    const headers: LoggedHeader[] = [];
    for (let left = count; left > 0; left--) {
      const name = this.#view(this.#varint());
      headers.push([name === null ? '' : nameOf(name), this.#view(this.#varint())]);
    }
    return headers;
  }

  #view(length: number): Buffer | null {
    return viewOf(this.#bytes, this.#skip(length), length);
  }

  /** Passes over a field. Returns where it begins. */
  #skip(length: number): number {
    const start = this.#position;
    if (length < 0) return start;
    this.#position = start + length;
    if (this.#position > this.#bytes.length) throw new RangeError('a field is longer than its record batch');
    return start;
  }

  /** Decodes a zigzag-coded varint. Exact up to 53 bits, which is enough for every length, delta and time. */
  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#position++] as number;
    let value = byte & 0x7f;
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    for (let scale = 128; byte >= 0x80; scale *= 128) {
      if (this.#position >= bytes.length) throw new RangeError('a varint ends too early');
      byte = bytes[this.#position++] as number;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

interface Places {
  readonly keyAt: number;
  readonly keyLength: number;
  readonly valueAt: number;
  readonly valueLength: number;
}

/**
 * A record whose fields are made when they are asked for. Thousands of records wait to be decoded, and each field is an
 * object of its own. So a record must not be spread into another object.
 */
class BatchRecord implements LogRecord {
  readonly headers: readonly LoggedHeader[];
  readonly #recordBatch: RecordBatch;
  readonly #bytes: Buffer;
  readonly #offsetDelta: number;
  readonly #timestampDelta: number;
  readonly #keyAt: number;
  readonly #keyLength: number;
  readonly #valueAt: number;
  readonly #valueLength: number;

  constructor(
    recordBatch: RecordBatch,
    bytes: Buffer,
    offsetDelta: number,
    timestampDelta: number,
    { keyAt, keyLength, valueAt, valueLength }: Places,
    headers: readonly LoggedHeader[],
  ) {
    this.headers = headers;
    this.#recordBatch = recordBatch;
    this.#bytes = bytes;
    this.#offsetDelta = offsetDelta;
    this.#timestampDelta = timestampDelta;
    this.#keyAt = keyAt;
    this.#keyLength = keyLength;
    this.#valueAt = valueAt;
    this.#valueLength = valueLength;
  }

  get offset(): bigint {
    return this.#recordBatch.baseOffset + BigInt(this.#offsetDelta);
  }

  get timestampMs(): number {
    const { appendTimestampMs, timestampMs } = this.#recordBatch;
    return appendTimestampMs ?? timestampMs + this.#timestampDelta;
  }

  get key(): Buffer | null {
    return viewOf(this.#bytes, this.#keyAt, this.#keyLength);
  }

  get value(): Buffer | null {
    return viewOf(this.#bytes, this.#valueAt, this.#valueLength);
  }
}

function viewOf(bytes: Buffer, at: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(at, at + length);
}
