import { offsetNamedBy } from '../../core/halts.ts';
import { partitionName } from '../../core/offset.ts';
import type { Checkpoint } from '../../ports/checkpoints.ts';
import type { BoundedCount } from '../../ports/store-overview.ts';
import type { InstanceStatus } from './instance.ts';
import type { PartitionLag } from './lag.ts';
import type { SharedStatus, StoredStatus } from './status.ts';

/** One thing that does not get right by itself, and the command by which a person begins. */
export interface Attention {
  readonly kind:
    | 'halted'
    | 'topic_missing'
    | 'partition_unreadable'
    | 'open_transaction'
    | 'parked'
    | 'dead_letters'
    | 'quarantine'
    | 'target_refuses'
    | 'target_differs'
    | 'defects'
    | 'instance_not_ready';
  /** What is wrong, in one or two sentences. */
  readonly text: string;
  /** The command to begin with; null if the remedy lies outside of order-sync. */
  readonly command: string | null;
}

/** Kafka ends a transaction after its timeout, of 15 minutes at most by default. One that is open for longer hangs. */
const TRANSACTION_HANGS_SECONDS = 15 * 60;
/** A breaker that opens and closes again within this time needs nobody. */
const BREAKER_SECONDS = 30;

/** Everything that needs a person, the most urgent first. */
export function attentionTo({ log, store }: SharedStatus, instance: InstanceStatus | null): Attention[] {
  const ofLog = log.ok ? log.value : { partitions: [], missingTopics: [] };
  const items = [
    ...(store.ok ? haltsOf(store.value) : []),
    ...ofLog.missingTopics.map(missingTopic),
    ...ofLog.partitions.flatMap(troubleOf),
    ...(instance === null ? [] : ofInstance(instance)),
    ...(store.ok ? inStore(store.value) : []),
  ];
  const isExplained = items.length > 0 || !log.ok || !store.ok;
  // What stops an instance is mostly in the list already.
  if (instance === null || instance.health.ok || isExplained) return items;
  return [{ kind: 'instance_not_ready', text: instance.health.reason ?? 'It is not ready.', command: null }];
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

function ofInstance({ targets, defects }: InstanceStatus): Attention[] {
  const refusing = Object.entries(targets).flatMap(
    ([name, { breaker, notClosedForSeconds, lastFailure }]) => {
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
  const broken = defects.latest.filter(({ standsStill }) => standsStill);
  const [first] = broken.length > 0 ? broken : defects.latest;
  if (first === undefined) return refusing;
  const stops = first.standsStill ? ` It stops ${first.place}.` : '';
  return [
    ...refusing,
    {
      kind: 'defects',
      text:
        `order-sync met ${defects.count === 1 ? 'a defect' : `${defects.count} defects`} of its own, the latest in ` +
        `${first.place}: ${first.what}.${stops} A log line of level error has the stack to report.`,
      command: null,
    },
  ];
}

function inStore({ parked, outboxes, quarantined }: StoredStatus): Attention[] {
  const items: Attention[] = [];
  if (parked.count > 0)
    items.push({
      kind: 'parked',
      text: `${shown(parked)} orders are parked: their events are journaled, but their rows do not change.`,
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
            : `${target} holds ${differing} orders that the view lacks, or in later versions.`,
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
