import { ANY_ENTITY, type EntityWords } from '../../core/entity-words.ts';
import { offsetNamedBy } from '../../core/halts.ts';
import { partitionName } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import { type Hold, type HoldPart, holdOver } from '../../ports/holds.ts';
import type { BoundedCount } from '../../ports/store-overview.ts';
import { sentenceOf } from '../holds.ts';
import type { DifferenceKind } from '../verify/compare.ts';
import type { InstanceStatus } from './instance.ts';
import type { PartitionLag } from './lag.ts';
import type { RecordOfView, SharedStatus, StoredStatus } from './status.ts';

/** The kinds of things that need a person. */
export const ATTENTION_KINDS = [
  'halted',
  'topic_missing',
  'partition_unreadable',
  'open_transaction',
  'rebuild_awaited',
  'paused',
  'parked',
  'dead_letters',
  'quarantine',
  'target_refuses',
  'target_differs',
  'journal_differs',
  'defects',
  'instance_not_ready',
] as const;

/** One thing that does not get right by itself, and the command by which a person begins. */
export interface Attention {
  readonly kind: (typeof ATTENTION_KINDS)[number];
  /** What is wrong, in one or two sentences. */
  readonly text: string;
  /** The command to begin with; null if the remedy lies outside of order-sync. */
  readonly command: string | null;
}

/** Kafka ends a transaction after its timeout, of 15 minutes at most by default. One that is open for longer hangs. */
const TRANSACTION_HANGS_SECONDS = 15 * 60;
/** A breaker that opens and closes again within this time needs nobody. */
const BREAKER_SECONDS = 30;
/** A pause that lasts for longer may be forgotten. */
const PAUSED_LONG_MS = 3_600_000;
/** The comparison with the journal makes every other kind of difference right by itself. */
const LEFT_TO_A_PERSON: readonly DifferenceKind[] = [
  'row_extra',
  'ledger_missing',
  'ledger_wrong',
  'ledger_unfounded',
  'unfoldable',
];

/** Everything that needs a person, the most urgent first. */
export function attentionTo(
  { atMs, log, store }: SharedStatus,
  instance: InstanceStatus | null,
  { plural }: Pick<EntityWords, 'plural'> = ANY_ENTITY,
): Attention[] {
  const ofLog = log.ok ? log.value : { partitions: [], missingTopics: [] };
  const items = [
    ...(store.ok ? haltsOf(store.value) : []),
    ...ofLog.missingTopics.map(missingTopic),
    ...ofLog.partitions.flatMap(troubleOf),
    ...awaitedRebuild(store.ok ? store.value.view : null, instance?.view ?? null),
    ...(instance === null ? [] : ofInstance(instance, store.ok ? store.value.holds : [])),
    ...(store.ok ? longPauses(store.value, ofLog.partitions, atMs) : []),
    ...(store.ok ? inStore(store.value, plural) : []),
  ];
  const isExplained = !log.ok || !store.ok || items.some(({ kind }) => STOPPING.has(kind));
  if (instance === null || instance.health.ok || isExplained) return items;
  return [notReady(instance), ...items];
}

/** The kinds that stop an instance. If one of them is in the list, it says already why the instance is not ready. */
const STOPPING: ReadonlySet<Attention['kind']> = new Set([
  'halted',
  'topic_missing',
  'partition_unreadable',
  'rebuild_awaited',
  'target_refuses',
  'defects',
]);

function notReady({ health, targets }: InstanceStatus): Attention {
  const isSending = Object.values(targets).some(({ lastFailure }) => lastFailure?.isOver === false);
  return {
    kind: 'instance_not_ready',
    text: health.reason ?? 'It is not ready.',
    command: isSending ? 'order-sync orders --not-delivered' : null,
  };
}

function haltsOf({ checkpoints }: StoredStatus): Attention[] {
  return checkpoints.flatMap((checkpoint) => {
    if (checkpoint.haltReason === null) return [];
    const name = partitionName(checkpoint);
    // From an earlier offset the log would be read up to the same fault again.
    const offset = offsetNamedBy(checkpoint.haltReason);
    return {
      kind: 'halted' as const,
      text:
        `${name} is halted: ${checkpoint.haltReason} Nothing of it is read until you decide where it goes on.` +
        leftOut(checkpoint, offset),
      command: `order-sync resume ${name} --at ${offset ?? 'earliest'} --reason "..."`,
    };
  });
}

