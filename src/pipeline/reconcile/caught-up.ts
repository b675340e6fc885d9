import { isDefect } from '../../core/errors.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventLog, TopicDescription } from '../../ports/event-log.ts';
import type { Store } from '../../ports/store.ts';

export interface CaughtUpOptions {
  readonly log: Pick<EventLog, 'describe'>;
  readonly store: Pick<Store, 'checkpoints'>;
  readonly topics: readonly string[];
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** The time in which the journal has to reach the present end of the log. Default: 30 s. */
  readonly patienceMs?: number;
}

const POLL_MS = 250;

/**
 * Resolves with true when everything that the log has now is in the journal, whichever instances read it. Resolves with
 * false if the log does not answer, if a topic is missing, if a partition is halted, or after `patienceMs`.
 */
export async function untilCaughtUp(options: CaughtUpOptions, signal: AbortSignal): Promise<boolean> {
  const { log, store, topics, clock, patienceMs = 30_000 } = options;
  let described: TopicDescription[];
  try {
    described = await log.describe(topics);
  } catch (error) {
    if (isDefect(error)) throw error;
    // The readers of the log report what is wrong with it.
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
  // The end of a partition that cannot be read now is not known.
  if (partitions.length < partitionCount) return false;
  return partitions.every(({ partition, startOffset, endOffset }) => {
    const found = checkpoints.find((known) => known.topic === topic && known.partition === partition);
    if (found === undefined) return startOffset === endOffset;
    return found.haltReason === null && found.topicId === topicId && found.nextOffset >= endOffset;
  });
}
