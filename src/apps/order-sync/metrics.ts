import type { BreakerState, DeliverStatus } from '../../pipeline/deliver/options.ts';
import type { IngestStatus } from '../../pipeline/ingest/options.ts';
import type { PartitionLag } from '../../pipeline/status/lag.ts';
import type { SharedStatus } from '../../pipeline/status/status.ts';
import type { SyncStatus } from '../../pipeline/sync.ts';
import type { DifferenceKind } from '../../pipeline/verify/compare.ts';
import {
  BUILD_INFO,
  type MetricDefinition,
  type MetricSample,
  MetricsPage,
  PROBLEMS,
  type ProblemCounts,
} from '../shared/http/metrics.ts';
import { inWordsOf } from '../shared/settings/domain-words.ts';
import { SYNCED_ORDERS, type Synced } from '../shared/settings/synced.ts';

/** What one scrape shows. */
export interface OrderSyncSnapshot {
  readonly sync: SyncStatus;
  /** What log and store say; null if they have not answered lately. */
  readonly shared: SharedStatus | null;
  /** The deliveries that jobs of this instance made due again. */
  readonly redriven: number;
  readonly problems: ReturnType<ProblemCounts['list']>;
}

type Definition = MetricDefinition<OrderSyncSnapshot>;

/** `ramping` lets states through at a limited rate, as trials do. A disabled target gets nothing, as behind an open breaker. */
const BREAKER_VALUES: Readonly<Record<BreakerState, number>> = {
  closed: 0,
  half_open: 1,
  ramping: 1,
  open: 2,
  disabled: 2,
};

/** The type of records that were refused. Their own types come from outside and are no label. */
const REFUSED = 'refused';

const FLOW: readonly Definition[] = [
  {
    name: 'events_consumed_total',
    help: 'Records that this instance journaled, knew already, or refused. Refused ones have the type "refused".',
    type: 'counter',
    labels: ['topic', 'type'],
    read: ({ sync: { meters } }) =>
      meters.consumed.map(({ topic, type, records }) => ({
        labels: [topic, type ?? REFUSED],
        value: records,
      })),
  },
  {
    name: 'end_to_end_latency_seconds',
    help: "From a record's timestamp to its commit (journaled), and to the acceptance of the state by a target (delivered).",
    type: 'histogram',
    labels: ['stage'],
    read: ({ sync: { meters } }) => [
      { labels: ['journaled'], value: meters.journaled.totals },
      { labels: ['delivered'], value: meters.delivered.totals },
    ],
  },
];

const LAG: readonly Definition[] = [
  ofPartitions(
    'consumer_lag_messages',
    'Records of the partition that are not journaled yet, whichever instance works on it.',
    ({ lag }) => (lag.kind === 'none' ? 0 : lag.messages),
  ),
  ofPartitions(
    'consumer_lag_seconds',
    'Age of the oldest record of the partition that is not journaled yet; 0 if all are.',
    ({ lag }) => (lag.kind === 'behind' ? lag.seconds : lag.kind === 'none' ? 0 : null),
  ),
  ofPartitions(
    'records_behind_open_transaction',
    'Records of the partition that nobody gets before a transaction is committed or aborted.',
    ({ log, waitsForTransaction }) => (log === null ? null : (waitsForTransaction?.records ?? 0)),
  ),
];

const OUTBOX: readonly Definition[] = [
  {
    name: 'outbox_pending',
    help: 'States that are due to the target, retries included. Counting ends at some 100,000.',
    type: 'gauge',
    labels: ['target'],
    read: ({ shared }) =>
      outboxesOf(shared).map(({ target, first, retries }) => ({
        labels: [target],
        value: first.count + retries.count,
      })),
  },
  {
    name: 'outbox_oldest_age_seconds',
    help: 'How long the oldest state has been due to the target; 0 if none is.',
    type: 'gauge',
    labels: ['target'],
    read: ({ shared }) =>
      outboxesOf(shared).map(({ target, oldestAgeMs }) => ({
        labels: [target],
        value: Math.max(0, oldestAgeMs ?? 0) / 1_000,
      })),
  },
];

