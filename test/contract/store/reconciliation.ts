import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../src/core/text.ts';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  NASTY_IDS,
  ROW,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

export function describeReconciliation(harness: StoreHarness): void {
  describe('what is owed', () => {
    const place = usePlace(harness);

    const claim = (claimant: string) =>
      claimDue(place.store, {
        target: TARGET,
        claimant,
        limit: 100,
        leaseMs: LEASE_MS,
      });

    /** Makes the entities due to both targets; those to the first end as `endOf` says, in the sequence of the ids. */
    async function fill(ids: readonly string[], endOf: (id: string) => 'dead' | 'delivered' | null) {
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      await place.store.settleDeliveries(
        (await claim('first')).flatMap((delivery) => {
          const end = endOf(delivery.entityId);
          return end === null ? [] : [settlement(delivery, end)];
        }),
      );
    }

    it('is read page by page in the sequence of the bytes of the ids', async () => {
      await fill(NASTY_IDS, () => 'delivered');
      const expected = [...NASTY_IDS].sort(compareUtf8);
      for (const limit of [1, 7, 1_000]) {
        const seen: string[] = [];
        let after: string | null = null;
        for (;;) {
          const page = await place.store.listOwed({ target: TARGET, after, limit });
          seen.push(...page.map(({ entityId }) => entityId));
          after = page.at(-1)?.entityId ?? null;
          if (page.length < limit || after === null) break;
        }
        expect(seen, `pages of ${limit}`).toEqual(expected);
      }
      expect(await place.store.listOwed({ target: 'nobody', after: null, limit: 10 })).toEqual([]);
    });

    it('says what was delivered, beside the row as it is', async () => {
      await fill(['dead', 'done', 'newer', 'pending'], (id) =>
        id === 'dead' ? 'dead' : id === 'pending' ? null : 'delivered',
      );
      const other = ['Bergen', false, null];
      await commitChanges(
        place.store,
        // The version alone is higher: nothing becomes due.
        change('done', 1),
        change('newer', 1, { row: other, delivery: DUE }),
      );
      expect(await place.store.listOwed({ target: TARGET, after: null, limit: 10 })).toEqual([
        { entityId: 'dead', status: 'dead', deliveredVersion: null, row: ROW },
        { entityId: 'done', status: 'delivered', deliveredVersion: 1, row: ROW },
        { entityId: 'newer', status: 'pending', deliveredVersion: 1, row: other },
        { entityId: 'pending', status: 'pending', deliveredVersion: null, row: ROW },
      ]);
    });

    it('is made due again at the version that was delivered, from the first attempt, for one target', async () => {
      await fill(['a', 'b', 'c'], () => 'delivered');
      await commitChanges(place.store, change('b', 1));
      place.clock.nowMs += 5_000;
      const nowMs = place.clock.now();
      const untouched = async () => [
        await place.store.readDelivery(TARGET, 'a'),
        await place.store.readDelivery(TARGETS[1], 'b'),
      ];
      const before = await untouched();
      const delivered = ['b', 'c', 'x'].map((entityId) => ({ entityId, version: 1 }));
      expect(await place.store.makeDueAgain({ target: TARGET, delivered })).toBe(2);
      expect(await untouched()).toEqual(before);
      expect(await place.store.readDelivery(TARGET, 'b')).toMatchObject({
        status: 'pending',
        deliveredVersion: 1,
        attempts: 0,
        dueSinceMs: nowMs,
        nextAttemptAtMs: nowMs,
      });
      const claimed = await claim('again');
      expect(claimed.map(({ entityId, version, attempt }) => [entityId, version, attempt])).toEqual([
        ['b', 1, 1],
        ['c', 1, 1],
      ]);
      await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
      expect(await place.store.readDelivery(TARGET, 'b')).toMatchObject({ status: 'delivered' });
    });

    it('is left alone where it is pending or dead', async () => {
      await fill(['dead', 'delivered, then due', 'pending'], (id) =>
        id === 'dead' ? 'dead' : id === 'pending' ? null : 'delivered',
      );
      const row = ['Bergen', false, null];
      await commitChanges(place.store, change('delivered, then due', 1, { row, delivery: DUE }));
      place.clock.nowMs += 1_000;
      const table = () => harness.rawQuery('SELECT * FROM deliveries ORDER BY target, entity_id');
      const before = await table();
      const again = { target: TARGET };
      const delivered = ['dead', 'delivered, then due', 'pending'].map((entityId) => ({
        entityId,
        version: 1,
      }));
      expect(await place.store.makeDueAgain({ ...again, delivered })).toBe(0);
      expect(await place.store.makeDueAgain({ ...again, delivered: [] })).toBe(0);
      expect(await table()).toEqual(before);
    });

    it('is left alone where another version was delivered since, or it died at a newer one', async () => {
      await fill(['dead', 'newer', 'same'], () => 'delivered');
      const row = ['Bergen', false, null];
      await commitChanges(
        place.store,
        ...['dead', 'newer'].map((id) => change(id, 1, { row, delivery: DUE })),
      );
      await place.store.settleDeliveries(
        (await claim('second')).map((delivery) =>
          settlement(delivery, delivery.entityId === 'dead' ? 'dead' : 'delivered'),
        ),
      );
      const delivered = ['dead', 'newer', 'same'].map((entityId) => ({ entityId, version: 1 }));
      expect(await place.store.makeDueAgain({ target: TARGET, delivered })).toBe(1);
      expect((await claim('third')).map(({ entityId }) => entityId)).toEqual(['same']);
    });
  });
}
