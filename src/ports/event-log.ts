import type { PartitionOffset, TopicPartition } from '../core/offset.ts';

/**
 * A partitioned, durable log of records. Records with the same key stay in the sequence of their appending.
 * `close` may be called twice, on every object here.
 */
export interface EventLog {
  /** The given topics as they are now; a topic that does not exist is left out. */
  describe(topics: readonly string[]): Promise<TopicDescription[]>;
  /** How many partitions each of the topics has, whether or not they can be read; a topic that does not exist is left out. */
  partitionCounts(topics: readonly string[]): Promise<Map<string, number>>;
  /** Makes the topics that do not exist yet. Topics that exist are left as they are. */
  createTopics(topics: readonly { topic: string; partitions: number }[]): Promise<void>;
  producer(options?: ProducerOptions): EventLogProducer;
  /** A member of the group `group`: the members share the partitions of `topics` among them. */
  consumer(options: ConsumerOptions): EventLogConsumer;
  /**
   * Notes that the group belongs to this store from now on, and resolves with the one that it belonged to, or null. Rejects
   * with `usage` while the group has members.
   */
  handGroupTo(group: string, store: string): Promise<{ readonly former: string | null }>;
  /** Whether anybody reads these topics. `unknown` where the log cannot tell. */
  readers(topics: readonly string[]): Promise<Readers>;
  close(): Promise<void>;
}

/** `now`: a member of a group lives that reads one of the topics. `earlier`: one did. `never`: none ever did. */
export type Readers = 'now' | 'earlier' | 'never' | 'unknown';

export interface TopicDescription {
  readonly topic: string;
  /** Changes if the topic is deleted and made again. */
  readonly topicId: string;
  readonly partitionCount: number;
  /** By partition number. Left out are partitions that can't be read just now: without a leader, for instance. */
  readonly partitions: readonly PartitionRange[];
}

export interface PartitionRange extends TopicPartition {
  /** Of the oldest record that the log still has. */
  readonly startOffset: bigint;
  /** Of the next record to be appended (of the first one that is not committed yet, with transactions). */
  readonly endOffset: bigint;
}

export interface ProducerOptions {
  /**
   * With a family, an append ends only once it is certain what became of it, however long that takes: nothing of it
   * lands after its promise has been settled. Without one, an append ends in time, and may land later.
   */
  readonly family?: ProducerFamily;
}

/** Producers of which one may take over the work of another that died, or that is frozen and may wake. */
export interface ProducerFamily {
  /** Notes a producer, before it appends anything. */
  join(producer: string): Promise<void>;
  /** All that have joined and have not left. */
  members(): Promise<readonly string[]>;
  /** Nothing of this producer is under way any more. */
  leave(producer: string): Promise<void>;
}

export interface AppendOptions {
  /**
   * First shuts the other members of the family out of the partitions of these records: whatever they still have under
   * way is in the log before these records, or never. It may append these records more than once.
   */
  readonly shutsOut?: boolean;
}

export interface EventLogProducer {
  /**
   * Appends the records, each to the partition that its key chooses (the same key always to the same one while
   * the number of partitions stays), and resolves with their places, in the sequence given, once all of them
   * are durable. A retry inside never appends a record twice. Rejects with `log_append_failed` if it can't tell
   * that all are durable (some may be), which may pass; `log_shut_out` if another member of the family has
   * shut this producer out, so that none of the records is appended any more that were not yet; `log_record_too_large`, `topic_missing`.
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

/** A name may stand more than once. */
export type RecordHeader = readonly [name: string, value: Uint8Array | null];

/** A header as the log has it. The name is text if its bytes are well-formed UTF-8, and those bytes otherwise. */
export type LoggedHeader = readonly [name: string | Uint8Array, value: Uint8Array | null];

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
  /** How many bytes of records may wait in memory, over all partitions; fetching pauses beyond it. */
  readonly maxBufferedBytes: number;
  /**
   * The identity of the store that this member journals into. Members of one group have to share a store: `start` rejects
   * with `group_of_another_store` if the group belongs to another one. Without an identity nothing is compared.
   */
  readonly store?: string;
}

