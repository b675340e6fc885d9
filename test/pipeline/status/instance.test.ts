import { describe, expect, it } from 'vitest';
import { instanceOfAnotherStore, instanceStatusOf } from '../../../src/pipeline/status/instance.ts';
import { UNUSED_PARTS } from '../../apps/order-sync/http/parts.ts';
import { QUIET } from './fake-parts.ts';

const STATUS = UNUSED_PARTS.status();
type SyncStatus = typeof STATUS;

describe('what an instance tells of itself', () => {
  it('the status has the partitions, targets and latencies of the instance, without totals', () => {
    const delivery = {
      breaker: 'open',
      notClosedForMs: 1_500,
      inFlight: 1,
      waiting: 2,
      ratePerSecond: 3,
      lastFailure: null,
      more: 'is left out',
    };
    const quantiles = { samples: 1, p50Seconds: 1, p95Seconds: 2, p99Seconds: 3 };
    const later = { ...quantiles, p99Seconds: 9 };
    const totals = { buckets: [], count: 1, sumSeconds: 1 };
    const waiting = [{ name: 'order_events/1', reason: 'it is halted' }];
    const status = {
      ...STATUS,
      ingest: { owned: [{ name: 'order_events/0' }], waiting },
      meters: { ...STATUS.meters, journaled: { ...quantiles, totals }, delivered: { ...later, totals } },
      deliveries: { crm: delivery, mgt: { ...delivery, notClosedForMs: null } },
    } as unknown as SyncStatus;
    const instance = instanceStatusOf(status, { ok: false, reason: 'no topic' } as never, 'store-1');
    const told = { breaker: 'open', inFlight: 1, waiting: 2, ratePerSecond: 3, lastFailure: null };
    expect(instance).toEqual({
      storeId: 'store-1',
      health: { ok: false, reason: 'no topic' },
      owned: ['order_events/0'],
      waiting,
      perSecond: STATUS.meters.perSecond,
      latency: { journaled: quantiles, delivered: later },
      targets: {
        crm: { ...told, notClosedForSeconds: 1.5 },
        mgt: { ...told, notClosedForSeconds: null },
      },
      verification: STATUS.verification,
      view: STATUS.view,
      defects: STATUS.defects,
    });
  });

  it('the status names no partition before the instance ingests', () => {
    const status = { ...STATUS, ingest: null } as unknown as SyncStatus;
    expect(instanceStatusOf(status, { ok: true } as never, null)).toMatchObject({
      storeId: null,
      health: { ok: true, reason: null },
      owned: [],
      waiting: [],
    });
  });
});

describe('instanceOfAnotherStore', () => {
  it('the stores are compared where both are known', () => {
    const isOther = (storeId: string | null, expected: string | null) =>
      instanceOfAnotherStore({ ...QUIET, storeId }, expected);
    expect([isOther('a', 'b'), isOther('a', 'a'), isOther(null, 'b'), isOther('a', null)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});
