import type { LogRecord } from '../../../ports/event-log.ts';
import { decompress } from '../wire/decompression.ts';
import type { RecordBatch } from '../wire/record-batch-reader.ts';
import { type CursorPlace, RecordCursor } from '../wire/record-cursor.ts';

/** The memory that a record batch takes besides its records. */
const recordBatchOverheadBytes = 200;

/**
 * An entry in the queue of a partition: a record batch whose records the caller is to get, or only a new offset. A
 * record batch stays compressed until its records are taken, which may happen in several pieces.
 */
export class QueuedRecordBatch {
  readonly recordBatch: RecordBatch | undefined;
  /** The leader epoch of what lies before `nextOffset`. */
  readonly leaderEpoch: number;
  nextOffset: bigint;
  #cursor: RecordCursor | undefined;
  #openBytes = 0;
  /** The place of the cursor when the record batch was closed. */
  #place: CursorPlace = { position: 0, taken: 0, lastOffsetDelta: -1 };

  constructor(recordBatch: RecordBatch | undefined, leaderEpoch: number, nextOffset: bigint) {
    this.recordBatch = recordBatch;
    this.leaderEpoch = leaderEpoch;
    this.nextOffset = nextOffset;
  }

  /** The memory that it takes, in bytes. */
  get bytes(): number {
    return this.recordBatch === undefined
      ? 0
      : this.recordBatch.records.length + recordBatchOverheadBytes + this.#openBytes;
  }

  /** The size of the decompressed records, in bytes. 0 while it is closed or if it is not compressed. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** Decompresses the records unless it is open. Throws a TooLargeError, or the codec's own error. */
  open(recordBatch: RecordBatch, maxBytes: number): void {
    if (this.#cursor !== undefined) return;
    const bytes = decompress(recordBatch.records, recordBatch.compression, maxBytes);
    this.#cursor = new RecordCursor(recordBatch, bytes, this.#place);
    this.#openBytes = recordBatch.compression === 0 ? 0 : bytes.length;
  }

  /** The next record of an open record batch. Undefined after the last one. Throws a RangeError. */
  next(): LogRecord | undefined {
    return this.#cursor?.next();
  }

  /** The size of the last record that `next` returned, in bytes. */
  get recordBytes(): number {
    return this.#cursor?.recordBytes ?? 0;
  }

  /** Whether an open record batch has no further record. */
  get isAtEnd(): boolean {
    return this.#cursor?.isAtEnd ?? false;
  }

  /** Drops the decompressed records. After the next `open` the cursor is where it was. */
  close(): void {
    if (this.#cursor !== undefined) this.#place = this.#cursor.place();
    this.#cursor = undefined;
    this.#openBytes = 0;
  }
}
