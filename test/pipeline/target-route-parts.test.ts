import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import type { ViewRow } from '../../src/core/domain.ts';
import { orders } from '../../src/orders/index.ts';
import { Defects } from '../../src/pipeline/defects.ts';
import { deliverOn, dueTargetsOf, fromBeginning, type TargetRoute } from '../../src/pipeline/target-route.ts';
import type {
  ClaimedDelivery,
  DeliveryClaimRequest,
  DeliveryClaims,
} from '../../src/ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../src/ports/delivery-target.ts';

const ROW: ViewRow = ['CREATED', null, null, false];

describe('the targets of a commit', () => {
  const columns = orders.view.columns;
  const dueOf = (qualifies: TargetRoute['qualifies']) =>
    dueTargetsOf([{ target: { name: 'crm' }, qualifies }], { columns })[0];

  it('take every ready state where their route has no filter', () => {
    expect(dueOf(null)).toEqual({ name: 'crm', qualifies: null });
  });

  it('ask the filter of their route about the row by column names', () => {
    const asked: object[] = [];
    const due = dueOf((body) => {
      asked.push(body);
      return body.order_status === 'CREATED';
    });
    expect([due?.qualifies?.(ROW), due?.qualifies?.([])]).toEqual([true, false]);
    const names = columns.map(({ name }) => name);
    expect(asked).toEqual([
      Object.fromEntries(names.map((name, index) => [name, ROW[index] ?? null])),
      Object.fromEntries(names.map((name) => [name, null])),
    ]);
  });

  it('count as there from the beginning only where their route says so', () => {
    const route = (name: string, isFromBeginning?: boolean) => ({
      target: { name },
      ...(isFromBeginning === undefined ? {} : { isFromBeginning }),
    });
    expect(fromBeginning([route('a', true), route('b', false), route('c')])).toEqual(new Set(['a']));
  });
});

/** Delivers on a route until the test ends. The target gives each state of each claim this outcome. */
function delivering(
  pace: TargetRoute['pace'],
  timing: Parameters<typeof deliverOn>[2],
  verdict: DeliveryOutcome['verdict'],
) {
  const clock = new SeededClock({ seed: 1 });
  const claims: DeliveryClaimRequest[] = [];
  let count = 0;
  const store: DeliveryClaims = {
    async claimDeliveries(request) {
      claims.push(request);
      if (request.attempts !== 'first') return [];
      return Array.from({ length: Math.min(request.limit, 5) }, (): ClaimedDelivery => {
        const entityId = `order-${count++}`;
        const { target, claimant } = request;
        const due = { version: 1, row: ROW, attempt: 1, isRetry: false, dueSinceMs: 0, deliveryNumber: null };
        return { target, claimant, entityId, ...due };
      });
    },
    settleDeliveries: async () => {},
    releaseDeliveries: async () => {},
    renewDeliveries: async () => {},
  };
  const target: TargetRoute['target'] = {
    name: 'crm',
    maxDeliveryBatch: 1,
    deliver: (deliveries, _signal, settled) => {
      const outcome = { verdict, status: 500, latencyMs: 1, answer: '', error: 'No.', retryAfterMs: null };
      queueMicrotask(() => settled(deliveries.map(() => outcome)));
    },
    close: async () => {},
  };
  const logger = () => {};
  const deliver = deliverOn(
    { target, qualifies: null, ...(pace === undefined ? {} : { pace }) },
    { view: orders.view, store, clock, logger, defects: new Defects(clock, logger) },
    timing,
  );
  onTestFinished(async () => {
    const stopped = deliver.stop();
    await clock.advance(60_000);
    await stopped;
  });
  deliver.start();
  return { clock, claims, deliver };
}

describe('the delivery on a route', () => {
  it('claims for 45 s, or for the time that it is given', async () => {
    for (const [timing, leaseMs] of [
      [{}, 45_000],
      [{ leaseMs: 70_000 }, 70_000],
    ] as const) {
      const { clock, claims } = delivering({ ratePerSecond: 1 }, timing, 'delivered');
      await clock.advance(10);
      expect(claims[0]).toMatchObject({ target: 'crm', leaseMs });
    }
  });

  it('sends at the rate of the route', async () => {
    const { clock, deliver } = delivering({ ratePerSecond: 2 }, {}, 'delivered');
    for (let second = 0; second < 20; second++) await clock.advance(1_000);
    const { delivered, ratePerSecond } = deliver.status();
    expect(ratePerSecond).toBe(2);
    expect(delivered).toBeGreaterThan(20);
    expect(delivered).toBeLessThan(60);
  });

  it('opens its breaker after as many faults as the route says, and else after ten', async () => {
    const faultsUntilOpen = async (pace: TargetRoute['pace']) => {
      const { clock, deliver } = delivering({ ratePerSecond: 4, ...pace }, {}, 'retry');
      for (let turn = 0; turn < 400 && deliver.status().breaker === 'closed'; turn++)
        await clock.advance(250);
      expect(deliver.status().breaker).not.toBe('closed');
      return deliver.status().retried;
    };
    const [few, many] = [await faultsUntilOpen({ breaker: { faults: 3 } }), await faultsUntilOpen({})];
    expect(few).toBeLessThan(many);
    expect(few).toBeGreaterThanOrEqual(3);
    expect(many).toBeGreaterThanOrEqual(10);
  });
});
