import { comparePartitions, partitionName } from '../../core/offset.ts';
import type { Checkpoints } from '../../ports/checkpoints.ts';
import type { EventLog, TopicDescription } from '../../ports/event-log.ts';
import { type Hold, type Holds, holdOver } from '../../ports/holds.ts';
import { holdJson, holdsIn } from './hold-parts.ts';

/** One partition: how far it is journaled, which offsets the log has, and what keeps it from being read. */
export interface PartitionRow {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the next record to be journaled; null if none was journaled yet. */
  readonly nextOffset: bigint | null;
  /** Both are null if the partition cannot be read now. */
  readonly logStartOffset: bigint | null;
  readonly logEndOffset: bigint | null;
  /** The records behind the log's end that no consumer gets before an open transaction ends. */
  readonly waitingForTransaction: number;
  /** The transactional id of that transaction; null if there is none, or if it is not known. */
  readonly transactionalId: string | null;
  readonly epoch: bigint | null;
  readonly haltReason: string | null;
  readonly hold: Hold | null;
}

export interface PartitionRows {
  /** Sorted by topic and number. */
  readonly rows: readonly PartitionRow[];
  /** The topics that the log does not have. */
  readonly missingTopics: readonly string[];
}

/** Reads the partitions of these topics. Rejects if the log or the store does not answer. */
export async function readPartitions(
  topics: readonly string[],
  {
    store,
    log,
  }: {
    readonly store: Pick<Checkpoints, 'checkpoints'> & Pick<Holds, 'listHolds'>;
    readonly log: Pick<EventLog, 'describe' | 'peek'>;
  },
): Promise<PartitionRows> {
  const checkpoints = await store.checkpoints();
  const holds = await holdsIn(store);
  const described = await log.describe(topics);
  const ranges = described.flatMap(rangesOf);
  const waits = await waitsOf(ranges, log);
  const rows = ranges.map((range): PartitionRow => {
    const { topic, partition, startOffset, endOffset } = range;
    const name = partitionName(range);
    const checkpoint = checkpoints.find((found) => partitionName(found) === name);
    return {
      topic,
      partition,
      nextOffset: checkpoint?.nextOffset ?? null,
      logStartOffset: startOffset,
      logEndOffset: endOffset,
      waitingForTransaction: waits.get(name)?.records ?? 0,
      transactionalId: waits.get(name)?.transactionalId ?? null,
      epoch: checkpoint?.epoch ?? null,
      haltReason: checkpoint?.haltReason ?? null,
      hold: holdOver({ kind: 'partition', topic, partition }, holds),
    };
  });
  return {
    rows: rows.sort(comparePartitions),
    missingTopics: topics.filter((wanted) => described.every(({ topic }) => topic !== wanted)),
  };
}

/** The records that wait behind an open transaction, by partition name. */
async function waitsOf(
  ranges: readonly { topic: string; partition: number; endOffset: bigint | null }[],
  log: Pick<EventLog, 'peek'>,
): Promise<Map<string, { records: number; transactionalId: string | null }>> {
  const readable = ranges.flatMap(({ topic, partition, endOffset }) =>
    endOffset === null ? [] : [{ topic, partition, offset: endOffset }],
  );
  const waits = new Map<string, { records: number; transactionalId: string | null }>();
  for (const peek of await log.peek(readable)) {
    if (peek.kind !== 'peeked' || peek.openTransaction === null) continue;
    const records = Number(peek.highWatermark - peek.endOffset);
    waits.set(partitionName(peek), { records, transactionalId: peek.openTransaction.transactionalId });
  }
  return waits;
}

/** The range of offsets of every partition. The offsets are null for a partition that cannot be read now. */
function rangesOf({ topic, partitionCount, partitions }: TopicDescription) {
  return Array.from({ length: partitionCount }, (_, partition) => {
    const range = partitions.find((found) => found.partition === partition);
    return range ?? { topic, partition, startOffset: null, endOffset: null };
  });
}

/** A partition as the commands show it. */
export function partitionJson({ hold, ...row }: PartitionRow): object {
  return { ...row, hold: hold === null ? null : holdJson(hold) };
}
