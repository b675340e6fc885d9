import { crc32 } from 'node:zlib';
import { DefectError, isProgramError, messageOf, TributaryError } from '../../../core/errors.ts';
import type { PartitionOffset } from '../../../core/offset.ts';
import type { NewRecord } from '../../../ports/event-log.ts';
import type { LogDatabase } from '../file/database.ts';
import {
  hasPackableHeaders,
  MAX_RECORD_BATCH_BYTES,
  MAX_RECORD_BATCH_RECORDS,
  packRecords,
  recordBytes,
} from '../file/record-codec.ts';
import type { ResolvedOptions } from '../options.ts';
import { type PartitionRow, readTopicPartitions, topicMissing } from '../topics.ts';
import { partitionOfKey } from './partitioner.ts';

/** One transaction takes whole appends: one in any case, then more while they stay within these limits. */
const MAX_TRANSACTION_RECORDS = 20_000;
const MAX_TRANSACTION_BYTES = 16 << 20;

/** One call of `append` that is not settled yet. */
interface PendingAppend {
  readonly records: readonly NewRecord[];
  /** The size of each record, by `recordBytes`. */
  readonly sizes: readonly number[];
  readonly bytes: number;
  readonly resolve: (offsets: PartitionOffset[]) => void;
  readonly reject: (error: TributaryError) => void;
  /** Null for a producer without a family. */
  readonly member: Member | null;
}

/** A producer of a family, and the producers that it shuts out before it appends. */
interface Member {
  readonly producer: string;
  readonly shutsOut: readonly string[];
}

/**
 * Group commit: one transaction, with one sync of the disk, writes the appends of all producers of one client that
 * came in one turn of the event loop, and those that came while the last transaction waited for the lock.
 */
export class AppendQueue {
  readonly #database: LogDatabase;
  readonly #options: ResolvedOptions;
  #pending: PendingAppend[] = [];
  /** The number of appends that get one transaction each, because one of them met a mistake of the program. */
  #singly = 0;
  #draining: Promise<void> | null = null;
  #nextWithoutKey: number;

  constructor(database: LogDatabase, options: ResolvedOptions) {
    this.#database = database;
    this.#options = options;
    this.#nextWithoutKey = Math.floor(options.clock.random() * 1000);
  }

