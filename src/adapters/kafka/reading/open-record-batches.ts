import type { QueuedRecordBatch } from './queued-record-batch.ts';

interface Owner {
  closed(bytes: number): void;
}

/** The decompressed batches of all partitions, kept within a limit: the one that was opened first is closed first. */
export class OpenRecordBatches {
  readonly maxRecordBatchBytes: number;
  readonly #open = new Map<QueuedRecordBatch, Owner>();
  #bytes = 0;

  /** `maxRecordBatchBytes`: of one batch, and of all of them together. */
  constructor(maxRecordBatchBytes: number) {
    this.maxRecordBatchBytes = maxRecordBatchBytes;
  }

  /** Notes a batch that is open now, and closes others to make room for it. */
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
