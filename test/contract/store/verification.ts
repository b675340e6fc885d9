import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../src/core/text.ts';
import type { LedgerMend } from '../../../src/ports/verification.ts';
import { OrderWorld } from '../../pipeline/verify/order-world.ts';
import { RandomHistory } from '../../pipeline/verify/random-history.ts';
import { claimOnly, settlement } from './delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  event,
  NASTY_IDS,
  ROW,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

const HISTORY_STEPS = 40;

export function describeVerification(harness: StoreHarness): void {
  describe('the reading of entities for a verification', () => {
    const place = usePlace(harness);

    it('lists every entity of journal, view and ledger once, by the bytes of the ids, page by page', async () => {
      await commitChanges(place.store, ...NASTY_IDS.map((id) => change(id, 0)));
      await commitChanges(place.store, change('owed', 0, { delivery: DUE }));
      await harness.rawQuery("DELETE FROM parcels WHERE place = 'Oslo'");
      await harness.rawQuery("INSERT INTO parcels (parcel_id, version) VALUES ('extra', 4)");
      await harness.rawQuery(
        'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, due_since) ' +
          `VALUES ('${TARGETS[1]}', 'orphan', 1, 'pending', 0, 5, 5)`,
      );
      const expected = [...NASTY_IDS, 'owed', 'extra', 'orphan'].sort(compareUtf8);
      for (const limit of [7, 1_000]) {
        const seen: string[] = [];
        for (let after: string | null = null; ; ) {
          const page: string[] = await place.store.listEntities({ after, limit });
          seen.push(...page);
          after = page.at(-1) ?? null;
          if (page.length < limit) break;
        }
        expect(seen, `pages of ${limit}`).toEqual(expected);
      }
    });

    it('reads journal, row, parking and ledger of each entity in the sequence given', async () => {
      const events = [event('parcel', 2), event('parcel', 1)];
      await commitChanges(place.store, change('parcel', 0, { events, delivery: DUE }));
      await commitChanges(
        place.store,
        change('parked', 0, {
          row: null,
          parking: { kind: 'park', reason: 'fold_failed', detail: 'It throws.', parkedAtMs: 5 },
        }),
      );
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
      const [parked, nobody, parcel] = await place.store.readEntities(['parked', 'nobody', 'parcel'], 100);
      expect(parked).toMatchObject({ entityId: 'parked', version: 1, isParked: true });
      expect(nobody).toEqual({
        entityId: 'nobody',
        version: 0,
        journal: [],
        row: null,
        isParked: false,
        ledger: TARGETS.map((target) => ({ target, entry: null, acceptedVersion: null })),
      });
      expect(parcel).toMatchObject({ version: 2, row: { row: ROW, version: 2 }, isParked: false });
      expect(parcel?.journal?.map(({ position }) => position)).toEqual([1, 2]);
      expect(parcel?.ledger).toMatchObject([
        {
          target: TARGETS[0],
          entry: { status: 'delivered', dueVersion: 2, deliveredVersion: 2, place: 'none', isClaimed: false },
          acceptedVersion: 2,
        },
        {
          target: TARGETS[1],
          entry: { status: 'pending', dueVersion: 2, deliveredVersion: null, place: 'due' },
          acceptedVersion: null,
        },
      ]);
      expect(await place.store.readEntities([], 100)).toEqual([]);
    });

    it('leaves out a journal with more events than wanted, and knows its version', async () => {
      const events = Array.from({ length: 30 }, (_, index) => event('long', index));
      await commitChanges(place.store, change('long', 0, { events }), change('short', 0));
      const read = await place.store.readEntities(['long', 'short'], 29);
      expect(read.map(({ version, journal }) => [version, journal?.length ?? null])).toEqual([
        [30, null],
        [1, 1],
      ]);
    });

    it('gives each entity as it was at one moment while others commit', async () => {
      const other = await place.another();
      const ids = Array.from({ length: 20 }, (_, index) => `parcel ${index}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      let isOver = false;
      const committing = (async () => {
        for (let version = 1; version <= 15; version++)
          await commitChanges(other, ...ids.map((id) => change(id, version, { delivery: DUE })));
        isOver = true;
      })();
      let looks = 0;
      for (; !isOver; looks++) {
        for (const { version, journal, row, ledger } of await place.store.readEntities(ids, 100)) {
          expect(journal).toHaveLength(version);
          expect(row?.version).toBe(version);
          for (const { entry } of ledger) expect(entry?.dueVersion).toBe(version);
        }
        // The reads of an embedded store leave the event loop no turn by themselves.
        await setImmediate();
      }
      await committing;
      expect(looks).toBeGreaterThan(0);
    });

    it('knows the sequence of arrival, or says that it does not', async () => {
      const first = event('parcel', 9);
      const second = event('parcel', 1);
      await commitChanges(place.store, change('parcel', 0, { events: [first] }));
      await commitChanges(place.store, change('parcel', 1, { events: [second] }));
      const found = (await place.store.readAsArrived(['parcel', 'nobody'])).get('parcel');
      if (found !== undefined) expect(found.map(({ position }) => position)).toEqual([9, 1]);
    });
  });

  describe('the mending of the ledger', () => {
    const place = usePlace(harness);

    async function recordOf(entityId: string) {
      const [record] = await place.store.readEntities([entityId], 100);
      const entry = record?.ledger.find(({ target }) => target === TARGET)?.entry ?? null;
      return { version: record?.row?.version ?? 0, entry };
    }

    async function mendOf(entityId: string, becomes: LedgerMend['becomes']): Promise<LedgerMend> {
      const { version, entry } = await recordOf(entityId);
      return { target: TARGET, entityId, version, mark: entry?.mark ?? null, becomes };
    }

    const PENDING = { status: 'pending', dueVersion: 1, deliveredVersion: null } as const;
    const DELIVERED = { status: 'delivered', dueVersion: 1, deliveredVersion: 1 } as const;

    it('adds entries, and writes entries as they should be', async () => {
      await commitChanges(place.store, ...['a', 'b', 'c'].map((id) => change(id, 0, { delivery: DUE })));
      await harness.rawQuery("DELETE FROM deliveries WHERE entity_id = 'a'");
      const dead = { status: 'dead', dueVersion: 1, deliveredVersion: null } as const;
      const mends = [await mendOf('c', dead), await mendOf('a', PENDING), await mendOf('b', DELIVERED)];
      expect(await place.store.mendLedger(mends)).toBe(3);
      expect((await recordOf('a')).entry).toMatchObject({ ...PENDING, place: 'due' });
      expect((await recordOf('b')).entry).toMatchObject({ ...DELIVERED, place: 'none' });
      expect((await recordOf('c')).entry).toMatchObject({ ...dead, place: 'dead' });
      expect((await claimOnly(place.store)).entityId).toBe('a');
    });

    it('keeps the attempts of an entry that becomes dead or delivered, and begins anew if it becomes due', async () => {
      await commitChanges(place.store, ...['a', 'b', 'c'].map((id) => change(id, 0, { delivery: DUE })));
      await harness.rawQuery('UPDATE deliveries SET attempts = 3');
      const dead = { status: 'dead', dueVersion: 1, deliveredVersion: null } as const;
      const mends = [await mendOf('a', dead), await mendOf('b', DELIVERED), await mendOf('c', PENDING)];
      expect(await place.store.mendLedger(mends)).toBe(3);
      const attempts = ['a', 'b', 'c'].map(
        async (id) => (await place.store.readDelivery(TARGET, id))?.attempts,
      );
      expect(await Promise.all(attempts)).toEqual([3, 3, 0]);
    });

    it('leaves an entry alone that has changed since, and one of an entity that has', async () => {
      await commitChanges(place.store, ...['a', 'b', 'c'].map((id) => change(id, 0, { delivery: DUE })));
      const mends = [await mendOf('a', DELIVERED), await mendOf('b', DELIVERED)];
      await harness.rawQuery("UPDATE deliveries SET attempts = 3 WHERE entity_id = 'a'");
      await commitChanges(place.store, change('b', 1));
      const missing = { ...(await mendOf('c', DELIVERED)), mark: null };
      expect(await place.store.mendLedger([...mends, missing])).toBe(0);
      expect(await place.store.mendLedger([])).toBe(0);
    });

    it('keeps the claim of a pending entry, and ends the claim of any other', async () => {
      await commitChanges(place.store, change('a', 0, { delivery: DUE }));
      const claim = await claimOnly(place.store);
      expect(await place.store.mendLedger([await mendOf('a', PENDING)])).toBe(1);
      expect((await recordOf('a')).entry).toMatchObject({ isClaimed: true, place: 'due' });
      await place.store.settleDeliveries([settlement(claim, 'delivered')]);
      expect((await recordOf('a')).entry).toMatchObject({ ...DELIVERED, isClaimed: false });
    });

    it('owes the later state if an entity changes at the same time', async () => {
      const other = await place.another();
      const ids = Array.from({ length: 30 }, (_, index) => `parcel ${index}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
      await harness.rawQuery('DELETE FROM deliveries');
      const mends = await Promise.all(ids.map((id) => mendOf(id, PENDING)));
      const [mended] = await Promise.all([
        other.mendLedger(mends),
        ...ids.map((id) => commitChanges(place.store, change(id, 1, { delivery: DUE }))),
      ]);
      expect(mended).toBeLessThanOrEqual(ids.length);
      for (const id of ids)
        expect((await recordOf(id)).entry).toMatchObject({ status: 'pending', dueVersion: 2 });
    });

    it('removes only rows of entities without events', async () => {
      await commitChanges(place.store, change('known', 0));
      await harness.rawQuery("INSERT INTO parcels (parcel_id, version) VALUES ('extra', 4)");
      expect(await place.store.removeUnjournaledRows(['extra', 'known', 'nobody'])).toBe(1);
      expect([...(await place.store.readView(['extra', 'known'])).keys()]).toEqual(['known']);
    });
  });

  describe('the rules of rows and ledger', () => {
    it.skipIf(harness.isDistributed)('no legal history of orders breaks a rule', async () => {
      try {
        const world = await OrderWorld.make(harness);
        const history = new RandomHistory(world, 20_261_129);
        for (let step = 0; step < HISTORY_STEPS; step++) {
          await history.step();
          if (step % 4 !== 3) continue;
          expect(await world.differences(), history.did.join(', ')).toEqual([]);
        }
      } finally {
        await harness.cleanup();
      }
    });
  });
}
