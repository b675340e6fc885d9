import type { PartitionOffset, TopicPartition } from '../core/offset.ts';

/**
 * A partitioned, durable log of records. Records with the same key stay in the sequence in which they were appended.
 * Every object here may be closed twice.
 */
export interface EventLog {
  /** Describes the given topics as they are now, in any sequence. Leaves topics out that do not exist. */
  describe(topics: readonly string[]): Promise<TopicDescription[]>;
  /** The number of partitions of each topic, readable or not. Leaves topics out that do not exist. */
  partitionCounts(topics: readonly string[]): Promise<Map<string, number>>;
  /** Creates the topics that do not exist yet, and changes nothing about the others. */
  createTopics(topics: readonly { topic: string; partitions: number }[]): Promise<void>;
  /**
   * Looks at each of these partitions from its offset on, without a group and without changing anything. Resolves with
   * one answer for each, in the sequence given. `from` names each partition once. Takes about `patienceMs` (default 200) unless a server is slow; for
   * partitions whose server does not answer within 2 s it says so.
   */
  peek(from: readonly PartitionOffset[], patienceMs?: number): Promise<Peek[]>;
  producer(options?: ProducerOptions): EventLogProducer;
  /** A member of the group `options.group`. The members of a group share the partitions of `options.topics`. */
  consumer(options: ConsumerOptions): EventLogConsumer;
  /**
   * Records that the group belongs to this store from now on, and resolves with the store that it belonged to before,
   * or null. Rejects with `usage` while the group has members. A store is a UUID. A log that keeps the store beside the
   * group's committed offsets records nothing, and resolves with null, while the group has committed none.
   */
  handGroupTo(group: string, store: string): Promise<{ readonly former: string | null }>;
  /** Tells whether any group reads these topics; `unknown` if the log cannot tell. */
  readers(topics: readonly string[]): Promise<Readers>;
  /**
   * Reads committed records of one partition from its offset on, without a group and without changing anything: at most
   * `maxRecords`, and about `maxBytes` of them, but at least one if there is one. Does not wait for records to come.
   */
  readRecords(range: RecordsRange): Promise<RecordsRead>;
  close(): Promise<void>;
}

export interface RecordsRange extends PartitionOffset, TakeLimits {}

/**
 * - `read`: what a consumer would get from the offset on. At the end of the log `records` is empty, and `nextOffset` is
 *   the offset that was asked for.
 * - `out_of_range`: the log begins behind the offset, or ends before it.
 * - `unreadable`: the partition cannot be read now, or holds damaged bytes at the offset. `problem` says why, in a few
 *   words that follow its name.
 */
export type RecordsRead =
  | {
      readonly kind: 'read';
      readonly records: readonly LogRecord[];
      /** The offset at which the next read goes on. */
      readonly nextOffset: bigint;
    }
  | { readonly kind: 'out_of_range'; readonly startOffset: bigint; readonly endOffset: bigint }
  | { readonly kind: 'unreadable'; readonly problem: string };

/**
 * `now`: a living member of a group reads one of the topics. `earlier`: no member does now, but one did. `never`: no
 * member ever did.
 */
export type Readers = 'now' | 'earlier' | 'never' | 'unknown';

export interface TopicDescription {
  readonly topic: string;
  /** A topic that is deleted and created again under its name has another id. */
  readonly topicId: string;
  readonly partitionCount: number;
  /**
   * By partition number. Partitions that cannot be read now, because they have no leader for instance, are left out.
   */
  readonly partitions: readonly PartitionRange[];
}

export interface PartitionRange extends TopicPartition {
  /** The offset of the oldest record that the log still has. */
  readonly startOffset: bigint;
  /**
   * The offset of the next record to be appended or, with transactions, of the first record that is not committed
   * yet.
   */
  readonly endOffset: bigint;
}

/** What one look at a partition finds. All its members are of the same moment. */
export type Peek = PeekedPartition | UnreadablePartition;

