import { messageOf, TributaryError } from '../../core/errors.ts';
import { kindOfHalt, offsetNamedBy } from '../../core/halts.ts';
import {
  comparePartitions,
  type PartitionOffset,
  partitionName,
  type TopicPartition,
} from '../../core/offset.ts';
import type { Decision } from '../../ports/audit.ts';
import type { Checkpoint, Checkpoints } from '../../ports/checkpoints.ts';
import type { EventLog, PartitionRange, TopicDescription } from '../../ports/event-log.ts';

export interface ResumeParts {
  readonly store: Pick<Checkpoints, 'checkpoints' | 'resume'>;
  readonly log: Pick<EventLog, 'describe'>;
}

export interface ResumeRequest {
  /** As in `order_events/3`. */
  readonly name: string;
  /** An offset, or `earliest`. */
  readonly at: string | undefined;
  /** Whether records may be left out although the partition is not halted. */
  readonly skips: boolean;
}

/** The names of the options, as the caller writes them. */
export interface ResumeWords {
  readonly at: string;
  readonly skip: string;
}

export interface Resumed extends PartitionOffset {
  /** The checkpoint before the decision. */
  readonly before: Checkpoint;
}

/** Lets one partition go on at the offset that the caller chose. Rejects with `usage` if it cannot go on there. */
export async function resumeOne(
  { store, log }: ResumeParts,
  { name, at, skips }: ResumeRequest,
  decision: Decision,
  words: ResumeWords,
): Promise<Resumed> {
  const [topic = '', number = ''] = splitName(name);
  const described = (await log.describe([topic]))[0];
  const range = described?.partitions.find((found) => String(found.partition) === number);
  if (described !== undefined && range === undefined && Number(number) < described.partitionCount) {
    throw new TributaryError(
      'log_unreachable',
      `${name} cannot be read now, so its first and last offsets are unknown. Does it have a leader?`,
    );
  }
  if (described === undefined || range === undefined) {
    throw new TributaryError(
      'usage',
      `The log has no partition ${JSON.stringify(name)}; give one as in order_events/3.`,
    );
  }
  const offset = offsetFrom(at, range, words);
  const { partition } = range;
  const before = checkpointOf(await store.checkpoints(), { topic, partition });
  if (before === undefined) {
    throw new TributaryError(
      'usage',
      `${name} has no checkpoint, so there is nothing to decide: it starts at the beginning of the log.`,
    );
  }
  if (before.haltReason === null && offset > before.nextOffset && !skips) {
    throw new TributaryError(
      'usage',
      `${name} is not halted: it stands at offset ${before.nextOffset} and goes on by itself. To leave out what lies ` +
        `before offset ${offset} all the same, add ${words.skip}. See order-sync partitions.`,
    );
  }
  await store.resume({ topic, partition, offset, topicId: described.topicId, ...decision });
  return { topic, partition, offset, before };
}

/** What one decision for all halted partitions means for one of them. */
export interface PlannedResume extends TopicPartition {
  /** The first word of the halt's reason, such as `topic_recreated`. */
  readonly kind: string;
  readonly haltReason: string;
  readonly fromOffset: bigint;
  /** Where it goes on. Null if it does not: then `explanation` says why. */
  readonly to: { readonly offset: bigint; readonly topicId: string } | null;
  /** Why it goes on there, and what that means, in a few words. */
  readonly explanation: string;
}

export interface PlanFilter {
  /** Only halts of this kind; null for all. */
  readonly kind: string | null;
  /** Whether each partition goes on at the start of the log, whatever its halt. */
  readonly fromStart: boolean;
}

/**
 * Works out where each halted partition goes on by the rule of its halt. Changes nothing. A partition that only a decision
 * of its own can let go on is part of the plan without an offset.
 */
export async function planResumeAll(
  { store, log }: ResumeParts,
  { kind, fromStart }: PlanFilter,
): Promise<PlannedResume[]> {
  const halted = (await store.checkpoints()).flatMap((checkpoint) =>
    checkpoint.haltReason === null ? [] : [{ checkpoint, haltReason: checkpoint.haltReason }],
  );
  const chosen = halted.filter(({ haltReason }) => kind === null || kindOfHalt(haltReason) === kind);
  if (chosen.length === 0) return [];
  const topics = await log.describe([...new Set(chosen.map(({ checkpoint }) => checkpoint.topic))]);
  return chosen
    .map(({ checkpoint, haltReason }): PlannedResume => {
      const { topic, partition, nextOffset } = checkpoint;
      const described = topics.find((found) => found.topic === topic);
      const plan = placeOf(checkpoint, haltReason, described, fromStart);
      return { topic, partition, kind: kindOfHalt(haltReason), haltReason, fromOffset: nextOffset, ...plan };
    })
    .sort(comparePartitions);
}

/** Why the partition did not go on although the plan had an offset for it. */
export interface ResumeOutcome {
  readonly planned: PlannedResume;
  /** Null if it goes on. */
  readonly failure: string | null;
}