const INGEST: readonly Definition[] = [
  ofIngest(
    'counter',
    'events_journaled_total',
    'Events that this instance added to the journal.',
    (ingest) => [one(ingest.journaled)],
  ),
  ofIngest('counter', 'events_duplicate_total', 'Events that the journal had already.', (ingest) => [
    one(ingest.duplicates),
  ]),
  ofIngest(
    'counter',
    'events_out_of_order_total',
    'Journaled events whose place is before an event that was journaled earlier.',
    (ingest) => [one(ingest.outOfOrder)],
  ),
  ofIngest(
    'counter',
    'events_conflicting_total',
    'Journaled events that have the id of another event with other content.',
    (ingest) => [one(ingest.conflicts)],
  ),
  ofIngest(
    'counter',
    'batches_total',
    'Committed batches. A locking batch locks its entities first, since others change them too.',
    ({ batches, lockingBatches }) => [
      { labels: ['optimistic'], value: batches - lockingBatches },
      { labels: ['locking'], value: lockingBatches },
    ],
    ['mode'],
  ),
  ofIngest(
    'histogram',
    'event_processing_duration_seconds',
    'The time for the records of one fetch and partition (decode), and for planning and committing one batch (commit).',
    ({ work }) => [
      { labels: ['decode'], value: work.decode },
      { labels: ['commit'], value: work.commit },
    ],
    ['stage'],
  ),
  ofIngest(
    'gauge',
    'partitions',
    'The partitions of this instance: it works on them (owned), cannot work on them now (waiting), waits for an operator (halted), or rests because an operator paused them (held).',
    ({ owned, waiting, halted, held }) => [
      { labels: ['owned'], value: owned.length },
      { labels: ['held'], value: held.length },
      { labels: ['waiting'], value: waiting.length },
      { labels: ['halted'], value: halted.length },
    ],
    ['state'],
  ),
  ofIngest('gauge', 'parked_entities', 'Entities that cannot be folded, and wait for a person.', (ingest) => [
    one(ingest.parked),
  ]),
];

const DELIVERY: readonly Definition[] = [
  ofTargets(
    'counter',
    'delivery_attempts_total',
    'Attempts to deliver a state, by outcome and by the first digit of the status.',
    ({ attempts }, target) =>
      attempts.counts.map(({ outcome, codeClass, attempts: value }) => ({
        labels: [target, outcome, codeClass],
        value,
      })),
    ['outcome', 'code_class'],
  ),
  ofTargets(
    'histogram',
    'delivery_duration_seconds',
    'The time of one call to a target, which may carry many states.',
    ({ attempts }, target) => [{ labels: [target], value: attempts.calls }],
  ),
  ofTargets(
    'gauge',
    'circuit_breaker_state',
    '0: closed. 1: states go at a limited rate, since the target was down. 2: nothing is sent.',
    ({ breaker }, target) => [{ labels: [target], value: BREAKER_VALUES[breaker] }],
  ),
  ofTargets(
    'gauge',
    'target_held',
    '1 while an operator keeps the target paused, else 0.',
    ({ isPaused }, target) => [{ labels: [target], value: isPaused ? 1 : 0 }],
  ),
  ofTargets(
    'gauge',
    'deliveries_in_flight',
    'States that are being sent, or whose outcome is not recorded yet.',
    ({ inFlight }, target) => [{ labels: [target], value: inFlight }],
  ),
  ofTargets(
    'counter',
    'dead_letters_total',
    'Deliveries that were given up: the target refused the state, or too many attempts failed.',
    ({ deadBy }, target) =>
      Object.entries(deadBy).map(([reason, value]) => ({ labels: [target, reason], value })),
    ['reason'],
  ),
  {
    name: 'dead_letters',
    help: 'Deliveries that are given up and wait for a person, in the store. Counting ends at some 100,000.',
    type: 'gauge',
    labels: ['target'],
    read: ({ shared }) =>
      outboxesOf(shared).map(({ target, dead }) => ({ labels: [target], value: dead.count })),
  },
  {
    name: 'redrives_total',
    help: 'Dead deliveries that jobs on this instance made due again.',
    type: 'counter',
    labels: [],
    read: ({ redriven }) => [one(redriven)],
  },
];

