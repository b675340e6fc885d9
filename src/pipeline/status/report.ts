import { ANY_ENTITY, type EntityWords } from '../../core/entity-words.ts';
import { partitionName } from '../../core/offset.ts';
import { type Hold, type HoldPart, holdOver } from '../../ports/holds.ts';
import type { BoundedCount, OutboxOverview } from '../../ports/store-overview.ts';
import { sentenceOf } from '../holds.ts';
import { type Attention, attentionTo } from './attention.ts';
import type { InstanceStatus } from './instance.ts';
import type { PartitionLag } from './lag.ts';
import type { Part, SharedStatus } from './status.ts';

/** The answer to "is it healthy, and how far behind?", as the command and the HTTP API give it. It is plain JSON. */
export interface StatusReport {
  /** By RFC 3339. */
  readonly at: string;
  /** `ok` if nothing needs a person. */
  readonly verdict: 'ok' | 'needs_attention' | 'unreachable';
  readonly attention: readonly Attention[];
  readonly log: PartState;
  readonly store: PartState;
  /** The largest age and the sum of all partitions; null if a partition is unknown. */
  readonly lag: { readonly seconds: number | null; readonly messages: number | null };
  readonly partitions: readonly PartitionReport[];
  readonly outbox: readonly OutboxReport[];
  readonly quarantine: readonly QuarantineReport[];
  readonly parked: BoundedCount | null;
  /** The instance that answers over HTTP; null if none does. */
  readonly instance: InstanceStatus | null;
}

export type PartState =
  | { readonly state: 'ok' }
  | { readonly state: 'unreachable'; readonly code: string; readonly reason: string };

/** Offsets are texts, because readers of JSON round large numbers. */
export interface PartitionReport {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: string | null;
  readonly logStartOffset: string | null;
  readonly logEndOffset: string | null;
  readonly highWatermark: string | null;
  readonly lagMessages: number | null;
  readonly lagSeconds: number | null;
  /** Who gave the time of the oldest record: `log_append` is the log, `create` its producer. */
  readonly lagClock: 'log_append' | 'create' | null;
  /** Why the lag is not known; null if it is. */
  readonly lagUnknown: string | null;
  readonly waitsForTransaction: TransactionReport | null;
  readonly haltReason: string | null;
  /** Who has paused it since when and why, in one sentence; null if it is not paused. */
  readonly hold: string | null;
  readonly epoch: string | null;
  /** Whether the instance that answers works on it; null if none answers. */
  readonly isOwnedHere: boolean | null;
}

export interface TransactionReport {
  readonly records: number;
  readonly sinceSeconds: number | null;
  readonly producerId: string | null;
  readonly transactionalId: string | null;
}

export interface OutboxReport extends Omit<OutboxOverview, 'oldestAgeMs'> {
  /** First attempts and retries together. */
  readonly due: BoundedCount;
  readonly oldestAgeSeconds: number | null;
  /** Who has paused the target since when and why, in one sentence; null if it is not paused. */
  readonly hold: string | null;
}

export interface QuarantineReport {
  readonly topic: string;
  readonly reason: string;
  readonly records: number;
  /** Whether there are more than `records`. */
  readonly isMore: boolean;
}

/** Puts together what log and store tell and what one instance tells of itself. */
export function reportOf(
  shared: SharedStatus,
  instance: InstanceStatus | null,
  words: Pick<EntityWords, 'plural'> = ANY_ENTITY,
): StatusReport {
  const { log, store, atMs } = shared;
  const attention = attentionTo(shared, instance, words);
  const isReachable = log.ok && store.ok;
  const holds = store.ok ? store.value.holds : [];
  const lags = log.ok ? log.value.partitions : [];
  return {
    at: new Date(atMs).toISOString(),
    verdict: !isReachable ? 'unreachable' : attention.length === 0 ? 'ok' : 'needs_attention',
    attention,
    log: stateOf(log),
    store: stateOf(store),
    lag: log.ok && store.ok ? totalOf(lags) : { seconds: null, messages: null },
    partitions: lags.map((lag) => partitionReport(lag, holds, instance)),
    outbox: store.ok ? store.value.outboxes.map((outbox) => outboxReport(outbox, holds)) : [],
    quarantine: store.ok ? store.value.quarantined : [],
    parked: store.ok ? store.value.parked : null,
    instance,
  };
}

function stateOf(part: Part<unknown>): PartState {
  return part.ok ? { state: 'ok' } : { state: 'unreachable', code: part.code, reason: part.reason };
}

/** The largest age and the sum of all partitions; null if a partition is unknown. */
export function totalOf(partitions: readonly PartitionLag[]): StatusReport['lag'] {
  let seconds: number | null = 0;
  let messages: number | null = 0;
  for (const { lag } of partitions) {
    if (lag.kind === 'none') continue;
    const isKnown = lag.kind === 'behind';
    seconds = isKnown && seconds !== null ? Math.max(seconds, lag.seconds) : null;
    messages = isKnown && messages !== null ? messages + lag.messages : null;
  }
  return { seconds, messages };
}

function partitionReport(
  each: PartitionLag,
  holds: readonly Hold[],
  instance: InstanceStatus | null,
): PartitionReport {
  const { topic, partition, lag, log, waitsForTransaction: wait } = each;
  const name = partitionName(each);
  return {
    name,
    topic,
    partition,
    nextOffset: textOf(each.nextOffset),
    logStartOffset: textOf(log?.startOffset),
    logEndOffset: textOf(log?.endOffset),
    highWatermark: textOf(log?.highWatermark),
    lagMessages: lag.kind === 'none' ? 0 : lag.messages,
    lagSeconds: lag.kind === 'none' ? 0 : lag.kind === 'behind' ? lag.seconds : null,
    lagClock: lag.kind === 'behind' ? lag.timestampType : null,
    lagUnknown: lag.kind === 'unknown' ? lag.reason : null,
    waitsForTransaction:
      wait === null
        ? null
        : {
            records: wait.records,
            sinceSeconds: wait.sinceSeconds,
            producerId: textOf(wait.producerId),
            transactionalId: wait.transactionalId,
          },
    haltReason: each.haltReason,
    hold: holdOn({ kind: 'partition', topic, partition }, holds),
    epoch: textOf(each.epoch),
    isOwnedHere: instance === null ? null : instance.owned.includes(name),
  };
}

function holdOn(part: HoldPart, holds: readonly Hold[]): string | null {
  const hold = holdOver(part, holds);
  return hold === null ? null : sentenceOf(hold);
}

function outboxReport({ oldestAgeMs, ...outbox }: OutboxOverview, holds: readonly Hold[]): OutboxReport {
  const { first, retries } = outbox;
  return {
    ...outbox,
    due: { count: first.count + retries.count, isMore: first.isMore || retries.isMore },
    oldestAgeSeconds: oldestAgeMs === null ? null : Math.max(0, oldestAgeMs) / 1_000,
    hold: holdOn({ kind: 'target', target: outbox.target }, holds),
  };
}

function textOf(value: bigint | null | undefined): string | null {
  return value === null || value === undefined ? null : value.toString();
}