/** Lets the partitions of a plan go on, each by a recorded decision of its own. One that fails stops no other. */
export async function carryOut(
  { store }: Pick<ResumeParts, 'store'>,
  plan: readonly PlannedResume[],
  decision: Decision,
): Promise<ResumeOutcome[]> {
  const outcomes: ResumeOutcome[] = [];
  for (const planned of plan) {
    const { topic, partition, to, explanation } = planned;
    if (to === null) {
      outcomes.push({ planned, failure: explanation });
      continue;
    }
    try {
      await store.resume({ topic, partition, ...to, ...decision });
      outcomes.push({ planned, failure: null });
    } catch (error) {
      if (!(error instanceof TributaryError)) throw error;
      outcomes.push({ planned, failure: messageOf(error) });
    }
  }
  return outcomes;
}

const SAFE = 'events that are journaled already are dropped as duplicates';

function placeOf(
  { topicId, partition, nextOffset }: Checkpoint,
  haltReason: string,
  topic: TopicDescription | undefined,
  fromStart: boolean,
): Pick<PlannedResume, 'to' | 'explanation'> {
  if (topic === undefined) return decideAlone('the log has no such topic');
  const range = topic.partitions.find((found) => found.partition === partition);
  if (range === undefined)
    return decideAlone(
      partition < topic.partitionCount
        ? 'it cannot be read now, so its offsets are unknown; try again'
        : `the topic has only ${topic.partitionCount} partitions now`,
    );
  const { startOffset, endOffset } = range;
  const at = (offset: bigint, explanation: string) => ({
    to: { offset, topicId: topic.topicId },
    explanation,
  });
  const kind = kindOfHalt(haltReason);
  if (kind === 'topic_recreated' || topic.topicId !== topicId)
    return at(startOffset, `the start of the other topic's log; ${SAFE}`);
  if (fromStart) return at(startOffset, `the start of the log; ${SAFE}`);
  const named = offsetNamedBy(haltReason);
  switch (kind) {
    case 'offset_out_of_range':
      return nextOffset < startOffset
        ? at(
            startOffset,
            startOffset - nextOffset === 1n
              ? `the start of the log; offset ${nextOffset} is missing`
              : `the start of the log; the offsets ${nextOffset} to ${startOffset - 1n} are missing`,
          )
        : at(startOffset, `the start of the log, which has lost its end; ${SAFE}`);
    case 'log_diverged':
      return named === null
        ? at(startOffset, `the start of the log, which is not the one that was read; ${SAFE}`)
        : at(within(named, range), 'the first offset at which the log differs from what was read');
    case 'corrupt_batch':
    case 'batch_too_large': {
      if (named === null) return decideAlone('its halt names no offset behind the record batch');
      const offset = within(named, range);
      return offset > nextOffset
        ? at(offset, `behind the record batch; the records at ${nextOffset} to ${offset - 1n} are left out`)
        : at(offset, `the end of the log, which is now at ${endOffset}`);
    }
    default:
      return decideAlone('there is no rule for this halt');
  }
}

function decideAlone(why: string): Pick<PlannedResume, 'to' | 'explanation'> {
  return { to: null, explanation: why };
}

function within(offset: bigint, { startOffset, endOffset }: PartitionRange): bigint {
  if (offset < startOffset) return startOffset;
  return offset > endOffset ? endOffset : offset;
}

function checkpointOf(
  checkpoints: readonly Checkpoint[],
  { topic, partition }: TopicPartition,
): Checkpoint | undefined {
  return checkpoints.find((found) => found.topic === topic && found.partition === partition);
}

function splitName(name: string): [string, string] | [] {
  const slash = name.lastIndexOf('/');
  return slash < 0 ? [] : [name.slice(0, slash), name.slice(slash + 1)];
}

function offsetFrom(
  given: string | undefined,
  { startOffset: start, endOffset: end }: PartitionRange,
  words: ResumeWords,
): bigint {
  if (given === 'earliest') return start;
  if (given === undefined || !/^\d{1,19}$/.test(given)) {
    const what =
      given === undefined
        ? `Give the offset to go on from by ${words.at}`
        : `${words.at} is ${JSON.stringify(given)}`;
    throw new TributaryError('usage', `${what}: give an offset from ${start} to ${end}, or "earliest".`);
  }
  const offset = BigInt(given);
  if (offset < start || offset > end) {
    throw new TributaryError('usage', `The log has offsets ${start} to ${end}; ${offset} is not among them.`);
  }
  return offset;
}

/** A planned or carried-out resume as the HTTP API and the commands show it. */
export function plannedJson(
  { topic, partition, kind, haltReason, fromOffset, to, explanation }: PlannedResume,
  outcome: { readonly resumed: boolean; readonly failure: string | null },
): object {
  const toOffset = to?.offset ?? null;
  return { topic, partition, kind, haltReason, fromOffset, toOffset, explanation, ...outcome };
}

/** The same as a line of text. */
export function plannedLine(
  { to, kind, explanation, ...partition }: PlannedResume,
  isDryRun: boolean,
): string {
  const name = partitionName(partition);
  if (to === null) return `${name}  ${kind}  stays halted: ${explanation}; decide it alone`;
  return `${name}  ${kind}  ${isDryRun ? 'would go on' : 'goes on'} at ${to.offset}: ${explanation}`;
}
