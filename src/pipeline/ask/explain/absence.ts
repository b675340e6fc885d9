import { compareOffsets, partitionName, type TopicPartition } from '../../../core/offset.ts';
import type { Checkpoint, ResumedPartition } from '../../../ports/checkpoints.ts';
import type { PeekedPartition } from '../../../ports/event-log.ts';
import type { Hold } from '../../../ports/holds.ts';
import type { StoredDelivery } from '../../../ports/ledger.ts';
import type { KeyFound } from '../../../ports/quarantine.ts';
import type { AskParts } from '../parts.ts';
import type { Readiness } from './readiness.ts';

/** Why events of one entity may be missing from its journal: all that stands still, was left out or was refused. */
export interface Absence {
  readonly halts: readonly HaltedPartition[];
  /** The pauses for which events of the entity may wait, or a state that is owed. */
  readonly pauses: readonly Pause[];
  /** Offsets among which an event may have been that the entity waits for, the latest decision first. */
  readonly leftOut: readonly LeftOut[];
  readonly refused: RefusedRecords;
}

/** A partition that waits for a decision, and may hold events of the entity. */
export interface HaltedPartition extends TopicPartition {
  readonly nextOffset: bigint;
  readonly haltReason: string;
  /** The offset of the oldest record that the log has; null if the log was not asked or did not answer. */
  readonly startOffset: bigint | null;
  /** The offsets from there, or from the checkpoint, to the end; null if they are not known. */
  readonly waiting: number | null;
}

export interface Pause {
  readonly hold: Hold;
  /** The offsets that wait in the paused partitions that can concern the entity; null if they are not known. */
  readonly waiting: number | null;
}

/** Offsets of a partition that were left out by a decision: from `fromOffset` to the one before `toOffset`. */
export type LeftOut = ResumedPartition;

/** The open records whose key is the entity's id. */
export interface RefusedRecords extends KeyFound {
  /** The records of each topic that were looked at; `isMore` says whether there are others. */
  readonly lookMax: number;
}

/** The open records of one topic among which the key is looked for. */
const REFUSED_LOOK_MAX = 5_000;
/** The most refused records that are named. */
export const REFUSED_SHOWN = 5;
/** The decisions that are looked through for offsets that were left out. */
const DECISIONS_READ = 1_000;

type Parts = Pick<AskParts<unknown, unknown>, 'store' | 'topicNames' | 'log'>;

/** What is known of the entity. */
interface KnownEntity extends Readiness<unknown> {
  readonly entityId: string;
  readonly events: readonly TopicPartition[];
  readonly deliveries: readonly StoredDelivery[];
}

/** Reads why events of the entity may be missing. Asks the log only about what stands still. */
export async function readAbsence(parts: Parts, known: KnownEntity): Promise<Absence> {
  const { entityId, events, deliveries } = known;
  const { store, topicNames } = parts;
  const topics = [...new Set(Object.values(topicNames))];
  const [checkpoints, holds, resumed, refused] = await Promise.all([
    store.checkpoints(),
    store.listHolds(),
    store.listResumed(DECISIONS_READ),
    readRefused(parts, entityId),
  ]);
  const read = checkpoints.filter(({ topic }) => topics.includes(topic));
  const mayHold = partitionsOf(read, topics, events);
  const concerned = read.filter(mayHold);
  const halted = concerned.filter(({ haltReason }) => haltReason !== null);
  const paused = holds
    .map((hold) => ({ hold, partitions: concerned.filter((partition) => rests(hold, partition)) }))
    .filter(
      ({ hold, partitions }) => partitions.length > 0 || isUnread(hold, read) || keepsOwed(hold, deliveries),
    );
  const still = concerned.filter(
    (partition) =>
      halted.includes(partition) || paused.some(({ partitions }) => partitions.includes(partition)),
  );
  const ranges = await rangesOf(parts, still);
  return {
    halts: halted.map(({ topic, partition, nextOffset, haltReason }) => ({
      topic,
      partition,
      nextOffset,
      haltReason: haltReason ?? '',
      ...(ranges.get(partitionName({ topic, partition })) ?? NOTHING_KNOWN),
    })),
    pauses: paused
      .map(({ hold, partitions }) => ({ hold, waiting: sumOf(partitions, ranges) }))
      .filter(({ waiting }) => waiting !== 0),
    leftOut: leftOutOf(resumed).filter(
      (leftOut) => topics.includes(leftOut.topic) && mayHold(leftOut) && mayBeMissed(known, leftOut),
    ),
    refused,
  };
}

/**
 * Selects the partitions that can hold events of the entity. If all topics have the same number of partitions, an entity
 * has the same number in each of them. Else only the topics of its known events tell the partition, and every partition of
 * another topic may have it.
 */
