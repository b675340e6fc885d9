import type { LogRecord } from '../../../ports/event-log.ts';
import { decompress } from '../wire/decompression.ts';
import type { RecordBatch } from '../wire/record-batch-reader.ts';
import { type CursorPlace, RecordCursor } from '../wire/record-cursor.ts';

/** What a batch costs in memory beside its records. */
const recordBatchOverheadBytes = 200;

/**
 * Something that was read: a batch of committed records, or nothing but the news that the position moved on. A batch
 * stays compressed until its records are wanted, and gives them up piece by piece.
 */
export class QueuedRecordBatch {
  readonly batch: RecordBatch | undefined;
  /** Of the last thing before `nextOffset`. */
  readonly leaderEpoch: number;
  nextOffset: bigint;
  #cursor: RecordCursor | undefined;
  #openBytes = 0;
  /** Where the cursor stood when the batch was closed. */
  #place: CursorPlace = { position: 0, taken: 0, lastOffsetDelta: -1 };

  constructor(batch: RecordBatch | undefined, leaderEpoch: number, nextOffset: bigint) {
    this.batch = batch;
    this.leaderEpoch = leaderEpoch;
    this.nextOffset = nextOffset;
  }

  /** What it holds in memory. */
  get bytes(): number {
    return this.batch === undefined
      ? 0
      : this.batch.records.length + recordBatchOverheadBytes + this.#openBytes;
  }

  /** Of the decompressed records, as long as they are in memory. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /** Decompresses the batch unless it is open. Throws a TooLargeError, or whatever the codec finds wrong. */
  open(batch: RecordBatch, maxBytes: number): void {
    if (this.#cursor !== undefined) return;
    const bytes = decompress(batch.records, batch.compression, maxBytes);
    this.#cursor = new RecordCursor(batch, bytes, this.#place);
    this.#openBytes = batch.compression === 0 ? 0 : bytes.length;
  }

  /** The next record of a batch that is open; undefined at the end. Throws a RangeError. */
  next(): LogRecord | undefined {
    return this.#cursor?.next();
  }

  /** Of the record that was given last, in bytes. */
  get recordBytes(): number {
    return this.#cursor?.recordBytes ?? 0;
  }

  /** Whether an open batch has no further record. */
  get isAtEnd(): boolean {
    return this.#cursor?.isAtEnd ?? false;
  }

  /** Gives the decompressed records up; opened again, it goes on where it was. */
  close(): void {
    if (this.#cursor !== undefined) this.#place = this.#cursor.place();
    this.#cursor = undefined;
    this.#openBytes = 0;
  }
}