  append(records: readonly NewRecord[], member: Member | null = null): Promise<PartitionOffset[]> {
    if (records.length === 0) return Promise.resolve([]);
    const sizes: number[] = [];
    let bytes = 0;
    for (const record of records) {
      const size = recordBytes(record);
      if (size > this.#options.maxRecordBytes || !hasPackableHeaders(record)) {
        return Promise.reject(this.#tooLarge(record, size));
      }
      sizes.push(size);
      bytes += size;
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ records, sizes, bytes, resolve, reject, member });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves once every append is settled. */
  async idle(): Promise<void> {
    while (this.#draining !== null) await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      await nextTurn();
      await this.#appendSome();
    }
    this.#draining = null;
  }

  /** Writes one transaction, and settles each of its appends. Never rejects. */
  async #appendSome(): Promise<void> {
    let appends: PendingAppend[] = [];
    const outcomes = new Map<PendingAppend, PartitionOffset[] | TributaryError>();
    try {
      await this.#database.write('Appending', 'durable', () => {
        // Every try for the lock chooses anew, so that appends which came in the meantime are written too.
        appends = this.#choose();
        outcomes.clear();
        this.#appendAll(appends, outcomes);
      });
    } catch (error) {
      if (appends.length === 0) appends = this.#choose();
      // The whole transaction was rolled back. One by one, only the append that meets the mistake fails.
      if (isProgramError(error) && appends.length > 1) {
        this.#singly = appends.length;
        return;
      }
      const failure = appendFailed(error);
      for (const append of appends) outcomes.set(append, failure);
    }
    this.#pending = this.#pending.slice(appends.length);
    this.#singly = Math.max(0, this.#singly - appends.length);
    for (const append of appends) {
      const outcome = outcomes.get(append) ?? new DefectError('An append was left out of its transaction.');
      if (outcome instanceof TributaryError) append.reject(outcome);
      else append.resolve(outcome);
    }
  }

  /** The appends for the next transaction, oldest first. */
  #choose(): PendingAppend[] {
    if (this.#singly > 0) return this.#pending.slice(0, 1);
    let records = 0;
    let bytes = 0;
    const tooMany = this.#pending.findIndex((append, index) => {
      records += append.records.length;
      bytes += append.bytes;
      return index > 0 && (records > MAX_TRANSACTION_RECORDS || bytes > MAX_TRANSACTION_BYTES);
    });
    return this.#pending.slice(0, tooMany === -1 ? undefined : tooMany);
  }

  /** Inserts the records of these appends, and sets the outcome of each append. Runs inside a transaction. */
  #appendAll(
    appends: readonly PendingAppend[],
    outcomes: Map<PendingAppend, PartitionOffset[] | TributaryError>,
  ): void {
    const topics = new Map<string, PartitionAppend[]>();
    for (const append of appends) {
      if (append.member !== null && this.#isShutOut(append.member)) {
        outcomes.set(append, shutOutError());
        continue;
      }
      const missing = append.records.find(({ topic }) => this.#partitions(topics, topic).length === 0);
      if (missing !== undefined) {
        outcomes.set(append, topicMissing(`topic "${missing.topic}"`));
        continue;
      }
      outcomes.set(
        append,
        append.records.map((record, index) => {
          const partitions = this.#partitions(topics, record.topic);
          const chosen = partitions[this.#choosePartition(record.key, partitions.length)] as PartitionAppend;
          chosen.records.push(record);
          chosen.sizes.push(append.sizes[index] as number);
          const offset = chosen.row.endOffset + chosen.records.length - 1;
          return { topic: record.topic, partition: chosen.row.partition, offset: BigInt(offset) };
        }),
      );
    }
    for (const partitions of topics.values()) {
      for (const partition of partitions) this.#insert(partition);
    }
  }

  /**
   * Whether the producer is shut out. If not, shuts out the others. Runs in the transaction that appends, so that no
   * record of the others can follow these.
   */
  #isShutOut({ producer, shutsOut }: Member): boolean {
    const isOut = this.#database
      .statement('SELECT 1 FROM shut_out_producers WHERE producer = ?')
      .get(producer);
    if (isOut !== undefined) return true;
    const shutOut = this.#database.statement(
      'INSERT INTO shut_out_producers VALUES (?) ON CONFLICT DO NOTHING',
    );
    for (const other of shutsOut) shutOut.run(other);
    return false;
  }

  /** The partitions of the topic. Reads them once in each transaction. */
  #partitions(topics: Map<string, PartitionAppend[]>, topic: string): PartitionAppend[] {
    let partitions = topics.get(topic);
    if (partitions === undefined) {
      partitions = readTopicPartitions(this.#database, topic).map((row) => ({ row, records: [], sizes: [] }));
      topics.set(topic, partitions);
    }
    return partitions;
  }

  #choosePartition(key: Uint8Array | null, partitions: number): number {
    if (key !== null) return partitionOfKey(key, partitions);
    this.#nextWithoutKey += 1;
    return this.#nextWithoutKey % partitions;
  }

  #insert({ row, records, sizes }: PartitionAppend): void {
    if (records.length === 0) return;
    const appendedAtMs = Math.floor(this.#options.clock.now());
    const insert = this.#database.statement('INSERT INTO record_batches VALUES (?, ?, ?, ?, ?, ?)');
    let offset = row.endOffset;
    for (const some of recordBatchesOf(records, sizes)) {
      const packed = packRecords(some);
      insert.run(row.partitionId, offset, some.length, appendedAtMs, crc32(packed), packed);
      offset += some.length;
    }
    this.#database
      .statement('UPDATE partitions SET end_offset = ? WHERE partition_id = ?')
      .run(offset, row.partitionId);
  }

  #tooLarge(record: NewRecord, bytes: number): TributaryError {
    return new TributaryError(
      'log_record_too_large',
      `A record for "${record.topic}" has ${bytes} bytes and ${record.headers.length} headers; the embedded log takes at most ${this.#options.maxRecordBytes} bytes and 65535 headers.`,
    );
  }
}

/** The records that one transaction appends to one partition. */
interface PartitionAppend {
  readonly row: PartitionRow;
  readonly records: NewRecord[];
  readonly sizes: number[];
}

/** Cuts the records into the pieces that become one row each. */
function* recordBatchesOf(
  records: readonly NewRecord[],
  sizes: readonly number[],
): Generator<readonly NewRecord[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, size] of sizes.entries()) {
    if (
      index > start &&
      (index - start >= MAX_RECORD_BATCH_RECORDS || bytes + size > MAX_RECORD_BATCH_BYTES)
    ) {
      yield records.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  yield records.slice(start);
}

/** The error of an append that may not be in the log. Retryable unless the cause is not. */
export function appendFailed(error: unknown): TributaryError {
  if (isProgramError(error))
    return error instanceof TributaryError
      ? error
      : new DefectError('An append met a mistake of the program.', { cause: error });
  const retryable = error instanceof TributaryError ? error.retryable : true;
  return new TributaryError(
    'log_append_failed',
    `Some of the records may not be in the log: ${messageOf(error)}`,
    {
      cause: error,
      retryable,
    },
  );
}

export function shutOutError(): TributaryError {
  return new TributaryError(
    'log_shut_out',
    'Nothing was appended: another instance took this one for dead, and has taken over its work.',
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
