import { describe, expect, it } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import type { EntityChange, IngestBatch } from '../../../src/ports/commit.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import {
  acquireOne,
  batchOf,
  change,
  commitChanges,
  DUE,
  event,
  move,
  PARK,
  parcelMigration,
  ROW,
  type StoreHarness,
  TARGETS,
  usePlace,
} from './fixtures.ts';

/** Tests that a commit builds on a version the store has, and that the journal counts where the view differs. */
export function describeBase(harness: StoreHarness): void {
  /** Without the right to create tables, a store names the command that does it: see test/e2e/users.e2e.test.ts. */
  const isForOwner = harness.canMakeTables === false;
  describe('the base of a commit', () => {
    const place = usePlace(harness);

    /** Commits one entity in locking mode. `seen` is the version and the number of events that the plan got. */
    async function heal(entityId: string, row: ViewRow, more: readonly JournaledEvent[] = []) {
      const seen: unknown[] = [];
      const outcome = await place.store.commit(
        batchOf([], [], {
          mode: 'locking',
          entityIds: [entityId],
          plan: async (versions, readJournals) => {
            const journal = (await readJournals([entityId])).get(entityId) ?? [];
            seen.push(versions?.get(entityId), journal.length);
            return [change(entityId, journal.length, { row, events: more })];
          },
        }),
      );
      return { outcome, seen };
    }

    it('an optimistic batch is stale if the store lacks the version that a change builds on', async () => {
      const checkpoint = await acquireOne(place.store);
      await commitChanges(place.store, change('parcel', 0));
      const outcome = await place.store.commit(
        batchOf([move(checkpoint)], [change('bystander', 0), change('parcel', 2)]),
      );
      expect(outcome).toEqual({ kind: 'stale' });
      expect(await place.store.counts()).toMatchObject({ journaledEvents: 1, viewRows: 1 });
      expect((await place.store.checkpoints())[0]?.nextOffset).toBe(0n);
    });

    it.each([1, 2, 5])(
      'an optimistic batch is stale if the store lacks all of an entity at version %i',
      async (version) => {
        expect(await place.store.commit(batchOf([], [change('parcel', version)]))).toEqual({
          kind: 'stale',
        });
        expect(await place.store.counts()).toMatchObject({ journaledEvents: 0, viewRows: 0 });
      },
    );

    it('an optimistic batch is stale if the store reached its version by other events', async () => {
      await commitChanges(place.store, change('parcel', 0));
      await commitChanges(
        place.store,
        change('parcel', 1, { events: [event('parcel', 2), event('parcel', 3)] }),
      );
      const lost = change('parcel', 2, { row: ['Bergen', false, 3], events: [event('parcel', 9)] });
      expect(await place.store.commit(batchOf([], [lost]))).toEqual({ kind: 'stale' });
      expect((await place.store.readView(['parcel'])).get('parcel')).toMatchObject({ version: 3 });
      expect(await place.store.counts()).toMatchObject({ journaledEvents: 3 });
    });

    it('a step of thousands of events from one version to the next is committed', async () => {
      await commitChanges(place.store, change('parcel', 0));
      const many = Array.from({ length: 8_200 }, (_, index) => event('parcel', 2 + index));
      await commitChanges(place.store, change('parcel', 1, { events: many }));
      expect((await place.store.readView(['parcel'])).get('parcel')).toMatchObject({ version: 8_201 });
    });

    it('an optimistic batch is stale if one of many entities lacks its version', async () => {
      const ids = Array.from({ length: 700 }, (_, index) => `parcel ${index}`);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0)));
      const next = ids.map((id, index) => change(id, index === 650 ? 2 : 1));
      expect(await place.store.commit(batchOf([], next))).toEqual({ kind: 'stale' });
      const right = ids.map((id) => change(id, 1));
      expect(await place.store.commit(batchOf([], right))).toMatchObject({ kind: 'committed' });
    });

    it('a locking plan that does not build on the versions it was given is refused', async () => {
      await commitChanges(place.store, change('parcel', 0));
      for (const wrong of [0, 2]) {
        const batch = batchOf([], [change('parcel', wrong)], { mode: 'locking' });
        await expect(place.store.commit(batch)).rejects.toMatchObject({
          code: 'defect',
          retryable: false,
        });
      }
      expect(await place.store.counts()).toMatchObject({ journaledEvents: 1 });
    });

    it('the version comes from the journal if the row was deleted, and the row is written again', async () => {
      await commitChanges(
        place.store,
        change('parcel', 0, { events: [event('parcel', 1), event('parcel', 2)] }),
      );
      await harness.rawQuery('DELETE FROM parcels');

      expect(
        await place.store.commit(batchOf([], [change('parcel', 0, { events: [event('parcel', 9)] })])),
      ).toEqual({ kind: 'stale' });
      expect(await place.store.commit(batchOf([], [change('parcel', 2)]))).toEqual({ kind: 'stale' });
      const { outcome, seen } = await heal('parcel', ['Bergen', false, 1], [event('parcel', 3)]);

      expect([outcome.kind, ...seen]).toEqual(['committed', 2, 2]);
      expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({
        row: ['Bergen', false, 1],
        version: 3,
      });
      expect((await place.store.readJournals(['parcel'])).get('parcel')).toHaveLength(3);
    });

    it.each(['version = 1', 'version = 7'])(
      'the version comes from the journal if the row was altered (%s), and the row is written again',
      async (alteration) => {
        await commitChanges(
          place.store,
          change('parcel', 0, { events: [event('parcel', 1), event('parcel', 2)] }),
        );
        await harness.rawQuery(`UPDATE parcels SET place = 'Nowhere', ${alteration}`);

        expect(await place.store.commit(batchOf([], [change('parcel', 2)]))).toEqual({ kind: 'stale' });
        const { outcome, seen } = await heal('parcel', ROW);

        expect([outcome.kind, ...seen]).toEqual(['committed', 2, 2]);
        expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 2 });
      },
    );

    it('a missing row that was locked and not changed stays missing', async () => {
      await commitChanges(place.store, change('parcel', 0));
      await harness.rawQuery('DELETE FROM parcels');
      await place.store.commit(batchOf([], [], { mode: 'locking', entityIds: ['parcel'] }));
      expect(await place.store.readView(['parcel'])).toEqual(new Map());
    });

    it('journals are read whatever the view holds', async () => {
      await commitChanges(place.store, change('parcel', 0));
      await harness.rawQuery('DELETE FROM parcels');
      expect([...(await place.store.readJournals(['parcel', 'new'])).keys()]).toEqual(['parcel']);
    });

    it.skipIf(isForOwner)(
      'a view that is gone is made again, and its rows are reported as missing',
      async () => {
        await commitChanges(place.store, change('parcel', 0));
        await harness.rawQuery('DROP TABLE parcels');
        const other = await harness.openAgain({ clock: place.clock, targets: TARGETS });
        const first = await other.migrate(parcelMigration(place.clock));
        expect(first.report).toMatchObject({ viewIsEmpty: true, adoptedRows: 0 });
        const { report, store } = await other.migrate(parcelMigration(place.clock));
        expect(report).toMatchObject({ viewIsEmpty: false });
        expect(await store.counts()).toMatchObject({ journaledEvents: 1, viewRows: 0 });
      },
    );

    it('the incarnation stays the same until a table is gone, and cannot be read while one is missing', async () => {
      const before = await place.store.incarnation();
      await commitChanges(place.store, change('parcel', 0));
      await harness.rawQuery('DROP TABLE parcels');
      expect(await place.store.incarnation()).toBe(before);
      await harness.rawQuery('DROP TABLE quarantine');
      await expect(place.store.incarnation()).rejects.toMatchObject({
        code: 'table_missing',
        retryable: true,
      });
      await expect(place.store.remakeView()).rejects.toMatchObject({ code: 'table_missing' });
    });

    it.skipIf(isForOwner)('the view is made again if no other table is missing', async () => {
      expect(await place.store.remakeView()).toBe(false);
      await commitChanges(place.store, change('parcel', 0));
      await harness.rawQuery('DROP TABLE parcels');
      await expect(place.store.readView(['parcel'])).rejects.toMatchObject({ code: 'table_missing' });
      expect(await place.store.remakeView()).toBe(true);
      expect(await place.store.readView(['parcel'])).toEqual(new Map());
    });

    it('a missing view is not reported as empty while the journal is empty', async () => {
      await harness.rawQuery('DROP TABLE parcels');
      const other = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      const { report } = await other.migrate(parcelMigration(place.clock));
      expect(report).toMatchObject({ viewIsEmpty: false });
    });
  });

  describe('the entities in the journal', () => {
    const place = usePlace(harness);

    it('journaled entities are listed by the bytes of their ids, page by page, each with its last version', async () => {
      const ids = ['A1', 'a1', 'A1 ', 'é', '\u{10000}', '\uffff'];
      await commitChanges(place.store, ...ids.map((id) => change(id, 0)));
      await commitChanges(place.store, change('a1', 1, { events: [event('a1', 8), event('a1', 9)] }));
      await harness.rawQuery("DELETE FROM parcels WHERE place = 'Oslo'");
      const found: unknown[] = [];
      for (let after: string | null = null; ; ) {
        const page = await place.store.listJournaled({ after, limit: 2 });
        if (page.length === 0) break;
        found.push(...page.map(({ entityId, version }) => [entityId, version]));
        after = page.at(-1)?.entityId ?? null;
      }
      expect(found).toEqual([
        ['A1', 1],
        ['A1 ', 1],
        ['a1', 3],
        ['é', 1],
        ['\uffff', 1],
        ['\u{10000}', 1],
      ]);
    });
  });

  describe('a parked entity', () => {
    const place = usePlace(harness);
    const parked = (fromVersion: number, parking: EntityChange['parking']) =>
      change('parcel', fromVersion, { row: null, ...(parking === undefined ? {} : { parking }) });

    it.each(['optimistic', 'locking'] as const)(
      'a parked entity keeps its row, gains its events, and is listed with the first reason (%s)',
      async (mode) => {
        await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
        const other = { ...PARK, detail: 'Later.' };
        for (const [version, parking] of [
          [1, PARK],
          [2, { kind: 'parked' } as const],
          [3, other],
        ] as const) {
          const batch = batchOf([], [parked(version, parking), change(`flows ${version}`, 0)], { mode });
          expect(await place.store.commit(batch)).toMatchObject({ kind: 'committed' });
        }
        expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 4 });
        expect((await place.store.readJournals(['parcel'])).get('parcel')).toHaveLength(4);
        const { kind: _, ...expected } = PARK;
        expect(await place.store.listParked({ after: null, limit: 10 })).toEqual([
          { entityId: 'parcel', ...expected },
        ]);
        expect(await place.store.listParked({ after: 'parcel', limit: 10 })).toEqual([]);
      },
    );

    it('a new parked entity has a row of empty columns', async () => {
      await commitChanges(place.store, parked(0, PARK));
      expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({
        row: [null, false, null],
        version: 1,
      });
    });

    it.each(['optimistic', 'locking'] as const)(
      'a batch that takes a released entity for parked is stale (%s)',
      async (mode) => {
        await commitChanges(place.store, parked(0, PARK));
        const release: Partial<IngestBatch> = { mode: 'locking' };
        const folded = change('parcel', 1, { events: [], delivery: DUE, parking: { kind: 'release' } });
        expect(await place.store.commit(batchOf([], [folded], release))).toMatchObject({ kind: 'committed' });
        expect(await place.store.listParked({ after: null, limit: 10 })).toEqual([]);
        expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 1 });

        const late = batchOf([], [parked(1, { kind: 'parked' })], { mode });
        expect(await place.store.commit(late)).toEqual({ kind: 'stale' });
        expect(await place.store.counts()).toMatchObject({ journaledEvents: 1 });
      },
    );

    it.each(['optimistic', 'locking'] as const)(
      'a batch that gives a parked entity a row is stale and names it, until the entity is released (%s)',
      async (mode) => {
        await commitChanges(place.store, change('bolt', 0), change('parcel', 0, { delivery: DUE }));
        await commitChanges(place.store, change('parcel', 1, { row: null, parking: PARK }));
        const row = ['moved', true, 7] as const;
        const folded = () => batchOf([], [change('bolt', 1), change('parcel', 2, { row })], { mode });
        expect(await place.store.commit(folded())).toEqual({ kind: 'stale', parked: ['parcel'] });
        const rowAgain = change('parcel', 2, { row, events: [] });
        if (mode === 'locking')
          expect(await place.store.commit(batchOf([], [rowAgain], { mode }))).toEqual({
            kind: 'stale',
            parked: ['parcel'],
          });
        expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 2 });
        expect(await place.store.counts()).toMatchObject({ journaledEvents: 3 });

        const release = change('parcel', 2, { events: [], parking: { kind: 'release' } });
        await place.store.commit(batchOf([], [release], { mode: 'locking' }));
        expect(await place.store.commit(folded())).toMatchObject({ kind: 'committed' });
        expect((await place.store.readView(['parcel'])).get('parcel')).toEqual({ row, version: 3 });
      },
    );

    it('a parked entity is listed by an opened store, without migrate', async () => {
      await commitChanges(place.store, parked(0, PARK));
      const other = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      expect(await other.listParked({ after: null, limit: 10 })).toHaveLength(1);
    });
  });
}
