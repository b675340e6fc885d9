import type { SyncStatus } from '../sync.ts';
import type { SyncHealth } from '../sync-health.ts';
import type { LatencyStatus } from './latency-window.ts';

/** What one running instance tells of itself. It is plain JSON. */
export interface InstanceStatus {
  /** The store that it writes to; null before that is known. */
  readonly storeId: string | null;
  readonly health: { readonly ok: boolean; readonly reason: string | null };
  /** The names of the partitions that it works on. */
  readonly owned: readonly string[];
  /** The partitions that it has been given and cannot work on, with the reason. */
  readonly waiting: readonly { readonly name: string; readonly reason: string }[];
  /** Records a second that it journals. */
  readonly perSecond: { readonly last10Seconds: number; readonly lastMinute: number };
  /** Of the last 5 minutes. */
  readonly latency: {
    /** From the timestamp of a record to its commit in the journal. */
    readonly journaled: LatencyQuantiles;
    /** From the timestamp of a record to the acceptance of the state by a target. */
    readonly delivered: LatencyQuantiles;
  };
  readonly targets: Readonly<Record<string, InstanceTarget>>;
  readonly verification: SyncStatus['verification'];
  /** By which fold the rows were made; null before the store is migrated. */
  readonly view: SyncStatus['view'];
  readonly defects: SyncStatus['defects'];
}

type LatencyQuantiles = Omit<LatencyStatus, 'totals'>;

export interface InstanceTarget {
  readonly breaker: string;
  /** For how long the breaker has not been closed; null if it is closed. */
  readonly notClosedForSeconds: number | null;
  readonly inFlight: number;
  readonly waiting: number;
  readonly ratePerSecond: number | null;
  readonly lastFailure: SyncStatus['deliveries'][string]['lastFailure'];
}

export function instanceStatusOf(
  status: SyncStatus,
  health: SyncHealth,
  storeId: string | null,
): InstanceStatus {
  const { ingest, meters, deliveries, verification, view, defects } = status;
  return {
    storeId,
    health: { ok: health.ok, reason: health.ok ? null : health.reason },
    owned: ingest?.owned.map(({ name }) => name) ?? [],
    waiting: ingest?.waiting ?? [],
    perSecond: meters.perSecond,
    latency: { journaled: quantilesOf(meters.journaled), delivered: quantilesOf(meters.delivered) },
    targets: Object.fromEntries(
      Object.entries(deliveries).map(([name, { breaker, notClosedForMs, lastFailure, ...delivery }]) => [
        name,
        {
          breaker,
          notClosedForSeconds: notClosedForMs === null ? null : notClosedForMs / 1_000,
          inFlight: delivery.inFlight,
          waiting: delivery.waiting,
          ratePerSecond: delivery.ratePerSecond,
          lastFailure,
        },
      ]),
    ),
    verification,
    view,
    defects,
  };
}

function quantilesOf({ totals: _, ...quantiles }: LatencyStatus): LatencyQuantiles {
  return quantiles;
}

/** Whether the instance writes to another store than this one. */
export function instanceOfAnotherStore({ storeId }: InstanceStatus, expected: string | null): boolean {
  return storeId !== null && expected !== null && storeId !== expected;
}