/**
 * One member of a group. The offsets to read from are the caller's alone: nothing is fetched before `follow`,
 * and no offset is ever reset here.
 */
export interface EventLogConsumer {
  /** Joins the group and resolves once asked to; calls the listener from then on, one call at a time. */
  start(listener: ConsumerListener): Promise<void>;
  /**
   * Reads these partitions from these offsets on; whatever waited for them in memory is dropped. Halts a partition with
   * `log_diverged` if the record before the offset is another one now than the one that the leader epoch was read with.
   */
  follow(offsets: readonly FollowOffset[]): void;
  /** Reads these partitions no more, and drops what waits for them. */
  unfollow(partitions: readonly TopicPartition[]): void;
  /**
   * What has been read of these partitions, in sequence inside each partition, as soon as there is anything:
   * it waits for the first batch, then takes what else is there up to the limits (at least one batch, whatever
   * its size). Resolves with nothing when the signal aborts, or when none of the partitions is followed.
   */
  take(
    partitions: readonly TopicPartition[],
    limits: TakeLimits,
    signal: AbortSignal,
  ): Promise<FetchedBatch[]>;
  /** Tells the log's own tools how far this group has come. A courtesy: failures are only logged. */
  commit(offsets: readonly PartitionOffset[]): Promise<void>;
  /** How far behind the log's end the reading is, as last seen; partitions never read are left out. */
  ends(): readonly PartitionOffset[];
  /** Whether the log answers and this member is in its group; else what is wrong, in one sentence. */
  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string };
  /** Leaves the group, after `revoked` for what it holds. */
  close(): Promise<void>;
}

/** A place to read on from, and the proof that the log before it is still the log that was read. */
export interface FollowOffset extends PartitionOffset {
  /** The leader epoch of the last record before the offset; `UNKNOWN_LEADER_EPOCH` leaves the check out. */
  readonly leaderEpoch: number;
}

/** Stands where no leader epoch is known, and in logs that have none because only one process can ever lead. */
export const UNKNOWN_LEADER_EPOCH = -1;

export interface TakeLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/**
 * Consecutive records of one partition that were committed (never of an aborted transaction). `records` may be
 * empty, or leave offsets out: then the log has nothing more to say about those, and the position moves on.
 */
export interface FetchedBatch extends TopicPartition {
  readonly records: readonly LogRecord[];
  /** Where the next batch of this partition starts. */
  readonly nextOffset: bigint;
  /** Of the leader that appended the records, and all else before `nextOffset`; `UNKNOWN_LEADER_EPOCH` if there is none. */
  readonly leaderEpoch: number;
}

export interface ConsumerListener {
  /**
   * These partitions are this member's now, in addition to those it has; the caller answers with `follow`. A partition
   * that can't be read yet, because it has no leader for instance, is told by itself once it can, and named by `health`
   * until then.
   */
  assigned(partitions: readonly AssignedPartition[]): Promise<void>;
  /** About to go to another member: once this resolves, they may. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
  /** Already another member's: nothing may be finished any more. */
  lost(partitions: readonly TopicPartition[]): Promise<void>;
  /** Reading of this partition has stopped and cannot go on by itself; only a new `follow` starts it again. */
  halted(fault: PartitionFault): Promise<void>;
}

export interface AssignedPartition extends PartitionRange {
  readonly topicId: string;
}

export interface PartitionFault extends TopicPartition {
  /**
   * `log_diverged`: records that were read are no longer in the log, and others may stand in their places.
   * `batch_too_large`: records that were appended together, compressed, are more than may be in memory at once.
   */
  readonly kind:
    | 'offset_out_of_range'
    | 'topic_recreated'
    | 'corrupt_batch'
    | 'batch_too_large'
    | 'log_diverged';
  /** The offset that was to be read. */
  readonly offset: bigint;
  /** What was seen and what is missing, in one sentence. */
  readonly detail: string;
}
