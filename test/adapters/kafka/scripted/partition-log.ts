import { Code } from './codes.ts';
import { type BatchHead, batchOf, headIn, markerOf, storedAt, valuesIn } from './record-batches.ts';

interface StoredBatch {
  readonly baseOffset: bigint;
  readonly nextOffset: bigint;
  readonly bytes: Buffer;
  readonly producerId: bigint;
  readonly isControl: boolean;
  readonly isTransactional: boolean;
}

interface Sequences {
  readonly first: number;
  readonly last: number;
  readonly baseOffset: bigint;
}

/** What a partition knows of one producer: its epoch, and its last five record batches. */
interface ProducerState {
  epoch: number;
  recent: Sequences[];
}

interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
}

export interface LoggedValue {
  readonly offset: bigint;
  readonly value: string;
}

interface EpochEnd {
  readonly epoch: number;
  readonly endOffset: bigint;
}

const RECENT_MAX = 5;
const SEQUENCES = 2 ** 31;

export type Appended = { readonly code: 0; readonly baseOffset: bigint } | { readonly code: number };

/**
 * The log of one partition, as its leader keeps it in memory: record batches, leader epochs, idempotent producers and
 * transactions.
 * Source: KIP-98, KIP-101 (leader epochs), KIP-360 (epochs of producers), and `ProducerStateManager` and
 * `LeaderEpochFileCache` of Apache Kafka 3.7.
 */
export class PartitionLog {
  maxMessageBytes = 1 << 20;
  #batches: StoredBatch[] = [];
  #startOffset = 0n;
  #endOffset = 0n;
  readonly #epochs: { epoch: number; startOffset: bigint }[] = [{ epoch: 0, startOffset: 0n }];
  readonly #producers = new Map<bigint, ProducerState>();
  /** The first offset of each open transaction, by producer id. */
  readonly #open = new Map<bigint, bigint>();
  readonly #aborted: AbortedTransaction[] = [];

  get startOffset(): bigint {
    return this.#startOffset;
  }

  get endOffset(): bigint {
    return this.#endOffset;
  }

  get lastStableOffset(): bigint {
    let stable = this.#endOffset;
    for (const first of this.#open.values()) if (first < stable) stable = first;
    return stable;
  }

  get leaderEpoch(): number {
    return this.#epochs.at(-1)?.epoch ?? 0;
  }

  /** A leader of this epoch appends from now on. */
  beginEpoch(epoch: number): void {
    this.#epochs.push({ epoch, startOffset: this.#endOffset });
  }

  /** Appends the record batch of a producer, unless its sequence number is one that the log has or does not expect. */
  append(bytes: Buffer): Appended {
    const head = headIn(bytes);
    if (head === null) return { code: Code.CORRUPT_MESSAGE };
    if (bytes.length > this.maxMessageBytes) return { code: Code.MESSAGE_TOO_LARGE };
    if (head.producerId < 0n) return { code: 0, baseOffset: this.#store(bytes, head) };
    const state = this.#producers.get(head.producerId);
    const { baseSequence: first, lastSequence: last } = head;
    const isSame = state?.epoch === head.producerEpoch;
    const duplicate = isSame && state.recent.find((each) => each.first === first && each.last === last);
    if (duplicate) return { code: 0, baseOffset: duplicate.baseOffset };
    const code = this.#judge(state, head);
    if (code !== 0) return { code };
    const recent = isSame ? state.recent : [];
    const baseOffset = this.#store(bytes, head);
    this.#producers.set(head.producerId, {
      epoch: head.producerEpoch,
      recent: [...recent, { first, last, baseOffset }].slice(-RECENT_MAX),
    });
    return { code: 0, baseOffset };
  }

