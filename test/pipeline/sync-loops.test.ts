import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../src/core/errors.ts';
import { created, paid } from './sync-place.ts';
import { ready, running, SyncTwins, sweptRoute, TARGET } from './sync-twins.ts';

const MISTAKE = new TypeError('x is not a function');
const DECISION = { decidedBy: 'ops', reason: 'a test', decidedAtMs: 0 };
const PAUSED = { kind: 'target', target: TARGET } as const;
const HOUR_MS = 3_600_000;
const busy = () => Promise.reject(new TributaryError('store_busy', 'The lock wait was given up.'));

describe('the loops on a store', () => {
  it('the loops name what a defect strikes, and the others go on', async () => {
    for (const [method, place] of [
      ['refusedCounts', 'the count of what was refused'],
      ['listView', 'the count of what is stuck'],
      ['listHolds', 'the watch of what is paused'],
    ] as const) {
      const twins = new SyncTwins();
      let calls = 0;
      const store = twins.storeWith((migrated) => ({
        [method]: (question: never) =>
          // The start reads the holds once.
          ++calls > (method === 'listHolds' ? 1 : 0) ? Promise.reject(MISTAKE) : migrated[method](question),
      }));
      const sync = await running(twins, { store });
      await twins.clock.advance(1_500);
      expect(sync.status().defects.latest.map((defect) => defect.place)).toContain(place);
      expect(await sync.health()).toMatchObject({ ok: false, summary: 'program: a defect' });
      twins.append(...ready('a'));
      await twins.until(() => twins.sent.length > 0);
    }
  });

  it('the loops name what a defect of the logger strikes', async () => {
    for (const [line, place, method] of [
      ['The record of the view', 'the watch of the view', 'viewState'],
      [`Deliveries to ${TARGET} stand still`, 'the watch of the ledger', 'claimDeliveries'],
      ['put into quarantine', 'the watch of the quarantine', null],
    ] as const) {
      const twins = new SyncTwins();
      let isDown = false;
      const store = twins.storeWith((migrated) =>
        method === null
          ? {}
          : {
              [method]: (question: never) =>
                isDown ? busy() : (migrated[method] as (question: never) => Promise<never>)(question),
            },
      );
      const sync = await running(twins, {
        store,
        logger: (_level, message) => {
          if (message.includes(line)) throw MISTAKE;
        },
      });
      isDown = true;
      twins.append({ ...created('a'), key: null });
      await twins.until(() => sync.status().defects.latest.some((defect) => defect.place === place));
    }
  });

  it('the loops end within their stop, and finish the calls that are under way', async () => {
    const twins = new SyncTwins();
    const answered = Promise.withResolvers<void>();
    const target = {
      ...twins.target,
      deliver: (...[deliveries, signal, settled]: Parameters<typeof twins.target.deliver>) =>
        void answered.promise.then(() => twins.target.deliver(deliveries, signal, settled)),
    };
    const sync = await running(twins, { targets: [{ target, qualifies: null }] });
    twins.append(...ready('a'));
    await twins.until(() => sync.status().deliveries[TARGET]?.inFlight === 1);
    let isOver = false;
    const stopped = sync.stop().then(() => {
      isOver = true;
    });
    await twins.clock.advance(1_000);
    expect(isOver).toBe(false);
    answered.resolve();
    await twins.settled(stopped);
    expect(sync.status().deliveries[TARGET]).toMatchObject({ delivered: 1, inFlight: 0 });
    expect(await twins.store.counts()).toMatchObject({ deliveriesPending: 0 });
    expect(twins.clock.sleepers).toBe(0);
  });

  it('the stop of the loops waits for the watches', async () => {
    const twins = new SyncTwins();
    const answered = Promise.withResolvers<void>();
    const store = twins.storeWith((migrated) => ({
      refusedCounts: async () => {
        await answered.promise;
        return migrated.refusedCounts();
      },
    }));
    const sync = await running(twins, { store });
    let isOver = false;
    const stopped = sync.stop().then(() => {
      isOver = true;
    });
    await twins.clock.advance(30_000);
    expect(isOver).toBe(false);
    answered.resolve();
    await twins.settled(stopped);
  });

  it('the time to the acceptance of a state counts from its record', async () => {
    const twins = new SyncTwins();
    twins.append(...ready('a'));
    await twins.clock.advance(5_000);
    const sync = await running(twins);
    await twins.until(() => twins.sent.length === 1);
    await twins.clock.advance(100);
    expect(sync.status().meters.delivered).toMatchObject({ samples: 1 });
    expect(sync.status().meters.delivered.p50Seconds).toBeGreaterThan(4);
  });

  it('the status shows each target, and what was delivered to it is measured', async () => {
    const twins = new SyncTwins();
    const sync = await running(twins);
    twins.append(...ready('a'));
    await twins.until(() => sync.status().deliveries[TARGET]?.delivered === 1);
    const { deliveries, sweeps, meters, view, refused } = sync.status();
    expect(Object.keys(deliveries)).toEqual([TARGET]);
    expect(sweeps).toEqual({});
    expect(meters.delivered.samples).toBe(1);
    expect(view).toMatchObject({ table: 'orders', mode: 'current', phase: 'steady' });
    expect(refused).toMatchObject({ quarantinedRecords: 0, deadDeliveries: [] });
  });

  it('the loops send nothing where deliveries are disabled, and states become due', async () => {
    const twins = new SyncTwins();
    const { route } = sweptRoute(twins);
    let claims = 0;
    const store = twins.storeWith((migrated) => ({
      claimDeliveries: (request) => {
        claims++;
        return migrated.claimDeliveries(request);
      },
    }));
    const sync = await running(twins, { store, targets: [route], delivery: { enabled: false } });
    twins.append(...ready('a'));
    await twins.journaled(2);
    await twins.clock.advance(10_000);
    expect([claims, twins.sent]).toEqual([0, []]);
    expect(sync.status()).toMatchObject({ deliveries: {}, sweeps: {} });
    expect(await twins.store.counts()).toMatchObject({ deliveriesPending: 1 });
    expect(await sync.health()).toEqual({ ok: true });
  });

  it('deliveries claim for the time that the settings give', async () => {
    const twins = new SyncTwins();
    const leases = new Set<number>();
    const store = twins.storeWith((migrated) => ({
      claimDeliveries: (request) => {
        leases.add(request.leaseMs);
        return migrated.claimDeliveries(request);
      },
    }));
    await running(twins, { store, delivery: { leaseMs: 70_000 } });
    await twins.clock.advance(1_000);
    expect([...leases]).toEqual([70_000]);
  });

  it('the health warns of dead deliveries, and log lines name the entities of the domain', async () => {
    const twins = new SyncTwins();
    const sync = await running(twins);
    twins.append(...ready('a'));
    await twins.until(() => twins.sent.length === 1);
    twins.unwanted.add('b');
    twins.append(...ready('b'));
    await twins.until(() => twins.logged.some((line) => line.includes('is dead')));
    expect(twins.logged.join()).toContain('The delivery of order "b"');
    await twins.clock.advance(15_000);
    expect((await sync.health()).warnings).toEqual([
      `1 deliveries to ${TARGET} are dead: see order-sync dead-letters.`,
    ]);
  });
});

