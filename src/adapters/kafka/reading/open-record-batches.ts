import type { QueuedRecordBatch } from './queued-record-batch.ts';

interface Owner {
  /** The decompressed records were dropped, and `bytes` bytes of memory are free again. */
  closed(bytes: number): void;
}

/**
 * Limits the decompressed record batches of all partitions: closes those that were opened first when memory is short.
 */
export class OpenRecordBatches {
  readonly maxRecordBatchBytes: number;
  readonly #open = new Map<QueuedRecordBatch, Owner>();
  #bytes = 0;

  /** `maxRecordBatchBytes` limits one record batch, and all of them together. */
  constructor(maxRecordBatchBytes: number) {
    this.maxRecordBatchBytes = maxRecordBatchBytes;
  }

  /** Registers an open record batch, and closes others to stay within the limit. */
  keep(read: QueuedRecordBatch, owner: Owner): void {
    if (read.openBytes === 0 || this.#open.has(read)) return;
    this.#open.set(read, owner);
    this.#bytes += read.openBytes;
    for (const [other] of this.#open) {
      if (this.#bytes <= this.maxRecordBatchBytes) return;
      if (other !== read) this.close(other);
    }
  }

  close(read: QueuedRecordBatch): void {
    const owner = this.#open.get(read);
    this.#open.delete(read);
    const bytes = read.openBytes;
    read.close();
    if (owner === undefined) return;
    this.#bytes -= bytes;
    owner.closed(bytes);
  }
}
