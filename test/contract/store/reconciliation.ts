import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { DeliveryRepair } from '../../../src/ports/reconciliation.ts';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  NASTY_IDS,
  NOT_READY,
  ROW,
  type StoreHarness,
  TARGET,
  TARGETS,
  UNCHANGED,
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

    /**
     * Makes the entities due to both targets, and ends those of the first target as `endOf` says, in the sequence of
     * the ids.
     */
    async function fill(ids: readonly string[], endOf: (id: string) => 'dead' | 'delivered' | null) {
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      await place.store.settleDeliveries(
        (await claim('first')).flatMap((delivery) => {
          const end = endOf(delivery.entityId);
          return end === null ? [] : [settlement(delivery, end)];
        }),
      );
    }

    it('owed states are read page by page in the sequence of the bytes of the ids', async () => {
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

    it('an owed state has the delivered version beside the row as it is', async () => {
      await fill(['dead', 'done', 'newer', 'pending'], (id) =>
        id === 'dead' ? 'dead' : id === 'pending' ? null : 'delivered',
      );
      const other = ['Bergen', false, null];
      await commitChanges(
        place.store,
        // Only the version is higher, so nothing becomes due.
        change('done', 1),
        change('newer', 1, { row: other, delivery: DUE }),
      );
      expect(await place.store.listOwed({ target: TARGET, after: null, limit: 10 })).toEqual([
        { entityId: 'dead', status: 'dead', deliveredVersion: null, dueVersion: 1, viewVersion: 1, row: ROW },
        {
          entityId: 'done',
          status: 'delivered',
          deliveredVersion: 1,
          dueVersion: 1,
          viewVersion: 2,
          row: ROW,
        },
        {
          entityId: 'newer',
          status: 'pending',
          deliveredVersion: 1,
          dueVersion: 2,
          viewVersion: 2,
          row: other,
        },
        {
          entityId: 'pending',
          status: 'pending',
          deliveredVersion: null,
          dueVersion: 1,
          viewVersion: 1,
          row: ROW,
        },
      ]);
    });

    it('a delivered state is made due again at its version, from the first attempt, for one target', async () => {
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

    it('a pending or dead delivery is not made due again', async () => {
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

    it('a delivery is not made due again if another version was delivered since, or a newer one is dead', async () => {
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

    describe('a store that was restored from an older state', () => {
      const DIGEST = 'ab'.repeat(32);
      const OTHER_DIGEST = 'cd'.repeat(32);
      const unrecorded = (entityId: string, facts: Partial<DeliveryRepair> = {}): DeliveryRepair => ({
        entityId,
        was: 'unrecorded',
        version: 1,
        heldVersion: 1,
        replaces: DIGEST,
        ...facts,
      });
      const repair = (...repairs: DeliveryRepair[]) =>
        place.store.makeRepairsDue({ target: TARGET, repairs });

      it('a repair of an unrecorded entity is put into the ledger, and its claim says which state it replaces', async () => {
        const ids = ['b', 'A1 ', 'é'];
        await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: NOT_READY })));
        expect(await repair(...ids.map((id) => unrecorded(id)))).toBe(3);
        expect(await place.store.readDelivery(TARGETS[1], 'b')).toBeNull();
        const claimed = await claim('repairs');
        expect(
          claimed.map(({ entityId, version, attempt, replaces }) => [entityId, version, attempt, replaces]),
        ).toEqual(expect.arrayContaining(ids.map((id) => [id, 1, 1, DIGEST])));
        await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
        expect(await place.store.readDelivery(TARGET, 'b')).toMatchObject({
          status: 'delivered',
          deliveredVersion: 1,
        });
        // From now on every change is due to the target.
        expect(await commitChanges(place.store, change('b', 1, { delivery: NOT_READY }))).toBe(1);
        const [later] = await claim('later');
        expect(later).toMatchObject({ entityId: 'b', version: 2 });
        expect(later).not.toHaveProperty('replaces');
      });

      it('every attempt of a repair says which state it replaces, also when it is made due again', async () => {
        await commitChanges(place.store, change('b', 0, { delivery: NOT_READY }));
        await repair(unrecorded('b'));
        const [first] = await claim('first');
        if (first === undefined) throw new Error('Nothing was claimed.');
        await place.store.settleDeliveries([settlement(first, { retryAtMs: place.clock.now() })]);
        const [second] = await claim('second');
        expect(second).toMatchObject({ attempt: 2, replaces: DIGEST });
        if (second === undefined) throw new Error('Nothing was claimed.');
        await place.store.settleDeliveries([settlement(second, 'delivered')]);
        await place.store.makeDueAgain({ target: TARGET, delivered: [{ entityId: 'b', version: 1 }] });
        expect(await claim('third')).toMatchObject([{ replaces: DIGEST }]);
      });

      it('a later version that is made due again replaces nothing, although an older one was a repair', async () => {
        await commitChanges(place.store, change('b', 0, { delivery: NOT_READY }));
        await repair(unrecorded('b'));
        const end = async (claimant: string) => {
          const claimed = await claim(claimant);
          await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
          return claimed;
        };
        expect(await end('repair')).toMatchObject([{ version: 1, replaces: DIGEST }]);
        await commitChanges(place.store, change('b', 1, { delivery: NOT_READY }));
        await end('later');
        await place.store.makeDueAgain({ target: TARGET, delivered: [{ entityId: 'b', version: 2 }] });
        const [again] = await claim('again');
        expect(again).toMatchObject({ entityId: 'b', version: 2 });
        expect(again).not.toHaveProperty('replaces');
      });

      it('a repair that replaces nothing of the same version is delivered like any other state', async () => {
        await commitChanges(
          place.store,
          change('b', 0, { delivery: NOT_READY }),
          change('c', 0, { delivery: NOT_READY }),
        );
        await repair(
          unrecorded('b', { replaces: null }),
          unrecorded('c', { heldVersion: 0, replaces: null }),
        );
        for (const claimed of await claim('repairs')) expect(claimed).not.toHaveProperty('replaces');
      });

      it('a repair makes a dead delivery due again, and the latest repair counts', async () => {
        await fill(['b'], () => 'dead');
        const dead = unrecorded('b', { was: 'dead' });
        expect(await repair(dead)).toBe(1);
        const [first] = await claim('first');
        expect(first).toMatchObject({ version: 1, attempt: 1, replaces: DIGEST });
        if (first === undefined) throw new Error('Nothing was claimed.');
        await place.store.settleDeliveries([settlement(first, 'dead')]);
        expect(await repair({ ...dead, replaces: OTHER_DIGEST })).toBe(1);
        expect(await claim('second')).toMatchObject([{ replaces: OTHER_DIGEST }]);
      });

      it("a repair makes the view's version due if the target holds a later one than was delivered", async () => {
        await fill(['b', 'moved', 'same'], () => 'delivered');
        await commitChanges(
          place.store,
          ...['b', 'moved', 'same'].map((id) => change(id, 1, { delivery: UNCHANGED })),
        );
        await commitChanges(place.store, change('moved', 2, { delivery: UNCHANGED }));
        expect(await place.store.listOwed({ target: TARGET, after: null, limit: 1 })).toMatchObject([
          { entityId: 'b', deliveredVersion: 1, viewVersion: 2 },
        ]);
        const behind = (entityId: string, facts: Partial<DeliveryRepair> = {}) =>
          unrecorded(entityId, { was: 'behind', version: 2, heldVersion: 2, ...facts });
        expect(await repair(behind('b'), behind('moved'), behind('same', { heldVersion: 1 }))).toBe(1);
        expect(await repair(behind('b'))).toBe(0);
        const claimed = await claim('repairs');
        expect(claimed).toMatchObject([{ entityId: 'b', version: 2, attempt: 1, replaces: DIGEST }]);
        await place.store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
        expect(await place.store.readDelivery(TARGET, 'b')).toMatchObject({
          status: 'delivered',
          deliveredVersion: 2,
        });
      });

      it("a repair makes the view's version due if the target holds a later one than the dead delivery has", async () => {
        const ids = ['b', 'moved', 'same'];
        await fill(ids, () => 'dead');
        await commitChanges(place.store, ...ids.map((id) => change(id, 1, { delivery: UNCHANGED })));
        await commitChanges(place.store, change('moved', 2, { delivery: UNCHANGED }));
        const behind = (entityId: string, facts: Partial<DeliveryRepair> = {}) =>
          unrecorded(entityId, { was: 'behind', version: 2, heldVersion: 2, ...facts });
        expect(await repair(behind('b'), behind('moved'), behind('same', { heldVersion: 1 }))).toBe(1);
        expect(await repair(behind('b'))).toBe(0);
        expect(await claim('repairs')).toMatchObject([
          { entityId: 'b', version: 2, attempt: 1, replaces: DIGEST },
        ]);
        expect(await place.store.readDelivery(TARGET, 'same')).toMatchObject({
          status: 'dead',
          dueVersion: 1,
        });
      });

      it('a repair leaves alone an entity that has moved on, is in the ledger already, or is in no view', async () => {
        await fill(['delivered', 'pending', 'dead'], (id) =>
          id === 'pending' ? null : (id as 'dead' | 'delivered'),
        );
        await commitChanges(place.store, change('moved', 0, { delivery: NOT_READY }));
        await commitChanges(place.store, change('moved', 1, { delivery: NOT_READY }));
        const table = () => harness.rawQuery('SELECT * FROM deliveries ORDER BY target, entity_id');
        const before = await table();
        expect(
          await repair(
            unrecorded('moved'),
            unrecorded('nowhere'),
            unrecorded('delivered'),
            unrecorded('pending'),
            unrecorded('dead'),
          ),
        ).toBe(0);
        expect(
          await repair(
            unrecorded('delivered', { was: 'dead' }),
            unrecorded('pending', { was: 'dead' }),
            unrecorded('dead', { was: 'dead', version: 2 }),
          ),
        ).toBe(0);
        expect(await repair()).toBe(0);
        expect(await table()).toEqual(before);
      });

      it('a repair owes the later state if the view changes at the same time', async () => {
        const other = await place.another();
        const ids = Array.from({ length: 40 }, (_, index) => `parcel ${index}`);
        await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: NOT_READY })));
        await Promise.all([
          ...ids.map((id) => commitChanges(place.store, change(id, 1, { delivery: NOT_READY }))),
          ...ids.map((id) => other.makeRepairsDue({ target: TARGET, repairs: [unrecorded(id)] })),
        ]);
        for (const id of ids) {
          const delivery = await place.store.readDelivery(TARGET, id);
          // The change came first and the repair was refused, or the change found the repair in the ledger.
          if (delivery !== null) expect(delivery, id).toMatchObject({ status: 'pending', dueVersion: 2 });
        }
      });
    });
  });
}