describe('deliveries whose claims fail', () => {
  const failing = (twins: SyncTwins) => twins.storeWith(() => ({ claimDeliveries: busy }));

  it('claims that fail make deliveries stand still, until an operator pauses the target', async () => {
    const twins = new SyncTwins();
    const sync = await running(twins, { store: failing(twins) });
    await twins.clock.advance(20_000);
    expect(await sync.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining(`Deliveries to ${TARGET} stand still: a claim has failed`),
      summary: 'delivery: stands still',
    });
    await twins.store.hold(PAUSED, DECISION);
    await sync.holdsChanged();
    await twins.clock.advance(3_000);
    expect(await sync.health()).toMatchObject({ ok: true });
  });

  it('claims that fail give no second reason while the store does not answer', async () => {
    const twins = new SyncTwins();
    const store = twins.storeWith(() => ({
      claimDeliveries: busy,
      health: async () => ({ ok: false, reason: 'The store is down.' }),
    }));
    const sync = await running(twins, { store });
    await twins.clock.advance(20_000);
    expect(await sync.health()).toEqual({
      ok: false,
      reason: 'The store is down.',
      summary: 'database: not reachable',
    });
  });
});

describe('orders that wait for an event', () => {
  it('orders that wait for an event get stuck after a day, or after the time that the settings give', async () => {
    for (const [options, stuckAfterMs] of [
      [{}, 24 * HOUR_MS],
      [{ stuckAfterMs: 5_000 }, 5_000],
    ] as const) {
      const twins = new SyncTwins();
      const sync = await running(twins, options);
      twins.append(created('a'));
      await twins.journaled(1);
      await twins.clock.advance(70_000);
      await twins.clock.advance(70_000);
      expect(sync.status().stuck).toMatchObject({ stuckAfterMs, total: stuckAfterMs === 5_000 ? 1 : 0 });
    }
  });
});

describe('a state that becomes due', () => {
  it('a commit has deliveries looked for at once, whatever the time between looks, if it made one due', async () => {
    const twins = new SyncTwins();
    let claims = 0;
    const store = twins.storeWith((migrated) => ({
      claimDeliveries: (request) => {
        claims++;
        return migrated.claimDeliveries(request);
      },
    }));
    await running(twins, { store, delivery: { pollMs: HOUR_MS } });
    await twins.clock.advance(1_000);
    claims = 0;
    twins.append(created('a'));
    await twins.journaled(1);
    await twins.clock.advance(1_000);
    expect(claims).toBe(0);
    twins.append(paid('a', 'PAYMENT_AUTHORIZED', 1));
    await twins.until(() => twins.sent.length === 1, 1_000);
  });

  it('a change of the record of the view has deliveries looked for', async () => {
    const twins = new SyncTwins();
    let claims = 0;
    let raised = 0;
    const store = twins.storeWith((migrated) => ({
      claimDeliveries: (request) => {
        claims++;
        return migrated.claimDeliveries(request);
      },
      viewState: async () => {
        const state = await migrated.viewState();
        return { ...state, epoch: state.epoch + raised };
      },
    }));
    await running(twins, { store, delivery: { pollMs: HOUR_MS } });
    await twins.clock.advance(5_000);
    claims = 0;
    raised = 1;
    await twins.clock.advance(2_000);
    expect(claims).toBeGreaterThan(0);
  });
});
