import { TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { sentenceOf } from '../../pipeline/holds.ts';
import type { Checkpoints } from '../../ports/checkpoints.ts';
import type { EventLog } from '../../ports/event-log.ts';
import { type Hold, type HoldPart, type Holds, holdOver, partName } from '../../ports/holds.ts';

/** What can be paused. */
export interface PausableParts {
  /** The actual names of the topics that are read. */
  readonly topics: readonly string[];
  readonly targets: readonly string[];
  readonly store: Pick<Checkpoints, 'checkpoints'>;
  readonly log: Pick<EventLog, 'partitionCounts'>;
}

/** Why the part cannot be paused, with the parts that exist, in one sentence; null if it can. */
export async function faultOfPart(part: HoldPart, parts: PausableParts): Promise<string | null> {
  switch (part.kind) {
    case 'ingest':
      return null;
    case 'target':
      if (parts.targets.includes(part.target)) return null;
      return `There is no target ${quoted(part.target)}: ${listOf('target', parts.targets)}.`;
    case 'topic':
    case 'partition': {
      const { topic } = part;
      if (!parts.topics.includes(topic))
        return `order-sync does not read the topic ${quoted(topic)}: ${listOf('topic', parts.topics)}.`;
      return part.kind === 'topic' ? null : faultOfPartition(part, parts);
    }
  }
}

async function faultOfPartition(
  { topic, partition }: HoldPart & { readonly kind: 'partition' },
  { store, log }: PausableParts,
): Promise<string | null> {
  // A partition with a checkpoint exists, and can be paused while the log does not answer.
  const checkpoints = await store.checkpoints();
  if (checkpoints.some((known) => known.topic === topic && known.partition === partition)) return null;
  const count = (await log.partitionCounts([topic])).get(topic) ?? 0;
  if (partition < count) return null;
  return count === 0
    ? `There is no topic ${topic} in the log.`
    : `${topic} has no partition ${partition}: its partitions are 0 to ${count - 1}.`;
}

function listOf(what: string, names: readonly string[]): string {
  return names.length === 1 ? `the only ${what} is ${names[0]}` : `the ${what}s are ${names.join(', ')}`;
}

/** The holds. A store of an older version, which has no table of them, has none. */
export async function holdsIn(store: Pick<Holds, 'listHolds'>): Promise<Hold[]> {
  try {
    return await store.listHolds();
  } catch (error) {
    if (error instanceof TributaryError && error.code === 'table_missing') return [];
    throw error;
  }
}

/** Rejects with `usage` if the target is paused. `lookOnly` says how the caller looks without sending. */
export async function refusePaused(
  store: Pick<Holds, 'listHolds'>,
  target: string,
  lookOnly: string,
): Promise<void> {
  const hold = holdOver({ kind: 'target', target }, await holdsIn(store));
  if (hold === null) return;
  throw new TributaryError(
    'usage',
    `Nothing may be sent to ${target}. ${sentenceOf(hold)}. End the pause by order-sync unpause, or look only, ${lookOnly}.`,
  );
}

/** A hold as the HTTP API and the commands show it. */
export function holdJson({ part, heldBy, reason, heldAtMs }: Hold): object {
  return { part, name: partName(part), heldBy, reason, heldAt: new Date(heldAtMs).toISOString() };
}
