import { partitionName, type TopicPartition } from '../../core/offset.ts';
import type { Checkpoint, Checkpoints } from '../../ports/checkpoints.ts';
import type { EventLog, LogRecord } from '../../ports/event-log.ts';

/** What the followers of the log read: the log up to the stored checkpoints. */
export interface FollowParts {
  readonly log: Pick<EventLog, 'describe' | 'readRecords'>;
  readonly store: Pick<Checkpoints, 'checkpoints'>;
  /** The actual names of the topics that are followed. */
  readonly topics: readonly string[];
}

/** The next offset of each partition that is followed, by the partition's name. */
export type Places = ReadonlyMap<string, bigint>;

/** The time between two looks at the checkpoints. */
export const LOOK_EVERY_MS = 500;
/** The rest after a look that failed. */
export const AFTER_TROUBLE_MS = 2_000;
/** The most that one read of one partition takes. */
const PAGE = { maxRecords: 500, maxBytes: 1024 * 1024 };

/**
 * One read of a partition up to its checkpoint. Reading goes on at `next`, which is never behind the checkpoint.
 *
 * - `records`: the records before the checkpoint. There may be none, as after an aborted transaction.
 * - `lost`: the log no longer has the offsets up to `next`.
 * - `unreadable`: the partition cannot be read now. `problem` follows its name in a sentence.
 */
export type FollowedPage =
  | { readonly kind: 'records'; readonly records: readonly LogRecord[]; readonly next: bigint }
  | { readonly kind: 'lost'; readonly next: bigint }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** The checkpoints of the topics that are followed. */
export async function checkpointsOf({ store, topics }: Omit<FollowParts, 'log'>): Promise<Checkpoint[]> {
  return (await store.checkpoints()).filter(({ topic }) => topics.includes(topic));
}

/** Reads the next page of a partition from `offset`, which lies before the checkpoint. */
export async function readUpTo(
  log: Pick<EventLog, 'readRecords'>,
  { topic, partition, nextOffset }: Pick<Checkpoint, 'topic' | 'partition' | 'nextOffset'>,
  offset: bigint,
): Promise<FollowedPage> {
  const read = await log.readRecords({ topic, partition, offset, ...PAGE });
  if (read.kind === 'unreadable') return read;
  if (read.kind === 'out_of_range') {
    const isBehindStart = read.startOffset > offset && read.startOffset < nextOffset;
    return { kind: 'lost', next: isBehindStart ? read.startOffset : nextOffset };
  }
  const records = read.records.filter((record) => record.offset < nextOffset);
  // A log without any record here has a gap up to the checkpoint, as compaction leaves it.
  const isGap = read.records.length === 0 && read.nextOffset <= offset;
  return {
    kind: 'records',
    records,
    next: isGap || read.nextOffset > nextOffset ? nextOffset : read.nextOffset,
  };
}

/** Knows the first offsets of partitions, and asks the log for them only once. */
export class StartOffsets {
  readonly #parts: Pick<FollowParts, 'log' | 'topics'>;
  #starts: Promise<Places> | null = null;

  constructor(parts: Pick<FollowParts, 'log' | 'topics'>) {
    this.#parts = parts;
  }

  /** The offset of the partition's oldest record; 0 if the log does not know the partition now. */
  async of(partition: TopicPartition): Promise<bigint> {
    this.#starts ??= this.#ask();
    return (await this.#starts).get(partitionName(partition)) ?? 0n;
  }

  async #ask(): Promise<Places> {
    const { log, topics } = this.#parts;
    const ranges = (await log.describe(topics)).flatMap(({ partitions }) => partitions);
    return new Map(ranges.map((range) => [partitionName(range), range.startOffset]));
  }
}