export interface PeekedPartition extends PartitionRange {
  readonly kind: 'peeked';
  readonly topicId: string;
  /**
   * The offset behind the last record that is appended for good. With transactions it is behind `endOffset` while one of
   * them is open: a consumer gets none of the records between the two.
   */
  readonly highWatermark: bigint;
  readonly first: FirstRecord;
  /** The transaction that holds `endOffset` back; null if none does. */
  readonly openTransaction: OpenTransaction | null;
}

export interface UnreadablePartition extends TopicPartition {
  readonly kind: 'unreadable';
  /** Why, in a few words that follow the name of the partition. */
  readonly problem: string;
}

/**
 * The first record at or behind an offset that a consumer would get.
 *
 * - `none`: there is none up to `endOffset`; what is there belongs to aborted transactions, or was compacted away.
 * - `unknown`: none of the records up to `upTo` is one, and looking further takes longer than `patienceMs`. The next look
 *   from the same offset goes on there.
 */
export type FirstRecord =
  | ({ readonly kind: 'record'; readonly offset: bigint } & RecordTime)
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly upTo: bigint };

/** A record's timestamp, and who gave it: the log as it appended the record, or the producer as it created it. */
export interface RecordTime {
  readonly timestampMs: number;
  readonly timestampType: 'log_append' | 'create';
}

export interface OpenTransaction {
  /** The time of its first record in this partition; null if that cannot be read. */
  readonly first: RecordTime | null;
  /** The id by which the log knows its producer; null if it is not known. */
  readonly producerId: bigint | null;
  /** The name that the producer gave itself; null if it is not known. */
  readonly transactionalId: string | null;
}

export interface ProducerOptions {
  /**
   * A producer with a family settles an append only when it knows the outcome, however long that takes: after that,
   * none of its records can still land. A producer without a family settles in bounded time, and its records may land
   * later.
   */
  readonly family?: ProducerFamily;
}

/**
 * Producers that do the same work. One of them can take it over from another that has died, or is frozen and may
 * wake.
 */
export interface ProducerFamily {
  /** Registers a producer. A producer calls this before its first append. */
  join(producer: string): Promise<void>;
  /** The producers that have joined and have not left. */
  members(): Promise<readonly string[]>;
  /** Removes a producer that has no append under way any more. */
  leave(producer: string): Promise<void>;
}

export interface AppendOptions {
  /**
   * Shuts the other members of the family out of the partitions of these records first: an append that they still
   * have under way is in the log before these records, or never lands. These records may be appended more than once.
   */
  readonly shutsOut?: boolean;
}

export interface EventLogProducer {
  /**
   * Appends the records and resolves with their offsets, in the sequence given, once all of them are durable. The
   * key chooses the partition: the same key goes to the same partition as long as the topic keeps its number of
   * partitions. Retries inside never append a record twice. Rejects with
   * - `log_append_failed` if it does not know that all records are durable; some may be. This may pass.
   * - `log_shut_out` if another member of the family has shut this producer out: no further record of this call
   *   lands.
   * - `log_record_too_large` or `topic_missing`.
   */
  append(records: readonly NewRecord[], options?: AppendOptions): Promise<PartitionOffset[]>;
  close(): Promise<void>;
}

