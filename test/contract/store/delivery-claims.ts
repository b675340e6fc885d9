import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { Store } from '../../../src/ports/store.ts';
import { claimDue, claimOnly, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  NASTY_IDS,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

export function describeDeliveryClaims(harness: StoreHarness): void {
  describe('a claim', () => {
    const place = usePlace(harness);
    const claim = (store: Store, claimant: string, limit: number) =>
      claimDue(store, { target: TARGET, claimant, limit, leaseMs: LEASE_MS });

    it('a claim has the row of the view, for every id byte for byte', async () => {
      await commitChanges(
        place.store,
        ...NASTY_IDS.map((id, index) => change(id, 0, { delivery: DUE, row: [id, false, index] })),
      );
      const claimed = await claim(place.store, 'one', 1_000);
      const byId = (a: { entityId: string }, b: { entityId: string }) => compareUtf8(a.entityId, b.entityId);
      const expected = NASTY_IDS.map((entityId, index) => ({
        target: TARGET,
        entityId,
        version: 1,
        row: [entityId, false, index],
        attempt: 1,
        isRetry: false,
        claimant: 'one',
        dueSinceMs: place.clock.now(),
      }));
      // Each store numbers its rows differently, or not at all.
      const given = claimed.map(({ deliveryNumber: _, ...all }) => all);
      expect(given.sort(byId)).toEqual(expected.sort(byId));
    });

    it('a claim takes the earliest first, up to its limit', async () => {
      for (const id of ['first', 'second', 'third']) {
        await commitChanges(place.store, change(id, 0, { delivery: DUE }));
        place.clock.nowMs += 10;
      }
      const ids = async (limit: number) =>
        (await claim(place.store, 'one', limit)).map(({ entityId }) => entityId);
      expect((await ids(2)).sort()).toEqual(['first', 'second']);
      expect(await ids(2)).toEqual(['third']);
      expect(await ids(2)).toEqual([]);
    });

    it.skipIf(harness.isDistributed)(
      'a claim with a cursor takes what is behind it, and one without also takes what is before',
      async () => {
        const ids = ['a', 'b', 'c', 'd'];
        await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
        place.clock.nowMs += 10;
        await commitChanges(place.store, change('0, later', 0, { delivery: DUE }));
        const [, second] = await claim(place.store, 'one', 2);
        if (second === undefined) throw new Error('Nothing was claimed.');
        place.clock.nowMs += LEASE_MS + 1;
        const request = {
          target: TARGET,
          claimant: 'two',
          limit: 10,
          leaseMs: 1_000,
        };
        const behind = await claimDue(place.store, { ...request, behind: second });
        expect(behind.map(({ entityId }) => entityId)).toEqual(['c', 'd', '0, later']);
        const rest = await claimDue(place.store, { ...request, claimant: 'three' });
        expect(rest.map(({ entityId }) => entityId)).toEqual(['a', 'b']);
      },
    );

    it('a claim is for first attempts or for retries, and a delivery that nobody settled is no retry', async () => {
      const ids = async (attempts: 'first' | 'later') => {
        const request = { target: TARGET, claimant: 'two', limit: 10, leaseMs: LEASE_MS, attempts };
        const claimed = await place.store.claimDeliveries({ ...request });
        return claimed.map(({ entityId, attempt, isRetry }) => [entityId, attempt, isRetry]);
      };
      await commitChanges(place.store, change('failed', 0, { delivery: DUE }));
      const retryAtMs = place.clock.now() + 1;
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), { retryAtMs })]);
      await commitChanges(place.store, change('lost', 0, { delivery: DUE }));
      expect(await ids('first')).toEqual([['lost', 1, false]]);
      place.clock.nowMs += LEASE_MS + 1;
      await commitChanges(place.store, change('new', 0, { delivery: DUE }));
      expect(await ids('first')).toEqual([
        ['lost', 2, false],
        ['new', 1, false],
      ]);
      expect(await ids('later')).toEqual([['failed', 2, true]]);
      expect([...(await ids('first')), ...(await ids('later'))]).toEqual([]);
    });

    it('a claim of a newer version is no retry, whatever happened to the older one', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const retryAtMs = place.clock.now() + 1_000;
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), { retryAtMs })]);
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await claimOnly(place.store)).toMatchObject({ version: 2, attempt: 1, isRetry: false });
    });

    it('a delivery that is given back is due again at once, without a counted attempt', async () => {
      const ids = Array.from({ length: 100 }, (_, index) => `parcel ${index}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claimed = await claim(place.store, 'one', 100);
      await place.store.releaseDeliveries(claimed.slice(0, 60));
      const again = await claim(place.store, 'two', 100);
      expect(again.map(({ entityId }) => entityId).sort()).toEqual(
        claimed
          .slice(0, 60)
          .map(({ entityId }) => entityId)
          .sort(),
      );
      expect(new Set(again.map(({ attempt }) => attempt))).toEqual(new Set([1]));
      await place.store.releaseDeliveries([]);
    });

    it('giving back a claim that was lost leaves the next claim alone', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const late = await claimOnly(place.store, 'one');
      place.clock.nowMs += LEASE_MS;
      const next = await claimOnly(place.store, 'two');
      await place.store.releaseDeliveries([late]);
      expect(await claim(place.store, 'three', 10)).toEqual([]);
      await place.store.settleDeliveries([settlement(next, 'delivered')]);
      await place.store.releaseDeliveries([late, next]);
      expect(await place.store.readDelivery(TARGET, 'parcel')).toMatchObject({
        status: 'delivered',
        attempts: 2,
      });
    });

    it('a delivery that is given back makes way for a newer version, which has all its attempts', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const older = await claimOnly(place.store);
      await commitChanges(place.store, change('parcel', 1, { delivery: DUE }));
      expect(await claim(place.store, 'two', 10)).toEqual([]);
      await place.store.releaseDeliveries([older]);
      expect(await claimOnly(place.store)).toMatchObject({ version: 2, attempt: 1 });
    });

    it('a claim is for one target alone', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await claimOnly(place.store);
      expect(await place.store.readDelivery(TARGETS[1], 'parcel')).toMatchObject({ attempts: 0 });
      const unknown = {
        target: 'nobody',
        claimant: 'one',
        limit: 1,
        leaseMs: LEASE_MS,
      };
      expect(await claimDue(place.store, unknown)).toEqual([]);
    });

    it('a claim counts as an attempt before anything is sent, and the delivery is due again when its lease ends', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const first = await claimOnly(place.store, 'one');
      expect(first.attempt).toBe(1);
      const leaseEndMs = place.clock.now() + LEASE_MS;
      expect(await place.store.readDelivery(TARGET, 'parcel')).toMatchObject({
        status: 'pending',
        attempts: 1,
        nextAttemptAtMs: leaseEndMs,
      });

      place.clock.nowMs = leaseEndMs - 1;
      expect(await claim(place.store, 'two', 10)).toEqual([]);
      place.clock.nowMs = leaseEndMs;
      expect(await claim(place.store, 'two', 10)).toEqual([
        { ...first, attempt: 2, claimant: 'two', isTakeover: true },
      ]);
    });

    it('a claim says whether it takes over from one that was never ended, also of an older state', async () => {
      const ids = ['ended', 'given back', 'lost', 'newer'];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const first = await claim(place.store, 'one', 10);
      expect(first.some(({ isTakeover }) => isTakeover)).toBe(false);
      const of = (id: string) => first.filter(({ entityId }) => entityId === id);
      await place.store.settleDeliveries(
        of('ended').map((delivery) => settlement(delivery, { retryAtMs: place.clock.now() })),
      );
      await place.store.releaseDeliveries(of('given back'));
      await commitChanges(place.store, change('newer', 1, { delivery: DUE }));
      place.clock.nowMs += LEASE_MS;
      const second = await claim(place.store, 'two', 10);
      const takenOver = second.filter(({ isTakeover }) => isTakeover).map(({ entityId }) => entityId);
      expect(second).toHaveLength(4);
      expect(takenOver.sort()).toEqual(['lost', 'newer']);
    });

    it('a claim lasts longer only when it is renewed', async () => {
      const ids = ['renewed', 'not renewed'];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claimed = await claim(place.store, 'one', 10);
      place.clock.nowMs += LEASE_MS - 1;
      await place.store.renewDeliveries(
        claimed.filter(({ entityId }) => entityId === 'renewed'),
        LEASE_MS,
      );
      await commitChanges(place.store, change('renewed', 1, { delivery: DUE }));
      place.clock.nowMs += LEASE_MS - 1;
      const taken = await claim(place.store, 'two', 10);
      expect(taken.map(({ entityId }) => entityId)).toEqual(['not renewed']);
      // A claim that was lost cannot be renewed.
      await place.store.renewDeliveries(claimed, LEASE_MS * 10);
      place.clock.nowMs += LEASE_MS;
      expect((await claim(place.store, 'three', 10)).map(({ entityId }) => entityId)).toEqual([
        'not renewed',
      ]);
      await place.store.renewDeliveries([], LEASE_MS);
    });

    it('a claim that ran out can still be settled if no other took the delivery', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const slow = await claimOnly(place.store);
      place.clock.nowMs += LEASE_MS * 2;
      await place.store.settleDeliveries([settlement(slow, 'delivered')]);
      expect(await place.store.readDelivery(TARGET, 'parcel')).toMatchObject({
        status: 'delivered',
        nextAttemptAtMs: null,
      });
    });

    it.skipIf(harness.isDistributed)('two instances never claim one delivery at the same time', async () => {
      const other = await place.another();
      const ids = Array.from({ length: 200 }, (_, index) => `parcel ${index}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      const claimed: string[] = [];
      const drain = async (store: Store, claimant: string) => {
        for (;;) {
          const some = await claim(store, claimant, 7);
          if (some.length === 0 && claimed.length >= ids.length) return;
          await setImmediate();
          claimed.push(...some.map(({ entityId }) => entityId));
        }
      };
      await Promise.all([drain(place.store, 'one'), drain(other, 'two'), drain(place.store, 'three')]);
      expect([...claimed].sort()).toEqual([...ids].sort());
    });
  });
}
