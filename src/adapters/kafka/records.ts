import type { LogRecord, RecordHeader } from '../../ports/event-log.ts';
import type { Batch } from './batches.ts';

const noHeaders: readonly RecordHeader[] = Object.freeze([]);

/** Decodes a batch's records into `into`, leaving out those before `fromOffset`. */
export function decodeRecords(batch: Batch, fromOffset: bigint, into: LogRecord[]): void {
  const decoder = new RecordDecoder(batch.records);
  const isWhole = batch.baseOffset >= fromOffset;
  for (let left = batch.recordCount; left > 0; left--) {
    const record = decoder.next(batch);
    if (isWhole || record.offset >= fromOffset) into.push(record);
  }
}

/**
 * Source: https://kafka.apache.org/documentation/#record. Keys and values are views of the bytes that were
 * fetched, which live as long as any of them.
 */
class RecordDecoder {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(batch: Batch): LogRecord {
    const length = this.#varint();
    const end = this.#position + length;
    if (length < 0 || end > this.#bytes.length) throw new RangeError('a record is longer than its batch');
    this.#position++;
    const timestampDelta = this.#varint();
    const offsetDelta = this.#varint();
    const key = this.#view(this.#varint());
    const value = this.#view(this.#varint());
    const headerCount = this.#varint();
    const headers = headerCount === 0 ? noHeaders : this.#headers(headerCount);
    if (this.#position !== end) throw new RangeError('a record does not end where it says');
    return {
      offset: batch.baseOffset + BigInt(offsetDelta),
      timestampMs: batch.appendTimestampMs ?? batch.timestampMs + timestampDelta,
      key,
      value,
      headers,
    };
  }

  #headers(count: number): RecordHeader[] {
    const headers: RecordHeader[] = [];
    for (let left = count; left > 0; left--) {
      const name = this.#view(this.#varint());
      headers.push([name === null ? '' : name.toString('utf8'), this.#view(this.#varint())]);
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
