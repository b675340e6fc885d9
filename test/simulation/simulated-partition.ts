import type { PartitionOffset, TopicPartition } from '../../src/core/offset.ts';
import { Gate } from '../../src/pipeline/gate.ts';
import {
  type FetchedRecords,
  type FirstRecord,
  type LogRecord,
  type NewRecord,
  UNKNOWN_LEADER_EPOCH,
} from '../../src/ports/event-log.ts';

/**
 * One partition as the brokers hold it. Offsets may be missing: aborted transactions, markers, compaction. Each leader
 * appends under an epoch of its own.
 */
export class SimulatedPartition implements TopicPartition {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly records: LogRecord[] = [];
  /** The offsets at which unreadable bytes begin. */
  readonly corrupt = new Set<bigint>();
  readonly changed = new Gate();
  startOffset = 0n;
  endOffset = 0n;
  hasLeader = true;
  /** Records that a new leader did not have. */
  readonly lost: LogRecord[] = [];
  /** From here on other records may have been read than are there now; null once somebody has decided about it. */
  divergedAt: bigint | null = null;
  /** Where each leader began to append, the oldest first. */
  #leaders: { readonly epoch: number; readonly fromOffset: bigint }[] = [{ epoch: 0, fromOffset: 0n }];

  constructor(topic: string, topicId: string, partition: number) {
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
  }

  append(record: NewRecord, timestampMs: number): PartitionOffset {
    const { key, value, headers } = record;
    const offset = this.endOffset++;
    this.records.push({ offset, timestampMs, key, value, headers });
    this.changed.open();
    return { topic: this.topic, partition: this.partition, offset };
  }

  /** Leaves offsets out, as an aborted transaction and its marker do. */
  skip(offsets: number): void {
    this.endOffset += BigInt(offsets);
    this.changed.open();
  }

  /** Whether a record is there that the disk has spoilt. */
  isCorrupt(offset: bigint): boolean {
    return offset < this.endOffset && this.corrupt.has(offset);
  }

  /** A new leader takes over, which lacks the last of the records that were not deleted. */
  elect(loses: number): void {
    const kept = Math.max(this.#indexOf(this.startOffset), this.records.length - loses);
    const lost = this.records.splice(kept);
    const first = lost[0];
    if (first !== undefined) {
      this.endOffset = first.offset;
      this.lost.push(...lost);
      if (this.divergedAt === null || this.divergedAt > first.offset) this.divergedAt = first.offset;
    }
    const leaders = this.#leaders.filter(({ fromOffset }) => fromOffset < this.endOffset);
    const epoch = (this.#leaders.at(-1)?.epoch ?? 0) + 1;
    this.#leaders = [...leaders, { epoch, fromOffset: this.endOffset }];
    this.changed.open();
  }

  /** The epoch of the leader that appended what lies before the offset. */
  epochBefore(offset: bigint): number {
    return this.#leaders.findLast(({ fromOffset }) => fromOffset < offset)?.epoch ?? UNKNOWN_LEADER_EPOCH;
  }

  /** Whether what this leader appended before the offset is still there. */
  holds(epoch: number, offset: bigint): boolean {
    if (epoch === UNKNOWN_LEADER_EPOCH) return true;
    const next = this.#leaders.find((leader) => leader.epoch > epoch);
    return offset <= (next?.fromOffset ?? this.endOffset);
  }

  deleteBefore(offset: bigint): void {
    this.startOffset = offset;
    this.changed.open();
  }

  /** The records in [from, to). */
  between(from: bigint, to: bigint): LogRecord[] {
    const first = this.#indexOf(from);
    let end = first;
    while (end < this.records.length && (this.records[end] as LogRecord).offset < to) end++;
    return this.records.slice(first, end);
  }

  /** The first record that a consumer would get from here on. */
  firstFrom(offset: bigint): FirstRecord {
    const from = offset > this.startOffset ? offset : this.startOffset;
    const record = this.records[this.#indexOf(from)];
    if (record === undefined) return { kind: 'none' };
    const { offset: found, timestampMs } = record;
    return { kind: 'record', offset: found, timestampMs, timestampType: 'log_append' };
  }

  /** At most `limit` records from here on, up to what is corrupt. */
  read(from: bigint, limit: number): FetchedRecords {
    let to = this.endOffset;
    for (const offset of this.corrupt) if (offset >= from && offset < to) to = offset;
    const records = this.between(from, to).slice(0, limit);
    const last = records.at(-1);
    const isCut = records.length === limit && last !== undefined;
    const { topic, partition } = this;
    const nextOffset = isCut ? last.offset + 1n : to;
    return { topic, partition, records, nextOffset, leaderEpoch: this.epochBefore(nextOffset) };
  }

  #indexOf(offset: bigint): number {
    let [low, high] = [0, this.records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.records[middle] as LogRecord).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
