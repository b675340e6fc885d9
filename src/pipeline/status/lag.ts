import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { EventLog, Peek, PeekedPartition, RecordTime } from '../../ports/event-log.ts';

/** How far one partition is journaled, and what waits in it. Ages are by the clock of the process that looks. */
export interface PartitionLag extends TopicPartition {
  /** The offset of the next record to be journaled; null if no instance has begun with the partition. */
  readonly nextOffset: bigint | null;
  /** The first offset of the log, the end of what a consumer gets, and the end of the log; null if it cannot be read. */
  readonly log: Pick<PeekedPartition, 'startOffset' | 'endOffset' | 'highWatermark'> | null;
  readonly lag: Lag;
  readonly waitsForTransaction: TransactionWait | null;
  readonly epoch: bigint | null;
  /** Why the partition waits for an operator; null if it does not. */
  readonly haltReason: string | null;
}

/**
 * - `none`: every record that a consumer gets is journaled.
 * - `behind`: `messages` offsets lie between the oldest record that is not journaled and the end. `seconds` is the age of
 *   that record, by the time that `timestampType` names.
 * - `unknown`: at most `messages` records wait; null if even that is not known. `reason` says why.
 */
export type Lag =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'behind';
      readonly messages: number;
      readonly seconds: number;
      readonly timestampType: RecordTime['timestampType'];
    }
  | { readonly kind: 'unknown'; readonly messages: number | null; readonly reason: string };

/** Records that no consumer gets before a transaction is decided. */
export interface TransactionWait {
  /** The number of offsets from the first record of the transaction to the end of the log. */
  readonly records: number;
  /** The age of the transaction's first record; null if it cannot be read. */
  readonly sinceSeconds: number | null;
  readonly producerId: bigint | null;
  readonly transactionalId: string | null;
}

export interface LagReading {
  /** Sorted by the sequence of the topics, then by number. */
  readonly partitions: readonly PartitionLag[];
  readonly missingTopics: readonly string[];
}

export interface LagParts {
  readonly log: Pick<EventLog, 'partitionCounts' | 'peek'>;
  readonly checkpoints: readonly Checkpoint[];
  readonly topics: readonly string[];
  readonly nowMs: () => number;
  /** The time in which the log may look for the first record of a partition. Default: that of the log. */
  readonly patienceMs?: number;
}

/**
 * Compares the checkpoints with the log. So the answer is the same from any process, whichever instance owns a partition.
 * The checkpoints have to be read before: a partition then never seems to be further than it is.
 */
export async function readLag(parts: LagParts): Promise<LagReading> {
  const { log, topics, patienceMs } = parts;
  const counts = await log.partitionCounts(topics);
  const byName = new Map(parts.checkpoints.map((checkpoint) => [partitionName(checkpoint), checkpoint]));
  const places = topics.flatMap((topic) =>
    Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  );
  const peeks = await log.peek(
    places.map((place) => ({ ...place, offset: byName.get(partitionName(place))?.nextOffset ?? 0n })),
    patienceMs,
  );
  const current = await peekAnew(peeks, byName, log);
  const nowMs = parts.nowMs();
  return {
    partitions: current.map((peek) => lagOf(peek, byName.get(partitionName(peek)), nowMs)),
    missingTopics: topics.filter((topic) => !counts.has(topic)),
  };
}

/** The offsets of a checkpoint mean nothing in a topic that was made anew, so such a topic is looked at from its start. */
async function peekAnew(
  peeks: readonly Peek[],
  checkpoints: ReadonlyMap<string, Checkpoint>,
  log: Pick<EventLog, 'peek'>,
): Promise<readonly Peek[]> {
  const isOfAnother = (peek: Peek) => {
    const checkpoint = checkpoints.get(partitionName(peek));
    return peek.kind === 'peeked' && checkpoint !== undefined && checkpoint.topicId !== peek.topicId;
  };
  const others = peeks.filter(isOfAnother);
  if (others.length === 0) return peeks;
  const again = await log.peek(others.map(({ topic, partition }) => ({ topic, partition, offset: 0n })));
  const byName = new Map(again.map((peek) => [partitionName(peek), peek]));
  return peeks.map((peek) => byName.get(partitionName(peek)) ?? peek);
}

function lagOf(peek: Peek, checkpoint: Checkpoint | undefined, nowMs: number): PartitionLag {
  const { topic, partition } = peek;
  const known = {
    topic,
    partition,
    nextOffset: checkpoint?.nextOffset ?? null,
    epoch: checkpoint?.epoch ?? null,
    haltReason: checkpoint?.haltReason ?? null,
  };
  if (peek.kind === 'unreadable') {
    const lag: Lag = { kind: 'unknown', messages: null, reason: `${partitionName(peek)} ${peek.problem}.` };
    return { ...known, log: null, lag, waitsForTransaction: null };
  }
  const { startOffset, endOffset, highWatermark } = peek;
  return {
    ...known,
    log: { startOffset, endOffset, highWatermark },
    lag: lagBehind(peek, nowMs),
    waitsForTransaction: waitOf(peek, nowMs),
  };
}

function lagBehind({ first, endOffset, ...place }: PeekedPartition, nowMs: number): Lag {
  switch (first.kind) {
    case 'none':
      return { kind: 'none' };
    case 'record':
      return {
        kind: 'behind',
        messages: Number(endOffset - first.offset),
        seconds: ageSeconds(first.timestampMs, nowMs),
        timestampType: first.timestampType,
      };
    case 'unknown':
      return {
        kind: 'unknown',
        messages: Number(endOffset - first.upTo),
        reason: `${partitionName(place)} has a long run of aborted records, up to offset ${first.upTo} at least; ask again.`,
      };
  }
}

function waitOf(peek: PeekedPartition, nowMs: number): TransactionWait | null {
  const { openTransaction, highWatermark, endOffset } = peek;
  if (openTransaction === null) return null;
  const { first, producerId, transactionalId } = openTransaction;
  return {
    records: Number(highWatermark - endOffset),
    sinceSeconds: first === null ? null : ageSeconds(first.timestampMs, nowMs),
    producerId,
    transactionalId,
  };
}

/** A record whose time lies in the future, because clocks differ, has the age 0. */
function ageSeconds(timestampMs: number, nowMs: number): number {
  return Math.max(0, nowMs - timestampMs) / 1_000;
}