const STORE: readonly Definition[] = [
  {
    name: 'quarantine_records',
    help: 'Records that were refused and wait for a person, in the store. Without any, there is no series.',
    type: 'gauge',
    labels: ['topic', 'reason'],
    read: ({ shared }) =>
      shared?.store.ok !== true
        ? []
        : shared.store.value.quarantined.map(({ topic, reason, records }) => ({
            labels: [topic, reason],
            value: records,
          })),
  },
  {
    name: 'stuck_orders',
    help: 'Orders that have waited for an event longer than ORDER_SYNC_STUCK_AFTER, by the last pass through the view.',
    type: 'gauge',
    labels: [],
    read: ({ sync: { stuck } }) => (stuck === null ? [] : [one(stuck.total)]),
  },
  {
    name: 'rows_verified_total',
    help: 'Rows of the view that were compared with the journal.',
    type: 'counter',
    labels: [],
    read: ({ sync: { verification } }) => [one(verification.compared)],
  },
  {
    name: 'rows_repaired_total',
    help: 'Rows of the view that were missing, outdated or altered, and were made from the journal again.',
    type: 'counter',
    labels: [],
    read: ({ sync: { verification } }) => [one(verification.repaired)],
  },
  {
    name: 'differences_total',
    help: 'Differences that the running comparison with the journal has found, by kind. A kind is counted again at each pass until it is put right.',
    type: 'counter',
    labels: ['kind'],
    read: ({ sync: { verification } }) =>
      DIFFERENCE_KINDS.map((kind) => ({ labels: [kind], value: verification.differences[kind] ?? 0 })),
  },
  {
    name: 'sweep_differences',
    help: 'States that the target had lost or altered, by the last sweep of any instance.',
    type: 'gauge',
    labels: ['target', 'kind'],
    read: ({ sync: { sweeps } }) =>
      Object.entries(sweeps).flatMap(([target, { last }]) =>
        last === null ? [] : SWEEP_KINDS.map((kind) => ({ labels: [target, kind], value: last[kind] })),
      ),
  },
  {
    name: 'defects_total',
    help: 'Defects of the program. Each kind is in the log.',
    type: 'counter',
    labels: [],
    read: ({ sync: { defects } }) => [one(defects.count)],
  },
];

const DIFFERENCE_KINDS = Object.keys({
  row_missing: true,
  row_extra: true,
  row_altered: true,
  version_behind: true,
  version_ahead: true,
  ledger_missing: true,
  ledger_wrong: true,
  ledger_unfounded: true,
  unfoldable: true,
} satisfies Record<DifferenceKind, true>) as readonly DifferenceKind[];

const SWEEP_KINDS = ['missing', 'older', 'different', 'unrecorded', 'unexpected', 'newer'] as const;

export const ORDER_SYNC_METRICS: readonly Definition[] = [
  BUILD_INFO,
  ...FLOW,
  ...INGEST,
  ...LAG,
  ...OUTBOX,
  ...DELIVERY,
  ...STORE,
  PROBLEMS,
];

/** The metrics of one order-sync. */
export function orderSyncMetrics(
  take: () => Promise<OrderSyncSnapshot>,
  synced: Synced = SYNCED_ORDERS,
): MetricsPage<OrderSyncSnapshot> {
  const definitions = ORDER_SYNC_METRICS.map((each) => ({ ...each, help: inWordsOf(synced, each.help) }));
  return new MetricsPage(definitions, take);
}

function one(value: number): MetricSample {
  return { labels: [], value };
}

/** A gauge of each partition of the topics. What is null is not known now. */
function ofPartitions(name: string, help: string, read: (lag: PartitionLag) => number | null): Definition {
  return {
    name,
    help,
    type: 'gauge',
    labels: ['topic', 'partition'],
    read: ({ shared }) =>
      shared?.log.ok !== true
        ? []
        : shared.log.value.partitions.flatMap((each) => {
            const value = read(each);
            return value === null ? [] : [{ labels: [each.topic, String(each.partition)], value }];
          }),
  };
}

function outboxesOf(shared: SharedStatus | null) {
  return shared?.store.ok === true ? shared.store.value.outboxes : [];
}

/** A metric of reading and journaling. It has no value before the store is migrated and the log answers. */
function ofIngest(
  type: Definition['type'],
  name: string,
  help: string,
  read: (ingest: IngestStatus) => readonly MetricSample[],
  labels: readonly string[] = [],
): Definition {
  return { name, help, type, labels, read: ({ sync: { ingest } }) => (ingest === null ? [] : read(ingest)) };
}

/** A metric of each target. Its first label is the target's name. */
function ofTargets(
  type: Definition['type'],
  name: string,
  help: string,
  read: (status: DeliverStatus, target: string) => readonly MetricSample[],
  labels: readonly string[] = [],
): Definition {
  return {
    name,
    help,
    type,
    labels: ['target', ...labels],
    read: ({ sync: { deliveries } }) =>
      Object.entries(deliveries).flatMap(([target, status]) => read(status, target)),
  };
}
