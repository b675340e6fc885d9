import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Store } from '../../../src/ports/store.ts';
import { claimDue, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  migrateParcels,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

const HOUR_MS = 3_600_000;
/** A lease that is still valid at the end of every test. */
const LONG_MS = 120_000;
/** A lease that is over as soon as a test waits. */
const SHORT_MS = 1;

/** The clock of an instance, with a difference to the machine's clock that a test may change. */
function clockOff(byMs: number): Clock & { offMs: number } {
  return {
    ...systemClock,
    offMs: byMs,
    now() {
      return systemClock.now() + this.offMs;
    },
  };
}

/** Tests of instances whose clocks differ by an hour, on one store that uses its own time. */
export function describeClocks(harness: StoreHarness): void {
  describe('clocks that differ', () => describeInstances(harness));

  describe('a store whose time is set back', () => {
    const place = usePlace(harness);
    const claim = (claimant: string) =>
      claimDue(place.store, { target: TARGET, claimant, limit: 10, leaseMs: 30_000 });

    it("first attempts are due at once, from before the store's time was set back and from after", async () => {
      await commitChanges(place.store, change('before', 0, { delivery: DUE }));
      place.clock.nowMs -= HOUR_MS;
      await commitChanges(place.store, change('after', 0, { delivery: DUE }));
      expect((await claim('one')).map(({ entityId }) => entityId).sort()).toEqual(['after', 'before']);
    });

    it("deliveries that are dead or delivered are not due, whatever the store's time", async () => {
      await commitChanges(
        place.store,
        ...['dead', 'delivered'].map((id) => change(id, 0, { delivery: DUE })),
      );
      await place.store.settleDeliveries(
        (await claim('one')).map((delivery) =>
          settlement(delivery, delivery.entityId as 'dead' | 'delivered'),
        ),
      );
      expect(await claim('two')).toEqual([]);
      place.clock.nowMs += 1_000 * HOUR_MS;
      expect(await claim('three')).toEqual([]);
    });

    it("a claim whose owner died is free when the store's time was set back, not an hour later", async () => {
      await commitChanges(place.store, change('a', 0, { delivery: DUE }));
      await claim('one');
      place.clock.nowMs -= HOUR_MS;
      expect((await claim('two')).map(({ entityId }) => entityId)).toEqual(['a']);
    });
  });
}

function describeInstances(harness: StoreHarness): void {
  afterEach(() => harness.cleanup());

  async function instances(offMs: number) {
    const clock = clockOff(offMs);
    const settings = { targets: TARGETS, storeClock: 'own' } as const;
    const wrong = await migrateParcels(await harness.open({ clock, ...settings }), clock);
    const right = await migrateParcels(
      await harness.openAgain({ clock: systemClock, ...settings }),
      systemClock,
    );
    return { clock, wrong, right };
  }

  const claim = (store: Store, claimant: string, leaseMs: number) =>
    claimDue(store, { target: TARGET, claimant, limit: 10, leaseMs });
  const idsOf = (claimed: readonly { entityId: string }[]) => claimed.map(({ entityId }) => entityId).sort();

  describe.each([
    ['ahead', HOUR_MS],
    ['behind', -HOUR_MS],
  ])('an instance whose clock is an hour %s', (_, offMs) => {
    it('an instance with a wrong clock makes first attempts due at once, for itself and for others', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(wrong, change('a', 0, { delivery: DUE }));
      expect(idsOf(await claim(right, 'right', LONG_MS))).toEqual(['a']);
      await commitChanges(right, change('b', 0, { delivery: DUE }));
      expect(idsOf(await claim(wrong, 'wrong', LONG_MS))).toEqual(['b']);
    });

    it('an instance with a wrong clock makes a newer state due at once, whatever it replaces', async () => {
      const { wrong, right } = await instances(offMs);
      const ids = ['dead', 'delivered', 'retry'];
      await commitChanges(right, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const retry = { retryAtMs: systemClock.now() + LONG_MS };
      await right.settleDeliveries(
        (await claim(right, 'first', LONG_MS)).map((delivery) =>
          settlement(
            delivery,
            delivery.entityId === 'retry' ? retry : (delivery.entityId as 'dead' | 'delivered'),
          ),
        ),
      );
      await commitChanges(wrong, ...ids.map((id) => change(id, 1, { delivery: DUE })));
      expect(idsOf(await claim(right, 'second', LONG_MS))).toEqual(ids);
    });

    it('an instance with a wrong clock neither takes the claims of others nor loses its own', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(right, change('a', 0, { delivery: DUE }));
      expect(idsOf(await claim(wrong, 'wrong', LONG_MS))).toEqual(['a']);
      expect(await claim(right, 'right', LONG_MS)).toEqual([]);
      await commitChanges(right, change('b', 0, { delivery: DUE }));
      expect(idsOf(await claim(right, 'right', LONG_MS))).toEqual(['b']);
      expect(await claim(wrong, 'wrong', LONG_MS)).toEqual([]);
    });

    it('an instance with a wrong clock leaves a claim of others alone when it makes a newer state due', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(right, change('a', 0, { delivery: DUE }));
      const [older] = await claim(right, 'right', LONG_MS);
      await commitChanges(wrong, change('a', 1, { delivery: DUE }));
      expect(await claim(wrong, 'wrong', LONG_MS)).toEqual([]);
      if (older === undefined) throw new Error('Nothing was claimed.');
      await right.settleDeliveries([settlement(older, 'delivered')]);
      expect(await claim(wrong, 'wrong', LONG_MS)).toMatchObject([{ entityId: 'a', version: 2, attempt: 1 }]);
    });

    it('an instance with a wrong clock loses its claims, and takes those of others, when the lease is over', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(right, change('a', 0, { delivery: DUE }));
      expect(idsOf(await claim(wrong, 'wrong', SHORT_MS))).toEqual(['a']);
      await setTimeout(20);
      expect(idsOf(await claim(right, 'right', SHORT_MS))).toEqual(['a']);
      await setTimeout(20);
      expect(idsOf(await claim(wrong, 'wrong again', SHORT_MS))).toEqual(['a']);
    });

    it('an instance with a wrong clock makes a retry wait for the right time', async () => {
      const { wrong, right, clock } = await instances(offMs);
      await commitChanges(right, ...['soon', 'later'].map((id) => change(id, 0, { delivery: DUE })));
      await wrong.settleDeliveries(
        (await claim(wrong, 'wrong', LONG_MS)).map((delivery) =>
          settlement(delivery, {
            retryAtMs: clock.now() + (delivery.entityId === 'soon' ? SHORT_MS : LONG_MS),
          }),
        ),
      );
      await setTimeout(20);
      expect(idsOf(await claim(right, 'right', LONG_MS))).toEqual(['soon']);
      expect(await claim(wrong, 'wrong again', LONG_MS)).toEqual([]);
    });

    it('an instance with a wrong clock shares jobs and sweeps by their leases', async () => {
      const { wrong, right } = await instances(offMs);
      const job = {
        jobId: 'job',
        kind: 'verify',
        createdAtMs: 1,
        parameters: {},
        isDryRun: false,
        requestedBy: 'somebody',
        reason: '',
      } as const;
      const claimBy = (claimant: string, leaseMs: number) => ({ claimant, leaseMs, kind: 'verify' }) as const;
      await right.createJob(job);
      expect(await wrong.claimJob(claimBy('wrong', LONG_MS))).toMatchObject({ jobId: 'job' });
      expect(await right.claimJob(claimBy('right', LONG_MS))).toBeNull();
      const done = { state: 'done', progress: {}, place: null } as const;
      await wrong.saveJob({ claimant: 'wrong', leaseMs: SHORT_MS, jobId: 'job', ...done });
      await right.createJob({ ...job, jobId: 'next' });
      expect(await right.claimJob(claimBy('right', SHORT_MS))).toMatchObject({ jobId: 'next' });
      await setTimeout(20);
      expect(await wrong.claimJob(claimBy('wrong', LONG_MS))).toMatchObject({ jobId: 'next' });

      const { waitsSinceMs, waitedMs } = await wrong.readSweep(TARGET);
      expect(Math.abs(waitedMs)).toBeLessThan(LONG_MS);
      expect(Math.abs((await right.readSweep(TARGET)).waitedMs)).toBeLessThan(LONG_MS);
      const sweep = { target: TARGET, waitsSinceMs };
      expect(await wrong.claimSweep({ ...sweep, claimant: 'wrong', leaseMs: SHORT_MS })).toBe(true);
      await setTimeout(20);
      expect(await right.claimSweep({ ...sweep, claimant: 'right', leaseMs: LONG_MS })).toBe(true);
      expect(await wrong.claimSweep({ ...sweep, claimant: 'wrong', leaseMs: LONG_MS })).toBe(false);
    });
  });

  describe.each([
    ['forwards', HOUR_MS],
    ['back', -HOUR_MS],
  ])('a clock that is set %s by an hour', (_, byMs) => {
    it('setting the clock ends no lease, and makes none longer', async () => {
      const { wrong, right, clock } = await instances(0);
      await commitChanges(wrong, change('a', 0, { delivery: DUE }), change('b', 0, { delivery: DUE }));
      const claimed = await claimDue(wrong, {
        target: TARGET,
        claimant: 'before',
        limit: 1,
        leaseMs: LONG_MS,
      });
      expect(
        await wrong.claimDeliveries({
          target: TARGET,
          claimant: 'dies',
          limit: 1,
          leaseMs: SHORT_MS,
          attempts: 'first',
        }),
      ).toHaveLength(1);
      clock.offMs = byMs;
      await setTimeout(20);
      const rest = ['a', 'b'].filter((id) => id !== claimed[0]?.entityId);
      expect(idsOf(await claim(wrong, 'after', SHORT_MS))).toEqual(rest);
      await setTimeout(20);
      expect(idsOf(await claim(right, 'other', LONG_MS))).toEqual(rest);
    });
  });

  it('a lease that a wrong time made far too long is over at once', async () => {
    const { right } = await instances(0);
    await commitChanges(right, change('a', 0, { delivery: DUE }));
    expect(await claim(right, 'before', LONG_MS)).toHaveLength(1);
    const longer = 100 * HOUR_MS;
    await harness.rawQuery(`UPDATE deliveries SET leased_until = leased_until + ${longer}`);
    expect(idsOf(await claim(right, 'after', LONG_MS))).toEqual(['a']);
  });
}
