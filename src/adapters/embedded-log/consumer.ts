import { logDefect, messageOf, TributaryError } from '../../core/errors.ts';
import type { Position, TopicPartition } from '../../core/offset.ts';
import { partitionName } from '../../core/offset.ts';
import type {
  ConsumerListener,
  ConsumerOptions,
  EventLogConsumer,
  FetchedBatch,
  FollowPosition,
  PartitionFault,
  TakeLimits,
} from '../../ports/event-log.ts';
import type { LogDatabase } from './database.ts';
import { GroupMember, type GroupMemberEvents } from './group-member.ts';
import type { ResolvedOptions } from './options.ts';
import { type FollowedPartition, lookAt, readPartitionRecords } from './partition-reader.ts';
import { isBusy } from './schema.ts';
import { type PartitionRow, rangeOf } from './topics.ts';

/** How long a take waits when the file cannot be read just now. */
const READ_RETRY_MS = 25;

/**
 * Nothing is read ahead: `take` reads from the file, within one turn of the event loop, what it hands out. So
 * there is no buffer to bound or to drop, and each read first sees whether the partition still is ours.
 */
export class EmbeddedLogConsumer implements EventLogConsumer {
  readonly #database: LogDatabase;
  readonly #adapterOptions: ResolvedOptions;
  readonly #options: ConsumerOptions;
  readonly #member: GroupMember;
  /** What the group has given to this member, by `partitionName`. */
  readonly #assigned = new Map<string, PartitionRow>();
  readonly #followed = new Map<string, FollowedPartition>();
  readonly #ends = new Map<string, Position>();
  readonly #waiting = new Set<() => void>();
  #listener: ConsumerListener | null = null;
  /** The listener's calls, one after the other. */
  #calls: Promise<void> = Promise.resolve();
  #stopListening: () => void = () => {};
  #firstOfNextTake = 0;
  #readFailed = false;
  #readFault: string | null = null;
  #closed: Promise<void> | null = null;

  constructor(database: LogDatabase, adapterOptions: ResolvedOptions, options: ConsumerOptions) {
    this.#database = database;
    this.#adapterOptions = adapterOptions;
    this.#options = options;
    const events: GroupMemberEvents = {
      checkFaults: () => this.#checkFaults(),
      assigned: (rows) => this.#onAssigned(rows),
      revoked: (rows) => this.#onRevoked(rows),
      lost: (rows) => this.#onLost(rows),
    };
    const { group, topics, store } = options;
    this.#member = new GroupMember(database, adapterOptions, group, topics, events, store);
  }

  async start(listener: ConsumerListener): Promise<void> {
    if (this.#listener !== null || this.#closed !== null) {
      throw new TributaryError('usage', 'A consumer starts once: make another one.');
    }
    this.#listener = listener;
    this.#stopListening = this.#database.watch.listen(() => this.#wakeAll());
    await this.#member.start();
  }

  follow(positions: readonly FollowPosition[]): void {
    for (const position of positions) {
      const name = partitionName(position);
      const row = this.#assigned.get(name);
      // Not ours (any more): whoever has it reads it.
      if (row === undefined || this.#closed !== null) continue;
      this.#followed.set(name, { row, nextOffset: Number(position.offset), endOffset: null });
    }
    // So that an offset that cannot be read is told even if nobody takes.
    this.#member.look();
    this.#wakeAll();
  }

  unfollow(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      this.#followed.delete(partitionName(partition));
      this.#ends.delete(partitionName(partition));
    }
    this.#wakeAll();
  }

