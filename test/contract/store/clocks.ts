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
/** So long that no test sees its end. */
const LONG_MS = 120_000;
/** So short that it is over as soon as it was waited for. */
const SHORT_MS = 1;

/** The clock of an instance, which shows another time than the machine's, and may be set. */
function clockOff(byMs: number): Clock & { offMs: number } {
  return {
    ...systemClock,
    offMs: byMs,
    now() {
      return systemClock.now() + this.offMs;
    },
  };
}

/** Instances whose clocks differ by an hour, on one store that reckons by its own time. */
export function describeClocks(harness: StoreHarness): void {
  describe('with clocks that differ', () => describeInstances(harness));

  describe('when the time of the store is set back', () => {
    const place = usePlace(harness);
    const claim = (claimant: string) =>
      claimDue(place.store, { target: TARGET, claimant, limit: 10, leaseMs: 30_000 });

    it('first attempts are due at once, those from before and those from after', async () => {
      await commitChanges(place.store, change('before', 0, { delivery: DUE }));
      place.clock.nowMs -= HOUR_MS;
      await commitChanges(place.store, change('after', 0, { delivery: DUE }));
      expect((await claim('one')).map(({ entityId }) => entityId).sort()).toEqual(['after', 'before']);
    });

    it('what died or is done is not due for all that', async () => {
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

    it('a claim whose owner died is free after minutes, and not after an hour', async () => {
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
    it('makes first attempts due at once, to itself and to others', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(wrong, change('a', 0, { delivery: DUE }));
      expect(idsOf(await claim(right, 'right', LONG_MS))).toEqual(['a']);
      await commitChanges(right, change('b', 0, { delivery: DUE }));
      expect(idsOf(await claim(wrong, 'wrong', LONG_MS))).toEqual(['b']);
    });

    it('makes a newer state due at once that replaces a delivered, a dead or a waiting one', async () => {
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

    it('neither takes what others have claimed, nor loses its own claims to them', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(right, change('a', 0, { delivery: DUE }));
      expect(idsOf(await claim(wrong, 'wrong', LONG_MS))).toEqual(['a']);
      expect(await claim(right, 'right', LONG_MS)).toEqual([]);
      await commitChanges(right, change('b', 0, { delivery: DUE }));
      expect(idsOf(await claim(right, 'right', LONG_MS))).toEqual(['b']);
      expect(await claim(wrong, 'wrong', LONG_MS)).toEqual([]);
    });

    it('leaves a claim of others alone where a newer state becomes due by it', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(right, change('a', 0, { delivery: DUE }));
      const [older] = await claim(right, 'right', LONG_MS);
      await commitChanges(wrong, change('a', 1, { delivery: DUE }));
      expect(await claim(wrong, 'wrong', LONG_MS)).toEqual([]);
      if (older === undefined) throw new Error('Nothing was claimed.');
      await right.settleDeliveries([settlement(older, 'delivered')]);
      expect(await claim(wrong, 'wrong', LONG_MS)).toMatchObject([{ entityId: 'a', version: 2, attempt: 1 }]);
    });

    it('loses its claims when their lease is over, and takes those of others then', async () => {
      const { wrong, right } = await instances(offMs);
      await commitChanges(right, change('a', 0, { delivery: DUE }));
      expect(idsOf(await claim(wrong, 'wrong', SHORT_MS))).toEqual(['a']);
      await setTimeout(20);
      expect(idsOf(await claim(right, 'right', SHORT_MS))).toEqual(['a']);
      await setTimeout(20);
      expect(idsOf(await claim(wrong, 'wrong again', SHORT_MS))).toEqual(['a']);
    });

    it('makes a retry wait for as long as it says, and no longer', async () => {
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

    it('shares the work on redrive jobs and sweeps by their leases', async () => {
      const { wrong, right } = await instances(offMs);
      const filter = {
        target: null,
        entityId: null,
        status: null,
        lastStatus: null,
        errorPrefix: null,
        dueSinceFromMs: null,
        dueSinceBeforeMs: null,
      };
      const job = { jobId: 'job', createdAtMs: 1, filter, isDryRun: false, requestedBy: 'somebody' };
      await right.createRedrive(job);
      expect(await wrong.claimRedrive({ claimant: 'wrong', leaseMs: LONG_MS })).toMatchObject({
        jobId: 'job',
      });
      expect(await right.claimRedrive({ claimant: 'right', leaseMs: LONG_MS })).toBeNull();
      await wrong.stepRedrive({ claimant: 'wrong', leaseMs: SHORT_MS, jobId: 'job', limit: 1 });
      await right.createRedrive({ ...job, jobId: 'next' });
      expect(await right.claimRedrive({ claimant: 'right', leaseMs: SHORT_MS })).toMatchObject({
        jobId: 'next',
      });
      await setTimeout(20);
      expect(await wrong.claimRedrive({ claimant: 'wrong', leaseMs: LONG_MS })).toMatchObject({
        jobId: 'next',
      });

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
    it('ends no lease, and makes none longer', async () => {
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
