import type { AbortedTransaction } from '../wire/fetch.ts';
import type { RecordBatch } from '../wire/record-batch-reader.ts';

/**
 * Separates the record batches of aborted transactions from the others, for one partition in one fetch response. The
 * caller shows it the record batches in sequence.
 *
 * A fetch of committed records returns all records up to the last stable offset, those of aborted transactions
 * included, and a list of aborted transactions: the producer, and the offset at which the transaction begins, which
 * may lie before the fetched records. The transaction ends at that producer's next abort marker. The list may name a
 * producer several times. It is valid for this response alone: if a transaction is larger than a fetch, every
 * response lists it again.
 *
 * Source: https://kafka.apache.org/documentation/#impl_protocol, KIP-98 "Exactly Once Delivery".
 */
export class AbortedFilter {
  /** Sorted by first offset, largest first, so that the next transaction to begin is the last element. */
  readonly #toCome: AbortedTransaction[];
  /** The producers whose aborted transaction has begun and has not ended. */
  readonly #open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#toCome = aborted.toSorted((left, right) => (left.firstOffset > right.firstOffset ? -1 : 1));
  }

  /** False for a marker, and for a record batch of an aborted transaction. */
  isCommitted(recordBatch: RecordBatch): boolean {
    let next = this.#toCome.at(-1);
    while (next !== undefined && next.firstOffset < recordBatch.nextOffset) {
      this.#open.add(next.producerId);
      this.#toCome.pop();
      next = this.#toCome.at(-1);
    }
    if (recordBatch.isControl) {
      if (isAbortMarker(recordBatch)) this.#open.delete(recordBatch.producerId);
      return false;
    }
    return !(recordBatch.isTransactional && this.#open.has(recordBatch.producerId));
  }
}

/*
 * A marker is one record: its length (a varint), attributes (one byte), time delta, offset delta and length of the
 * key (three varints), then the key: a version and a type, of two bytes each. Type 0 is an abort.
 */
function isAbortMarker(recordBatch: RecordBatch): boolean {
  const bytes = recordBatch.records;
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