  /** A producer that the log does not know may begin at any sequence number. */
  #judge(state: ProducerState | undefined, { producerEpoch, baseSequence }: BatchHead): number {
    if (state === undefined) return 0;
    if (producerEpoch < state.epoch) return Code.INVALID_PRODUCER_EPOCH;
    const lastSequence = state.recent.at(-1)?.last ?? -1;
    const expected = producerEpoch > state.epoch ? 0 : (lastSequence + 1) % SEQUENCES;
    return baseSequence === expected ? 0 : Code.OUT_OF_ORDER_SEQUENCE_NUMBER;
  }

  /** Forgets all producers, as a broker does with those that have been silent for a day. */
  forgetProducers(): void {
    this.#producers.clear();
  }

  /** Appends records of no transaction, or of the transaction of `producerId`. */
  write(values: readonly string[], timestampMs: number, producerId?: bigint): void {
    const bytes = batchOf({ values, timestampMs, ...(producerId === undefined ? {} : { producerId }) });
    const head = headIn(bytes);
    if (head === null) throw new Error('The record batch is not one.');
    if (producerId !== undefined && !this.#open.has(producerId)) this.#open.set(producerId, this.#endOffset);
    this.#store(bytes, { ...head, producerId: producerId ?? -1n });
  }

  endTransaction(producerId: bigint, end: 'commit' | 'abort', timestampMs: number): void {
    const firstOffset = this.#open.get(producerId);
    if (firstOffset === undefined) throw new Error(`The producer ${producerId} has no transaction here.`);
    const offset = this.#keep(markerOf(producerId, end, timestampMs), 1, { producerId, isControl: true });
    this.#open.delete(producerId);
    if (end === 'abort') this.#aborted.push({ producerId, firstOffset, lastOffset: offset });
  }

  #store(bytes: Buffer, { recordCount, producerId, isTransactional }: BatchHead): bigint {
    return this.#keep(bytes, recordCount, { producerId, isTransactional });
  }

  #keep(
    bytes: Buffer,
    count: number,
    facts: { producerId: bigint; isControl?: boolean; isTransactional?: boolean },
  ): bigint {
    const baseOffset = this.#endOffset;
    this.#endOffset += BigInt(count);
    this.#batches.push({
      baseOffset,
      nextOffset: this.#endOffset,
      bytes: storedAt(bytes, baseOffset, this.leaderEpoch),
      producerId: facts.producerId,
      isControl: facts.isControl ?? false,
      isTransactional: facts.isTransactional ?? false,
    });
    return baseOffset;
  }

  /** Deletes the oldest records, as retention does. */
  deleteBefore(offset: bigint): void {
    this.#startOffset = offset;
    this.#batches = this.#batches.filter(({ nextOffset }) => nextOffset > offset);
  }

  /** Loses the record batches from the offset on, as an unclean leader election does. */
  truncate(offset: bigint): void {
    this.#batches = this.#batches.filter(({ baseOffset }) => baseOffset < offset);
    this.#endOffset = this.#batches.at(-1)?.nextOffset ?? this.#startOffset;
    const kept = this.#epochs.filter(({ startOffset }) => startOffset < this.#endOffset);
    this.#epochs.splice(0, this.#epochs.length, ...(kept.length === 0 ? this.#epochs.slice(0, 1) : kept));
    this.#producers.clear();
  }

  /** Damages one byte of the record batch with this offset, as a broken disk does. */
  damage(offset: bigint): void {
    const batch = this.#batches.find((each) => each.baseOffset <= offset && offset < each.nextOffset);
    const last = (batch?.bytes.length ?? 0) - 1;
    batch?.bytes.writeUInt8((batch.bytes.readUInt8(last) ^ 0xff) & 0xff, last);
  }

  /**
   * The bytes from the record batch with this offset on, up to `limit`. The last record batch may be cut off. With
   * `atLeastOne` the first one is whole whatever its size; without, nothing comes if it is larger than `maxBytes`.
   */
  read(offset: bigint, limit: bigint, maxBytes: number, atLeastOne: boolean): Buffer {
    const batches = this.#batches.filter((each) => each.nextOffset > offset && each.baseOffset < limit);
    const [first] = batches;
    if (first === undefined || (!atLeastOne && first.bytes.length > maxBytes)) return Buffer.alloc(0);
    const all = Buffer.concat(batches.map(({ bytes }) => bytes));
    return all.subarray(0, Math.max(first.bytes.length, maxBytes));
  }

  /** The aborted transactions with records from this offset on. */
  abortedFrom(offset: bigint, limit: bigint): { producerId: bigint; firstOffset: bigint }[] {
    return this.#aborted
      .filter((each) => each.lastOffset >= offset && each.firstOffset < limit)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }));
  }

  /** The last epoch up to the asked one, and the offset at which the next one begins. Null if the log had neither. */
  endOfEpoch(asked: number): EpochEnd | null {
    if (asked === this.leaderEpoch) return { epoch: asked, endOffset: this.#endOffset };
    const higher = this.#epochs.find(({ epoch }) => epoch > asked);
    if (higher === undefined) return null;
    const floor = this.#epochs.findLast(({ epoch }) => epoch <= asked);
    return { epoch: floor?.epoch ?? asked, endOffset: higher.startOffset };
  }

  /** The records that a consumer of committed records gets, as far as the log is decided. */
  committed(): LoggedValue[] {
    return this.#batches
      .filter(
        (batch) => !batch.isControl && batch.baseOffset < this.lastStableOffset && !this.#isAborted(batch),
      )
      .flatMap(({ baseOffset, bytes }) =>
        valuesIn(bytes).map((value, index) => ({ offset: baseOffset + BigInt(index), value })),
      )
      .filter(({ offset }) => offset >= this.#startOffset);
  }

  #isAborted({ baseOffset, producerId, isTransactional }: StoredBatch): boolean {
    return (
      isTransactional &&
      this.#aborted.some(
        (each) =>
          each.producerId === producerId && each.firstOffset <= baseOffset && baseOffset < each.lastOffset,
      )
    );
  }
}
