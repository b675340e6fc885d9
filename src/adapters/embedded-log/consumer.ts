import { logDefect, messageOf, TributaryError } from '../../core/errors.ts';
import type { PartitionOffset, TopicPartition } from '../../core/offset.ts';
import { partitionName } from '../../core/offset.ts';
import type {
  ConsumerListener,
  ConsumerOptions,
  EventLogConsumer,
  FetchedRecords,
  FollowOffset,
  PartitionFault,
  TakeLimits,
} from '../../ports/event-log.ts';
import type { LogDatabase } from './file/database.ts';
import { isBusy } from './file/schema.ts';
import { GroupMember, type GroupMemberEvents } from './group/group-member.ts';
import type { ResolvedOptions } from './options.ts';
import { OldestFirst } from './reading/next-partition.ts';
import {
  type FollowedPartition,
  lookAt,
  type ReadLimits,
  readPartitionRecords,
} from './reading/partition-reader.ts';
import { type PartitionRow, rangeOf } from './topics.ts';

/** A take waits for 25 ms when the file cannot be read at the moment. */
const READ_RETRY_MS = 25;

/**
 * Reads nothing ahead: `take` reads the records from the file, within one turn of the event loop, and returns them.
 * So there is no buffer to limit or to drop. Each read checks first that this member still owns the partition.
 */
export class EmbeddedConsumer implements EventLogConsumer {
  readonly #database: LogDatabase;
  readonly #adapterOptions: ResolvedOptions;
  readonly #options: ConsumerOptions;
  readonly #member: GroupMember;
  /** The partitions that the group has assigned to this member, by `partitionName`. */
  readonly #assigned = new Map<string, PartitionRow>();
  readonly #followed = new Map<string, FollowedPartition>();
  readonly #ends = new Map<string, PartitionOffset>();
  /** The functions that wake the takes which wait. */
  readonly #waiting = new Set<() => void>();
  #listener: ConsumerListener | null = null;
  /** Resolves when the listener has answered every call so far. */
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
      throw new TributaryError('usage', 'A consumer can start only once: make another one.');
    }
    this.#listener = listener;
    this.#stopListening = this.#database.watch.listen(() => this.#wakeAll());
    await this.#member.start();
  }

  follow(offsets: readonly FollowOffset[]): void {
    for (const followed of offsets) {
      const name = partitionName(followed);
      const row = this.#assigned.get(name);
      // A partition that this member does not own (any more) is not followed.
      if (row === undefined || this.#closed !== null) continue;
      this.#followed.set(name, { row, nextOffset: Number(followed.offset), endOffset: null });
    }
    // Reports an offset that cannot be read even if no take follows.
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
  ): Promise<FetchedRecords[]> {
    // Lets other work run first, even if the caller does nothing but take.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    for (;;) {
      if (signal.aborted || this.#closed !== null) return [];
      this.#readFailed = false;
      const { taken, readable } = this.#readAll(partitions, limits);
      if (taken.length > 0 || readable === 0) return taken;
      // Nothing tells when a file that could not be read is readable again, so the take waits for a time.
      await (this.#readFailed
        ? this.#adapterOptions.clock.sleep(READ_RETRY_MS, signal)
        : this.#untilWoken(signal));
    }
  }

  #readAll(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
  ): { taken: FetchedRecords[]; readable: number } {
    const taken: FetchedRecords[] = [];
    let recordsLeft = limits.maxRecords;
    let bytesLeft = Math.min(limits.maxBytes, this.#options.maxBufferedBytes);
    const followed = partitions.flatMap((partition) => this.#followed.get(partitionName(partition)) ?? []);
    // Each take begins with another partition, so that one with odd times starves none.
    this.#firstOfNextTake = (this.#firstOfNextTake + 1) % Math.max(followed.length, 1);
    const inTurn = [
      ...followed.slice(this.#firstOfNextTake),
      ...followed.slice(0, this.#firstOfNextTake),
    ].filter((partition) => this.#isReadableNow(partition));
    const waiting = new OldestFirst(this.#database, inTurn);
    while (taken.length === 0 || (recordsLeft > 0 && bytesLeft > 0)) {
      const partition = waiting.next(taken.length === 0);
      if (partition === undefined) break;
      const read = this.#readOne(partition, {
        maxRecords: recordsLeft,
        maxBytes: bytesLeft,
        atLeastOne: taken.length === 0,
        untilMs: waiting.othersMs(partition),
      });
      waiting.wasRead(partition, read === null ? null : read.nextMs);
      if (read === null) continue;
      taken.push(read.fetched);
      recordsLeft -= read.fetched.records.length;
      bytesLeft -= read.bytes;
    }
    return { taken, readable: followed.filter((partition) => this.#isFollowed(partition)).length };
  }

  #readOne(
    followed: FollowedPartition,
    limits: ReadLimits,
  ): { fetched: FetchedRecords; bytes: number; nextMs: number | null | undefined } | null {
    return this.#reading(followed, () => {
      const { fetched, bytes, nextMs, fault } = readPartitionRecords(this.#database, followed, limits);
      if (fault !== null) void this.#halt(followed, fault);
      return fetched === null ? null : { fetched, bytes, nextMs: fault === null ? nextMs : null };
    });
  }

  #isReadableNow(followed: FollowedPartition): boolean {
    return this.#reading(followed, () => this.#isReadable(followed)) ?? false;
  }

  /** Runs a read of the partition. Answers null if the file cannot be read at the moment. */
  #reading<Result>(followed: FollowedPartition, read: () => Result): Result | null {
    try {
      const result = read();
      this.#readFault = null;
      return result;
    } catch (error) {
      this.#readFailed = true;
      logDefect(this.#adapterOptions.logger, `the reading of ${partitionName(followed.row)}`, error);
      // A file that is locked for a moment is not a fault.
      if (!isBusy(error)) this.#readFault = messageOf(error);
      return null;
    }
  }

  /** Whether the partition has records to read. Halts it if it has a fault. */
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
    this.#adapterOptions.logger('error', 'Reading of a partition has stopped', {
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
        if (logDefect(this.#adapterOptions.logger, 'the listener of a consumer', error)) return;
        this.#adapterOptions.logger('error', 'The listener of a consumer failed', {
          error: messageOf(error),
        });
      }
    });
    return this.#calls;
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    try {
      await this.#database.write('Committing offsets', 'process_only', () => {
        for (const { topic, partition, offset } of offsets) {
          this.#database
            .statement(
              `INSERT INTO committed_offsets VALUES (?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset`,
            )
            .run(this.#options.group, topic, partition, offset);
        }
      });
    } catch (error) {
      if (logDefect(this.#adapterOptions.logger, 'the committing of offsets', error)) return;
      this.#adapterOptions.logger('warn', 'Committing offsets failed', { error: messageOf(error) });
    }
  }

  ends(): readonly PartitionOffset[] {
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
