import type { Checkpoint } from '../ports/checkpoints.ts';

/** A message names at most this many topics. */
const TOPICS_NAMED = 5;

/**
 * Says that a store has journaled records of topics that this pipeline does not read. Then another pipeline may have the same
 * tables by mistake, and what both journal cannot be told apart. Null if the store has none of them.
 */
export function foreignTopics(
  checkpoints: readonly Pick<Checkpoint, 'topic'>[],
  topics: readonly string[],
): string | null {
  const foreign = [...new Set(checkpoints.map(({ topic }) => topic))].filter(
    (topic) => !topics.includes(topic),
  );
  if (foreign.length === 0) return null;
  const more = foreign.length > TOPICS_NAMED ? ` and ${foreign.length - TOPICS_NAMED} more` : '';
  return (
    `This database has records of the topics ${foreign.slice(0, TOPICS_NAMED).join(', ')}${more}, which this order-sync does not read ` +
    `(it reads ${topics.join(', ')}). If another order-sync works with this database, its data and those of this one mix: stop this one ` +
    'at once, and give it tables of its own by ORDER_SYNC_TABLE_PREFIX and ORDER_SYNC_TABLE. If the topics got other names, or are ' +
    'read no more, nothing is wrong.'
  );
}
