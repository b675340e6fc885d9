import { isDefect } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog, TopicDescription } from '../../ports/event-log.ts';
import type { Checkpoint, Store } from '../../ports/store.ts';

export interface CaughtUpOptions {
  readonly log: Pick<EventLog, 'describe'>;
  readonly store: Pick<Store, 'checkpoints'>;
  readonly topics: readonly string[];
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** How long the journal may take to reach where the log ends now; default 30 s. */
  readonly patienceMs?: number;
}

const POLL_MS = 250;

/**
 * Whether all that the log has now comes to be in the journal, by whichever instances read it. False if the log does
 * not answer, a topic is missing, a partition is halted, or it takes longer than the patience.
 */
export async function untilCaughtUp(options: CaughtUpOptions, signal: AbortSignal): Promise<boolean> {
  const { log, store, topics, clock, patienceMs = 30_000 } = options;
  let described: TopicDescription[];
  try {
    described = await log.describe(topics);
  } catch (error) {
    if (isDefect(error)) throw error;
    // What is wrong with the log, its readers say.
    return false;
  }
  if (topics.some((topic) => !described.some((found) => found.topic === topic))) return false;
  const beganMs = clock.monotonicMs();
  while (!signal.aborted) {
    const checkpoints = await store.checkpoints();
    if (described.every((topic) => isJournaled(topic, checkpoints))) return true;
    if (clock.monotonicMs() - beganMs >= patienceMs) return false;
    await clock.sleep(POLL_MS, signal);
  }
  return false;
}

function isJournaled(
  { topic, topicId, partitionCount, partitions }: TopicDescription,
  checkpoints: readonly Checkpoint[],
): boolean {
  // Of a partition that can't be read just now nobody knows where it ends.
  if (partitions.length < partitionCount) return false;
  return partitions.every(({ partition, startOffset, endOffset }) => {
    const found = checkpoints.find((known) => known.topic === topic && known.partition === partition);
    if (found === undefined) return startOffset === endOffset;
    return found.haltReason === null && found.topicId === topicId && found.nextOffset >= endOffset;
  });
}