export interface NewRecord {
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** A record may have several headers of one name. */
export type RecordHeader = readonly [name: string, value: Uint8Array | null];

/**
 * A header as the log has it. The name is a string if its bytes are well-formed UTF-8, and the bytes themselves if
 * not.
 */
export type LoggedHeader = readonly [name: string | Uint8Array, value: Uint8Array | null];

/** A log may make the fields when they are asked for, so a record must not be spread into another object. */
export interface LogRecord {
  readonly offset: bigint;
  /** The record's own timestamp, in milliseconds. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly LoggedHeader[];
}

export interface ConsumerOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /** The limit of records in memory, in bytes, over all partitions. Fetching pauses above it. */
  readonly maxBufferedBytes: number;
  /**
   * The identity of the store that this member journals into. All members of a group have to share one store: `start`
   * rejects with `group_of_another_store` if the group belongs to another one. Without an identity nothing is
   * compared.
   */
  readonly store?: string;
}

/**
 * One member of a group. The caller alone decides at which offsets to read: a consumer fetches nothing before
 * `follow`, and never resets an offset.
 */
export interface EventLogConsumer {
  /** Joins the group, and resolves once it has asked to. Calls the listener from then on, one call at a time. */
  start(listener: ConsumerListener): Promise<void>;
  /**
   * Reads each of these partitions from its offset on, and drops what is in memory of it. Halts a partition with
   * `log_diverged` if the record before the offset is not the one that was read under the given leader epoch.
   */
  follow(offsets: readonly FollowOffset[]): void;
  /** Stops reading these partitions, and drops what is in memory of them. */
  unfollow(partitions: readonly TopicPartition[]): void;
  /**
   * Returns records of these partitions, in sequence inside each partition. Waits until there are any, then takes
   * what is in memory up to the limits: at least one element, even if that one is over a limit. Resolves with an
   * empty list when the signal aborts, and when none of the partitions is followed.
   */
  take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedRecords[]>;
  /** Shows the log's own tools how far this group has come. Nothing depends on it: failures are only logged. */
  commit(offsets: readonly PartitionOffset[]): Promise<void>;
  /** The end offset of each partition as last seen. Partitions that were never read are left out. */
  ends(): readonly PartitionOffset[];
  /** `ok` if the log answers and this member is in its group; the reason, in one sentence, if not. */
  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string };
  /** Calls `revoked` for the partitions that it holds, and leaves the group. */
  close(): Promise<void>;
}

/** An offset to read on from, and the proof that the log before it is still the log that was read. */
export interface FollowOffset extends PartitionOffset {
  /** The leader epoch of the last record before the offset. `UNKNOWN_LEADER_EPOCH` skips the check. */
  readonly leaderEpoch: number;
}

/** The leader epoch where none is known, and in logs that have none because only one process can ever lead. */
export const UNKNOWN_LEADER_EPOCH = -1;

export interface TakeLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/**
 * Consecutive committed records of one partition, never of an aborted transaction. `records` may be empty or skip
 * offsets: the log has no records for the caller at those offsets, and reading continues behind them.
 */
export interface FetchedRecords extends TopicPartition {
  readonly records: readonly LogRecord[];
  /** The offset at which the next fetched records of this partition start. */
  readonly nextOffset: bigint;
  /**
   * The epoch of the leader that appended what lies before `nextOffset`; `UNKNOWN_LEADER_EPOCH` if the log has none.
   */
  readonly leaderEpoch: number;
}

export interface ConsumerListener {
  /**
   * This member holds these partitions from now on, besides those that it held before. The caller answers with
   * `follow`. A partition that cannot be read yet, because it has no leader for instance, is assigned by a later
   * call, and `health` names it until then.
   */
  assigned(partitions: readonly AssignedPartition[]): Promise<void>;
  /** Another member is to get these partitions. It may get them once this call resolves. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
  /**
   * Another member may have these partitions already: the caller must not finish anything that it began with them.
   */
  lost(partitions: readonly TopicPartition[]): Promise<void>;
  /** The reading of this partition has stopped and does not go on by itself. Only a new `follow` starts it again. */
  halted(fault: PartitionFault): Promise<void>;
}

export interface AssignedPartition extends PartitionRange {
  readonly topicId: string;
}

export interface PartitionFault extends TopicPartition {
  /**
   * `log_diverged`: records that were read are no longer in the log, and other records may have their offsets.
   * `corrupt_batch`: a record batch does not match its checksum, or contradicts itself.
   * `batch_too_large`: a record batch, decompressed, is larger than may be in memory at once.
   */
  readonly kind:
    | 'offset_out_of_range'
    | 'topic_recreated'
    | 'corrupt_batch'
    | 'batch_too_large'
    | 'log_diverged';
  /** The offset at which reading stopped. */
  readonly offset: bigint;
  /** Says what was seen and what is missing. */
  readonly detail: string;
}