  async take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedBatch[]> {
    // Lets everything else have a turn, even if a caller does nothing but take.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    for (;;) {
      if (signal.aborted || this.#closed !== null) return [];
      this.#readFailed = false;
      const { batches, readable } = this.#readAll(partitions, limits);
      if (batches.length > 0 || readable === 0) return batches;
      // Nobody tells when a file that could not be read can be read again.
      await (this.#readFailed
        ? this.#adapterOptions.clock.sleep(READ_RETRY_MS, signal)
        : this.#untilWoken(signal));
    }
  }

  #readAll(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
  ): { batches: FetchedBatch[]; readable: number } {
    const batches: FetchedBatch[] = [];
    let recordsLeft = limits.maxRecords;
    let bytesLeft = Math.min(limits.maxBytes, this.#options.maxBufferedBytes);
    const followed = partitions.flatMap((partition) => this.#followed.get(partitionName(partition)) ?? []);
    // Each take begins at another partition and leaves a share for the rest, so that a busy one starves none.
    this.#firstOfNextTake = (this.#firstOfNextTake + 1) % Math.max(followed.length, 1);
    for (let index = 0; index < followed.length; index += 1) {
      const partition = followed[(index + this.#firstOfNextTake) % followed.length] as FollowedPartition;
      if (batches.length > 0 && (recordsLeft <= 0 || bytesLeft <= 0)) break;
      const rest = followed.length - index;
      const read = this.#readOne(partition, {
        maxRecords: Math.ceil(recordsLeft / rest),
        maxBytes: Math.ceil(bytesLeft / rest),
        atLeastOne: batches.length === 0,
      });
      if (read === null) continue;
      batches.push(read.batch);
      recordsLeft -= read.batch.records.length;
      bytesLeft -= read.bytes;
    }
    return { batches, readable: followed.filter((partition) => this.#isFollowed(partition)).length };
  }

  #readOne(
    followed: FollowedPartition,
    limits: TakeLimits & { atLeastOne: boolean },
  ): { batch: FetchedBatch; bytes: number } | null {
    try {
      if (!this.#isReadable(followed)) return null;
      const { batch, bytes, fault } = readPartitionRecords(this.#database, followed, limits);
      if (fault !== null) void this.#halt(followed, fault);
      this.#readFault = null;
      return batch === null ? null : { batch, bytes };
    } catch (error) {
      this.#readFailed = true;
      logDefect(this.#adapterOptions.log, `the reading of ${partitionName(followed.row)}`, error);
      // Locked as a whole, for a moment, is nothing to report.
      if (!isBusy(error)) this.#readFault = messageOf(error);
      return null;
    }
  }

  /** Whether there is something to read; tells the listener if there never will be. */
  #isReadable(followed: FollowedPartition): boolean {
    const look = lookAt(this.#database, this.#options.group, this.#member.memberId, followed);
    const { topic, partition } = followed.row;
    if (followed.endOffset !== null) {
      this.#ends.set(partitionName(followed.row), { topic, partition, offset: BigInt(followed.endOffset) });
    }
    if (look.kind === 'not_owner') this.#member.look();
    if (look.kind === 'fault') void this.#halt(followed, look.fault);
    return look.kind === 'readable';
  }

  #isFollowed(followed: FollowedPartition): boolean {
    return this.#followed.get(partitionName(followed.row)) === followed;
  }

  #untilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async #checkFaults(): Promise<void> {
    await this.#database.read('Looking at followed partitions', () => {
      for (const followed of [...this.#followed.values()]) this.#isReadable(followed);
    });
    await this.#calls;
  }

  #halt(followed: FollowedPartition, fault: PartitionFault): Promise<void> {
    if (!this.#isFollowed(followed)) return Promise.resolve();
    this.#followed.delete(partitionName(followed.row));
    this.#adapterOptions.log('error', 'Reading of a partition has stopped', {
      ...fault,
      offset: String(fault.offset),
    });
    this.#wakeAll();
    return this.#call((listener) => listener.halted(fault));
  }

  #onAssigned(rows: readonly PartitionRow[]): Promise<void> {
    for (const row of rows) this.#assigned.set(partitionName(row), row);
    return this.#call((listener) =>
      listener.assigned(rows.map((row) => ({ ...rangeOf(row), topicId: row.topicId }))),
    );
  }

  async #onRevoked(rows: readonly PartitionRow[]): Promise<void> {
    await this.#call((listener) =>
      listener.revoked(rows.map(({ topic, partition }) => ({ topic, partition }))),
    );
    this.#forget(rows);
  }

  async #onLost(rows: readonly PartitionRow[]): Promise<void> {
    this.#forget(rows);
    await this.#call((listener) => listener.lost(rows.map(({ topic, partition }) => ({ topic, partition }))));
  }

  #forget(rows: readonly PartitionRow[]): void {
    for (const row of rows) this.#assigned.delete(partitionName(row));
    this.unfollow(rows);
  }

  #call(tell: (listener: ConsumerListener) => Promise<void>): Promise<void> {
    this.#calls = this.#calls.then(async () => {
      try {
        if (this.#listener !== null) await tell(this.#listener);
      } catch (error) {
        if (logDefect(this.#adapterOptions.log, 'the listener of a consumer', error)) return;
        this.#adapterOptions.log('error', 'The listener of a consumer failed', { error: messageOf(error) });
      }
    });
    return this.#calls;
  }

  async commit(positions: readonly Position[]): Promise<void> {
    if (positions.length === 0) return;
    try {
      await this.#database.write('Committing offsets', 'process_only', () => {
        for (const { topic, partition, offset } of positions) {
          this.#database
            .statement(
              `INSERT INTO committed_offsets VALUES (?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset`,
            )
            .run(this.#options.group, topic, partition, offset);
        }
      });
    } catch (error) {
      if (logDefect(this.#adapterOptions.log, 'the committing of offsets', error)) return;
      this.#adapterOptions.log('warn', 'Committing offsets failed', { error: messageOf(error) });
    }
  }

  ends(): readonly Position[] {
    return [...this.#ends.values()];
  }

  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    const trouble = this.#closed === null ? (this.#member.fault ?? this.#readFault) : 'it is closed.';
    if (trouble === null) return { ok: true };
    return { ok: false, reason: `The consumer of group "${this.#options.group}" does not work: ${trouble}` };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopListening();
    await this.#member.stop();
    this.#followed.clear();
    await this.#calls;
    this.#wakeAll();
  }
}
