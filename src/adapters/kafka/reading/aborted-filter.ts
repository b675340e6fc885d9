import type { AbortedTransaction } from '../wire/fetch.ts';
import type { RecordBatch } from '../wire/record-batch-reader.ts';

/**
 * Tells the batches of aborted transactions from the others, in one fetch response of one partition, whose
 * batches it must be shown in sequence.
 *
 * A fetch of committed records hands over all records up to the last stable offset, those of aborted
 * transactions among them, and beside them a list: which producer had an aborted transaction that begins at
 * which offset (it may be before the first offset fetched). Such a transaction ends at that producer's next
 * abort marker. The list may name one producer several times, and belongs to this response alone: of a
 * transaction that is larger than a fetch, each response tells anew.
 *
 * Source: https://kafka.apache.org/documentation/#impl_protocol, KIP-98 "Exactly Once Delivery".
 */
export class AbortedFilter {
  /** By first offset, last one first, so that the next to begin is at the end. */
  readonly #toCome: AbortedTransaction[];
  readonly #open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#toCome = aborted.toSorted((left, right) => (left.firstOffset > right.firstOffset ? -1 : 1));
  }

  /** Whether the batch's records are to be handed on: neither markers nor of an aborted transaction. */
  isCommitted(batch: RecordBatch): boolean {
    let next = this.#toCome.at(-1);
    while (next !== undefined && next.firstOffset < batch.nextOffset) {
      this.#open.add(next.producerId);
      this.#toCome.pop();
      next = this.#toCome.at(-1);
    }
    if (batch.isControl) {
      if (isAbortMarker(batch)) this.#open.delete(batch.producerId);
      return false;
    }
    return !(batch.isTransactional && this.#open.has(batch.producerId));
  }
}

/*
 * A marker is one record: its length, attributes, time delta and offset delta (each one byte here, the length
 * maybe more), then the length of its key and the key, version and type, of two bytes each.
 */
function isAbortMarker(batch: RecordBatch): boolean {
  const bytes = batch.records;
  let position = 0;
  const skipVarint = (): void => {
    while (((bytes[position++] ?? 0) & 0x80) !== 0);
  };
  skipVarint();
  position++;
  skipVarint();
  skipVarint();
  skipVarint();
  return position + 4 <= bytes.length && bytes.readInt16BE(position + 2) === 0;
}
