import { logDefect } from '../../../core/errors.ts';
import { fullJitterMs } from '../../../core/retry.ts';
import type { Cluster, TopicMetadata } from '../cluster/cluster.ts';
import { explain } from '../errors.ts';

const lookUpBackoff = { baseMs: 100, capMs: 5_000 };
/** Added to every wait before another try. */
const leastRetryMs = 20;

export interface TopicWatch {
  readonly cluster: Cluster;
  readonly topics: readonly string[];
  readonly closing: AbortSignal;
  /** The topics as they were just looked up. */
  seen(topics: ReadonlyMap<string, TopicMetadata>): void;
}

/** Looks the topics up again and again until `closing` aborts, to notice new topics and new partitions. */
export async function watchTopics({ cluster, topics, closing, seen }: TopicWatch): Promise<void> {
  const { clock, metadataRefreshMs, logger } = cluster.options;
  while (!closing.aborted) {
    await clock.sleep(metadataRefreshMs, closing);
    if (closing.aborted) return;
    try {
      seen(await cluster.topics(topics));
    } catch (error) {
      if (logDefect(logger, 'the watch of the topics', error)) continue;
      logger('debug', `The topics could not be looked up: ${explain(error)}`);
    }
  }
}

/** The topics as they are now. Tries until it succeeds; undefined if `isOver` becomes true before. */
export async function lookUpTopics(
  { cluster, topics, closing }: Omit<TopicWatch, 'seen'>,
  isOver: () => boolean,
): Promise<ReadonlyMap<string, TopicMetadata> | undefined> {
  const { clock, logger } = cluster.options;
  for (let attempt = 1; !isOver() && !closing.aborted; attempt++) {
    try {
      return await cluster.topics(topics);
    } catch (error) {
      if (attempt === 1) logger('warn', explain(error));
    }
    await clock.sleep(leastRetryMs + fullJitterMs(lookUpBackoff, attempt, clock.random()), closing);
  }
  return undefined;
}
