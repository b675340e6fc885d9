import type { TopicPartition } from '../../../src/core/offset.ts';
import type { InstanceStatus } from '../../../src/pipeline/status/instance.ts';
import { type LagReading, readLag } from '../../../src/pipeline/status/lag.ts';
import type { SharedStatus, StoredStatus } from '../../../src/pipeline/status/status.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { Peek, PeekedPartition } from '../../../src/ports/event-log.ts';
import type { OutboxOverview, StoreOverview } from '../../../src/ports/store-overview.ts';

export const NOW_MS = 1_700_000_000_000;
export const PLACE: TopicPartition = { topic: 'order_events', partition: 0 };

export function peeked(changes: Partial<PeekedPartition> = {}): PeekedPartition {
  return {
    kind: 'peeked',
    ...PLACE,
    topicId: 'topic-1',
    startOffset: 0n,
    endOffset: 100n,
    highWatermark: changes.endOffset ?? 100n,
    first: { kind: 'none' },
    openTransaction: null,
    ...changes,
  };
}

export function checkpoint(changes: Partial<Checkpoint> = {}): Checkpoint {
  return {
    ...PLACE,
    topicId: 'topic-1',
    nextOffset: 40n,
    leaderEpoch: 0,
    epoch: 3n,
    haltReason: null,
    isNew: false,
    ...changes,
  };
}

/** The lag of one partition, whose log answers with these peeks one after the other. */
export async function lagWith(
  peeks: readonly Peek[],
  checkpoints: readonly Checkpoint[] = [checkpoint()],
): Promise<{ reading: LagReading; asked: bigint[] }> {
  const asked: bigint[] = [];
  const answers = [...peeks];
  const reading = await readLag({
    checkpoints,
    topics: [PLACE.topic],
    nowMs: () => NOW_MS,
    log: {
      partitionCounts: async () => new Map([[PLACE.topic, 1]]),
      peek: async (from) => {
        asked.push(...from.map(({ offset }) => offset));
        return [answers.shift() as Peek];
      },
    },
  });
  return { reading, asked };
}

/** An instance that has nothing to tell. */
export const QUIET: InstanceStatus = {
  storeId: 'store-1',
  health: { ok: true, reason: null },
  owned: ['order_events/0'],
  waiting: [],
  perSecond: { last10Seconds: 0, lastMinute: 0 },
  latency: {
    journaled: { samples: 0, p50Seconds: null, p95Seconds: null, p99Seconds: null },
    delivered: { samples: 0, p50Seconds: null, p95Seconds: null, p99Seconds: null },
  },
  targets: {},
  verification: { compared: 0, repaired: 0, unfoldable: 0, passes: 0, differences: {}, lastPass: null },
  view: null,
  defects: { count: 0, latest: [] },
};

/** An instance's target that answered 401 last, and whose breaker is in this state for this time. */
export const refusing = (breaker: string, seconds: number | null): InstanceStatus['targets'] => ({
  'order-mgt': {
    breaker,
    notClosedForSeconds: seconds,
    inFlight: 0,
    waiting: 0,
    ratePerSecond: null,
    lastFailure: {
      at: '2026-01-01T00:00:00.000Z',
      error: 'http://x answered 401 Unauthorized.',
      isOver: false,
    },
  },
});

export const NOTHING = { count: 0, isMore: false };

export function outbox(changes: Partial<OutboxOverview> = {}): OutboxOverview {
  return {
    target: 'order-mgt',
    first: NOTHING,
    retries: NOTHING,
    dead: NOTHING,
    oldestAgeMs: null,
    mayBeOlder: false,
    lastFailure: null,
    lastSweep: null,
    ...changes,
  };
}

export function shared({
  lag = { partitions: [], missingTopics: [] },
  ...store
}: { lag?: LagReading } & Partial<StoreOverview> &
  Partial<Pick<StoredStatus, 'checkpoints' | 'holds' | 'view'>> = {}): SharedStatus {
  return {
    atMs: NOW_MS,
    log: { ok: true, value: lag },
    store: {
      ok: true,
      value: {
        outboxes: [outbox()],
        quarantined: [],
        parked: NOTHING,
        storeId: 'store-1',
        checkpoints: [checkpoint()],
        holds: [],
        view: null,
        ...store,
      },
    },
  };
}