function leftOut({ nextOffset }: Checkpoint, offset: bigint | null): string {
  if (offset === null || offset <= nextOffset) return '';
  return ` Going on at offset ${offset} leaves out the records at ${nextOffset} to ${offset - 1n}.`;
}

/** The store knows that rows wait as soon as an instance has begun to journal without writing rows. */
function awaitedRebuild(record: RecordOfView | null, view: InstanceStatus['view']): Attention[] {
  if ((record?.awaitedFold ?? null) === null && view?.mode !== 'awaiting') return [];
  const isUnderWay = (record?.rebuild ?? view?.rebuild ?? null) !== null;
  return [
    {
      kind: 'rebuild_awaited',
      text:
        'Rows and deliveries wait for a rebuild: events are journaled, and nothing new is delivered until the rows are ' +
        `made anew.${isUnderWay ? ' A rebuild is under way.' : ''}`,
      command: isUnderWay ? 'order-sync rebuild --report' : 'order-sync rebuild --reason "..."',
    },
  ];
}

/** Pauses that have lasted for so long that they may be forgotten, and behind which something waits. */
function longPauses(
  { holds, outboxes }: StoredStatus,
  partitions: readonly PartitionLag[],
  nowMs: number,
): Attention[] {
  return holds.flatMap((hold) => {
    const { part } = hold;
    if (nowMs - hold.heldAtMs < PAUSED_LONG_MS) return [];
    const waits =
      part.kind === 'target'
        ? outboxes.filter(({ target }) => target === part.target).flatMap(statesDue)
        : partitions
            .filter((partition) => holdOver({ kind: 'partition', ...partition }, [hold]))
            .flatMap(unread);
    if (waits.length === 0) return [];
    return {
      kind: 'paused' as const,
      text: `${sentenceOf(hold)}. Behind it wait ${waits.join(', ')}.`,
      command: `order-sync unpause ${flagsOf(part)}--reason "..."`,
    };
  });
}

function statesDue({ first, retries }: StoredStatus['outboxes'][number]): string[] {
  const count = first.count + retries.count;
  return count === 0 ? [] : [`${shown({ count, isMore: first.isMore || retries.isMore })} states`];
}

function unread({ lag, ...partition }: PartitionLag): string[] {
  return lag.kind === 'behind' ? [`${lag.messages} records of ${partitionName(partition)}`] : [];
}

function flagsOf(part: HoldPart): string {
  switch (part.kind) {
    case 'ingest':
      return '';
    case 'topic':
      return `--topic ${part.topic} `;
    case 'partition':
      return `--topic ${part.topic} --partition ${part.partition} `;
    case 'target':
      return `--target ${part.target} `;
  }
}

function missingTopic(topic: string): Attention {
  return {
    kind: 'topic_missing',
    text: `The log has no topic ${topic}: order-sync waits for it. Make it, or correct ORDER_TOPIC and PAYMENT_TOPIC.`,
    command: null,
  };
}

function troubleOf(partition: PartitionLag): Attention[] {
  const { lag, log, waitsForTransaction } = partition;
  const name = partitionName(partition);
  if (log === null && lag.kind === 'unknown')
    return [{ kind: 'partition_unreadable', text: lag.reason, command: null }];
  const { records = 0, sinceSeconds = null, producerId, transactionalId } = waitsForTransaction ?? {};
  if (sinceSeconds === null || sinceSeconds < TRANSACTION_HANGS_SECONDS) return [];
  const who = transactionalId ?? (producerId === null ? 'a producer' : `the producer ${producerId}`);
  return [
    {
      kind: 'open_transaction',
      text:
        `${records} records of ${name} wait behind a transaction of ${who} that has been open for ` +
        `${Math.floor(sinceSeconds / 60)} min: nobody gets them until it ends.`,
      command: `kafka-transactions.sh --bootstrap-server HOST:PORT find-hanging --topic ${partition.topic} --partition ${partition.partition}`,
    },
  ];
}

