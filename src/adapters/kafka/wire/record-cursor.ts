import { isUtf8 } from 'node:buffer';
import type { LoggedHeader, LogRecord } from '../../../ports/event-log.ts';
import type { RecordBatch } from './record-batch-reader.ts';

/** Two names of different bytes never become one text. */
function nameOf(bytes: Buffer): string | Uint8Array {
  const text = bytes.toString('utf8');
  // Only what was replaced, or stood there as such, has to be looked at.
  return text.includes('\ufffd') && !isUtf8(bytes) ? bytes : text;
}

const noHeaders: readonly LoggedHeader[] = Object.freeze([]);

/** Where a cursor stands in a batch. */
export interface CursorPlace {
  /** In the decompressed bytes. */
  readonly position: number;
  /** How many records were taken. */
  readonly taken: number;
  readonly lastOffsetDelta: number;
}

/**
 * Decodes a batch's records one by one. Nothing that a batch says of itself is believed: throws a RangeError where the
 * number of records, a length, or a record's offset does not fit the bytes and the batch's head.
 *
 * Source: https://kafka.apache.org/documentation/#record. Keys and values are views of the bytes, which live as long as
 * any of them.
 */
export class RecordCursor {
  readonly #batch: RecordBatch;
  readonly #bytes: Buffer;
  #position: number;
  #taken: number;
  #lastOffsetDelta: number;
  #recordBytes = 0;
  readonly #offsetCount: number;

  constructor(batch: RecordBatch, bytes: Buffer, { position, taken, lastOffsetDelta }: CursorPlace) {
    this.#batch = batch;
    this.#bytes = bytes;
    this.#position = position;
    this.#taken = taken;
    this.#lastOffsetDelta = lastOffsetDelta;
    this.#offsetCount = Number(batch.nextOffset - batch.baseOffset);
  }

  place(): CursorPlace {
    return { position: this.#position, taken: this.#taken, lastOffsetDelta: this.#lastOffsetDelta };
  }

  /** Whether all bytes are decoded, and as many records as there should be. */
  get isAtEnd(): boolean {
    return this.#taken === this.#batch.recordCount && this.#position === this.#bytes.length;
  }

  /** Of the record that was given last, in bytes. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** The next record; undefined at the end. */
  next(): LogRecord | undefined {
    const batch = this.#batch;
    if (this.#taken === batch.recordCount) {
      if (this.#position !== this.#bytes.length)
        throw new RangeError('a batch has more records than it says');
      return undefined;
    }
    const start = this.#position;
    const length = this.#varint();
    const end = this.#position + length;
    if (length < 0 || end > this.#bytes.length) throw new RangeError('a record is longer than its batch');
    this.#position++;
    const timestampDelta = this.#varint();
    const offsetDelta = this.#varint();
    const key = this.#view(this.#varint());
    const value = this.#view(this.#varint());
    const headerCount = this.#varint();
    if (headerCount < 0) throw new RangeError('a record has a negative number of headers');
    const headers = headerCount === 0 ? noHeaders : this.#headers(headerCount);
    if (this.#position !== end) throw new RangeError('a record does not end where it says');
    if (offsetDelta <= this.#lastOffsetDelta || offsetDelta >= this.#offsetCount) {
      throw new RangeError('the offsets of a batch are not in sequence');
    }
    this.#lastOffsetDelta = offsetDelta;
    this.#taken++;
    const timestampMs = batch.appendTimestampMs ?? batch.timestampMs + timestampDelta;
    this.#recordBytes = end - start;
    return { offset: batch.baseOffset + BigInt(offsetDelta), timestampMs, key, value, headers };
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
    if (length < 0) return null;
    const start = this.#position;
    this.#position = start + length;
    if (this.#position > this.#bytes.length) throw new RangeError('a field is longer than its batch');
    return this.#bytes.subarray(start, this.#position);
  }

  /** A zigzag-coded varint. Exact up to 53 bits, which holds every length, delta and time there can be. */
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