function partitionsOf(
  checkpoints: readonly Checkpoint[],
  topics: readonly string[],
  events: readonly TopicPartition[],
): (partition: TopicPartition) => boolean {
  // A baseline event comes from no topic.
  const places = events.filter(({ topic }) => topic !== '');
  if (places.length === 0) return () => true;
  const counts = topics.map((topic) => checkpoints.filter((each) => each.topic === topic).length);
  if (new Set(counts).size === 1) {
    const numbers = new Set(places.map(({ partition }) => partition));
    return ({ partition }) => numbers.has(partition);
  }
  const names = new Set(places.map(partitionName));
  const known = new Set(places.map(({ topic }) => topic));
  return (partition) => names.has(partitionName(partition)) || !known.has(partition.topic);
}

function rests({ part }: Hold, { topic, partition }: TopicPartition): boolean {
  switch (part.kind) {
    case 'ingest':
      return true;
    case 'topic':
      return part.topic === topic;
    case 'partition':
      return part.topic === topic && part.partition === partition;
    case 'target':
      return false;
  }
}

/** Whether nothing of the part was ever read, so that nothing tells which of it can concern the entity. */
function isUnread(hold: Hold, checkpoints: readonly Checkpoint[]): boolean {
  const { part } = hold;
  if (part.kind === 'target') return false;
  return !checkpoints.some(({ topic }) => part.kind === 'ingest' || part.topic === topic);
}

/** Whether a state of the entity is due to the target that is paused. */
function keepsOwed({ part }: Hold, deliveries: readonly StoredDelivery[]): boolean {
  return deliveries.some(
    ({ target, status }) => part.kind === 'target' && target === part.target && status === 'pending',
  );
}

interface KnownRange {
  readonly startOffset: bigint | null;
  readonly waiting: number | null;
}

const NOTHING_KNOWN: KnownRange = { startOffset: null, waiting: null };

/** What waits in these partitions. Without an answer of the log there is only less to say. */
async function rangesOf(
  { log }: Parts,
  partitions: readonly Checkpoint[],
): Promise<ReadonlyMap<string, KnownRange>> {
  if (log === null || partitions.length === 0) return new Map();
  const peeks = await log.peek(
    partitions.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset })),
  );
  return new Map(
    partitions.flatMap((checkpoint) => {
      const peeked = peeks?.find((peek) => partitionName(peek) === partitionName(checkpoint));
      if (peeked?.kind !== 'peeked') return [];
      return [[partitionName(checkpoint), rangeOf(checkpoint, peeked)] as const];
    }),
  );
}

function rangeOf({ topicId, nextOffset }: Checkpoint, peeked: PeekedPartition): KnownRange {
  const { startOffset, endOffset } = peeked;
  // The offset of a checkpoint means nothing in a topic that was made anew.
  const isSameTopic = peeked.topicId === topicId;
  const from = isSameTopic && nextOffset > startOffset ? nextOffset : startOffset;
  return { startOffset, waiting: from < endOffset ? Number(endOffset - from) : 0 };
}

function sumOf(
  partitions: readonly TopicPartition[],
  ranges: ReadonlyMap<string, KnownRange>,
): number | null {
  const counts = partitions.map((partition) => ranges.get(partitionName(partition))?.waiting ?? null);
  return counts.length === 0 || counts.includes(null)
    ? null
    : counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/**
 * The offsets that the decisions left out, the newest decision first. A later decision to read from an earlier offset takes
 * them back. In a topic that was made anew, the offsets before it say nothing.
 */
function leftOutOf(newestFirst: readonly ResumedPartition[]): LeftOut[] {
  const readFrom = new Map<string, bigint>();
  return newestFirst.flatMap((decision) => {
    const name = partitionName(decision);
    const isOfAnother = decision.haltReason?.startsWith('topic_recreated') ?? false;
    const again = readFrom.get(name);
    const toOffset = again === undefined || again > decision.toOffset ? decision.toOffset : again;
    if (again === undefined || decision.toOffset < again) readFrom.set(name, decision.toOffset);
    if (isOfAnother) readFrom.set(name, 0n);
    const isLeftOut = !isOfAnother && compareOffsets(decision.fromOffset, toOffset) < 0;
    return isLeftOut ? [{ ...decision, toOffset }] : [];
  });
}

/**
 * Whether an event that the entity waits for may have been among these records. An event that comes after the one since
 * which it waits was not, if that one happened after the decision.
 */
function mayBeMissed({ isReady, whyNot, since }: Readiness<unknown>, { decidedAtMs }: LeftOut): boolean {
  if (isReady) return false;
  return whyNot?.column === null || since === null || since.occurredAtMs <= decidedAtMs;
}

async function readRefused({ store, topicNames }: Parts, entityId: string): Promise<RefusedRecords> {
  const key = new TextEncoder().encode(entityId);
  const found: KeyFound[] = [];
  for (const topic of new Set(Object.values(topicNames)))
    found.push(
      await store.findOpenByKey({ topic, key, lookMax: REFUSED_LOOK_MAX, limit: REFUSED_SHOWN + 1 }),
    );
  return {
    records: found.flatMap(({ records }) => records),
    isMore: found.some(({ isMore }) => isMore),
    lookMax: REFUSED_LOOK_MAX,
  };
}