function ofInstance({ targets, verification, defects }: InstanceStatus, holds: readonly Hold[]): Attention[] {
  const refusing = Object.entries(targets).flatMap(
    ([name, { breaker, notClosedForSeconds, lastFailure }]) => {
      // Nothing is sent to a paused target, so its breaker says nothing new.
      if (holdOver({ kind: 'target', target: name }, holds) !== null) return [];
      const isShut = breaker === 'disabled' || (notClosedForSeconds ?? 0) >= BREAKER_SECONDS;
      if (!isShut || breaker === 'ramping') return [];
      const what =
        breaker === 'disabled'
          ? `${name} wants no more deliveries; nothing is sent to it until order-sync is started again.`
          : `${name} has taken nothing for ${Math.floor(notClosedForSeconds ?? 0)} s.`;
      return {
        kind: 'target_refuses' as const,
        text: lastFailure === null ? what : `${what} ${lastFailure.error}`,
        command: 'order-sync check-target',
      };
    },
  );
  const items = [...refusing, ...differing(verification)];
  const broken = defects.latest.filter(({ standsStill }) => standsStill);
  const [first] = broken.length > 0 ? broken : defects.latest;
  if (first === undefined) return items;
  const stops = first.standsStill ? ` It stops ${first.place}.` : '';
  return [
    ...items,
    {
      kind: 'defects',
      text:
        `order-sync met ${defects.count === 1 ? 'a defect' : `${defects.count} defects`} of its own, the latest in ` +
        `${first.place}: ${first.what}.${stops} A log line of level error has the stack to report.`,
      command: null,
    },
  ];
}

function differing(verification: InstanceStatus['verification']): Attention[] {
  const found = leftToAPerson(verification);
  if (found === '') return [];
  return [
    {
      kind: 'journal_differs',
      text: `The comparison with the journal found ${found}. order-sync does not put these right by itself.`,
      command: 'order-sync verify --all',
    },
  ];
}

/**
 * The differences of the last pass that only a person puts right, as in `2 ledger_wrong, 1 row_extra`; empty if there are
 * none. Before the first pass has ended, those that it has found so far. An instance of an older version tells nothing.
 */
export function leftToAPerson({
  lastPass,
  differences,
}: Partial<Pick<InstanceStatus['verification'], 'lastPass' | 'differences'>>): string {
  const counts = lastPass?.differences ?? differences ?? {};
  return LEFT_TO_A_PERSON.flatMap((kind) => {
    const count = counts[kind] ?? 0;
    return count === 0 ? [] : [`${count} ${kind}`];
  }).join(', ');
}

function inStore({ parked, outboxes, quarantined }: StoredStatus, plural: string): Attention[] {
  const items: Attention[] = [];
  if (parked.count > 0)
    items.push({
      kind: 'parked',
      text: `${shown(parked)} ${plural} are parked: their events are journaled, but their rows do not change.`,
      command: 'order-sync parked',
    });
  for (const { target, dead, lastSweep } of outboxes) {
    if (dead.count > 0)
      items.push({
        kind: 'dead_letters',
        text: `${shown(dead)} deliveries to ${target} are dead and are not tried again by themselves.`,
        command: `order-sync dead-letters --target ${target}`,
      });
    const differing = lastSweep === null ? 0 : lastSweep.unexpected + lastSweep.newer;
    if (lastSweep !== null && (differing > 0 || lastSweep.outcome === 'failed'))
      items.push({
        kind: 'target_differs',
        text:
          lastSweep.outcome === 'failed'
            ? `The last sweep of ${target} failed: ${lastSweep.error ?? 'its answers make no sense.'}`
            : `${target} holds ${differing} ${plural} that the view lacks, or in later versions.`,
        command: 'order-sync reconcile',
      });
  }
  if (quarantined.length > 0) {
    const total = quarantined.reduce((sum, { records }) => sum + records, 0);
    const [{ topic, reason, records } = { topic: '', reason: '', records: 0 }] = quarantined;
    items.push({
      kind: 'quarantine',
      text:
        `Quarantine holds ${shown({ count: total, isMore: quarantined.some(({ isMore }) => isMore) })} records, ` +
        `${records} of them from ${topic} for ${reason}. docs/quarantine.md has a remedy for each reason.`,
      command: `order-sync quarantine --reason ${reason}`,
    });
  }
  return items;
}

/** A count for people, as in `100000+`. */
export function shown({ count, isMore }: BoundedCount): string {
  return `${count}${isMore ? '+' : ''}`;
}
