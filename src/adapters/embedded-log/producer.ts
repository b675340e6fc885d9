import { crc32 } from 'node:zlib';
import { DefectError, isProgramError, messageOf, TributaryError } from '../../core/errors.ts';
import type { Position } from '../../core/offset.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  AppendOptions,
  EventLogProducer,
  NewRecord,
  ProducerFamily,
  ProducerOptions,
} from '../../ports/event-log.ts';
import { closedError, type LogDatabase } from './database.ts';
import type { ResolvedOptions } from './options.ts';
import { partitionOfKey } from './partitioner.ts';
import {
  hasPackableHeaders,
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  packRecords,
  recordBytes,
} from './record-codec.ts';
import { type PartitionRow, readTopicPartitions, topicMissing } from './topics.ts';

/** One transaction takes whole appends up to about so many records or bytes; at least one. */
const MAX_TRANSACTION_RECORDS = 20_000;
const MAX_TRANSACTION_BYTES = 16 << 20;

/** Who was shut out rejects everything for so long: what is handed over at that moment may be another's already. */
const REJOIN_AFTER_MS = 250;

interface PendingAppend {
  readonly records: readonly NewRecord[];
  /** Of each record, by `recordBytes`. */
  readonly sizes: readonly number[];
  readonly bytes: number;
  readonly resolve: (positions: Position[]) => void;
  readonly reject: (error: TributaryError) => void;
  readonly member: Member | null;
}

/** On whose behalf records are appended, if that may be shut out, and whom it shuts out before. */
interface Member {
  readonly producer: string;
  readonly shutsOut: readonly string[];
}

/**
 * Group commit: what all producers of one client append in one turn of the event loop, and what came while
 * the last transaction waited for the lock, goes into one transaction with one sync of the disk.
 */
export class AppendQueue {
  readonly #database: LogDatabase;
  readonly #options: ResolvedOptions;
  #pending: PendingAppend[] = [];
  /** The appends that go into a transaction of their own each, because one of them met a mistake of the program. */
  #singly = 0;
  #draining: Promise<void> | null = null;
  #nextWithoutKey: number;

  constructor(database: LogDatabase, options: ResolvedOptions) {
    this.#database = database;
    this.#options = options;
    this.#nextWithoutKey = Math.floor(options.clock.random() * 1000);
  }

  append(records: readonly NewRecord[], member: Member | null = null): Promise<Position[]> {
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

  /** Resolves once nothing waits any more. */
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

  /** Never rejects: each append learns for itself what came of it. */
  async #appendSome(): Promise<void> {
    let appends: PendingAppend[] = [];
    const outcomes = new Map<PendingAppend, Position[] | TributaryError>();
    try {
      await this.#database.write('Appending', 'durable', () => {
        // Chosen anew at each try for the lock: what came in the meantime goes along.
        appends = this.#choose();
        outcomes.clear();
        this.#appendAll(appends, outcomes);
      });
    } catch (error) {
      if (appends.length === 0) appends = this.#choose();
      // Rolled back as a whole: one by one, only the append that meets the mistake fails by it.
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

  #appendAll(
    appends: readonly PendingAppend[],
    outcomes: Map<PendingAppend, Position[] | TributaryError>,
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

  /** In the transaction that appends, so that nothing of who is shut out comes behind it. */
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
    for (const batch of batchesOf(records, sizes)) {
      const packed = packRecords(batch);
      insert.run(row.partitionId, offset, batch.length, appendedAtMs, crc32(packed), packed);
      offset += batch.length;
    }
    this.#database
      .statement('UPDATE partitions SET end_offset = ? WHERE partition_id = ?')
      .run(offset, row.partitionId);
  }

  #tooLarge(record: NewRecord, bytes: number): TributaryError {
    return new TributaryError(
      'log_record_too_large',
      `A record for "${record.topic}" has ${bytes} bytes and ${record.headers.length} headers; the embedded log takes ${this.#options.maxRecordBytes} bytes and 65535 headers at most.`,
    );
  }
}

interface PartitionAppend {
  readonly row: PartitionRow;
  readonly records: NewRecord[];
  readonly sizes: number[];
}

function* batchesOf(
  records: readonly NewRecord[],
  sizes: readonly number[],
): Generator<readonly NewRecord[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, size] of sizes.entries()) {
    if (index > start && (index - start >= MAX_BATCH_RECORDS || bytes + size > MAX_BATCH_BYTES)) {
      yield records.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  yield records.slice(start);
}

function appendFailed(error: unknown): TributaryError {
  if (error instanceof Error && isProgramError(error))
    return error instanceof TributaryError
      ? error
      : new DefectError('An append met a mistake of the program.', { cause: error });
  const retryable = error instanceof TributaryError ? error.retryable : true;
  return new TributaryError(
    'log_append_failed',
    `The records may not all be in the log: ${messageOf(error)}`,
    {
      cause: error,
      retryable,
    },
  );
}

function shutOutError(): TributaryError {
  return new TributaryError(
    'log_shut_out',
    'Nothing was appended: another instance took this one for dead, and goes on with what it had claimed.',
  );
}

function isShutOut(error: unknown): boolean {
  return error instanceof TributaryError && error.code === 'log_shut_out';
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export class EmbeddedLogProducer implements EventLogProducer {
  readonly #queue: AppendQueue;
  readonly #file: string;
  readonly #waiting = new Set<Promise<unknown>>();
  readonly #clock: Pick<Clock, 'monotonicMs' | 'uuid'>;
  readonly #family: ProducerFamily | undefined;
  #identity: Promise<string> | null = null;
  #rejoinsAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(
    queue: AppendQueue,
    file: string,
    clock: Pick<Clock, 'monotonicMs' | 'uuid'>,
    { family }: ProducerOptions = {},
  ) {
    this.#queue = queue;
    this.#file = file;
    this.#clock = clock;
    this.#family = family;
  }

  async append(records: readonly NewRecord[], options: AppendOptions = {}): Promise<Position[]> {
    if (this.#closed) throw appendFailed(closedError(this.#file));
    const appended =
      this.#family === undefined
        ? this.#queue.append(records)
        : this.#appendAsMember(this.#family, records, options);
    this.#waiting.add(appended);
    try {
      return await appended;
    } finally {
      this.#waiting.delete(appended);
    }
  }

  async #appendAsMember(
    family: ProducerFamily,
    records: readonly NewRecord[],
    { shutsOut = false }: AppendOptions,
  ): Promise<Position[]> {
    if (this.#clock.monotonicMs() < this.#rejoinsAtMs) throw shutOutError();
    const producer = await this.#identify(family);
    const members = shutsOut ? await family.members() : [];
    const others = members.filter((member) => member !== producer);
    try {
      return await this.#queue.append(records, { producer, shutsOut: others });
    } catch (error) {
      if (isShutOut(error)) {
        this.#identity = null;
        this.#rejoinsAtMs = this.#clock.monotonicMs() + REJOIN_AFTER_MS;
      }
      throw error;
    }
  }

  /** Noted before anything is appended under it, so that whoever has to shut it out knows it. */
  #identify(family: ProducerFamily): Promise<string> {
    if (this.#identity !== null) return this.#identity;
    const producer = this.#clock.uuid();
    const joined = family.join(producer).then(() => producer);
    this.#identity = joined;
    joined.catch(() => {
      if (this.#identity === joined) this.#identity = null;
    });
    return joined;
  }

  /** Resolves once everything given to `append` has been answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#waiting);
    const producer = await this.#identity?.catch(() => null);
    if (producer != null) await this.#family?.leave(producer).catch(() => undefined);
  }
}
