import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/ports/store.ts';
import type { SettledChange } from '../../../src/ports/view-rebuild.ts';
import { claimDue, claimOnly, settlement } from './delivery-helpers.ts';
import {
  acquireOne,
  batchOf,
  change,
  commitChanges,
  DUE,
  move,
  PARCELS,
  PARK,
  parcelMigration,
  ROW,
  type StoreHarness,
  TARGET,
  TARGETS,
  usePlace,
} from './fixtures.ts';

const REBUILD = { rebuildId: 'rebuild-1', foldVersion: 2, columns: PARCELS.columns };
const NEW_ROW = ['Bergen', true, 1200] as const;
const ALL = { after: null, limit: 1_000 };

/** Tests of the new table beside the view, of the exchange, and of what becomes due after it. */
export function describeRebuild(harness: StoreHarness): void {
  /** Without the right to make tables, nobody can rebuild. */
  describe.skipIf(harness.canMakeTables === false)('a rebuild of the view', () => {
    const place = usePlace(harness);

    const write = (
      rows: readonly (readonly [string, number, typeof ROW | null])[],
      epoch: number | null = null,
    ) =>
      place.store.writeRebuilt({
        rebuildId: 'rebuild-1',
        epoch,
        rows: rows.map(([entityId, version, row]) => ({ entityId, version, row })),
      });

    async function exchange(): Promise<void> {
      const epoch = await place.store.beginSwitch('rebuild-1');
      await place.store.exchange({ rebuildId: 'rebuild-1', epoch: epoch ?? 0, waitSeconds: 2 });
    }

    const settle = (...changes: (Pick<SettledChange, 'entityId' | 'version'> & Partial<SettledChange>)[]) =>
      place.store.settleChanges({
        rebuildId: 'rebuild-1',
        changes: changes.map((one) => ({ isNew: false, delivery: DUE, ...one })),
      });

    it('the record says by which fold and with which columns the rows were made', async () => {
      expect(await place.store.viewState()).toMatchObject({
        phase: 'steady',
        foldVersion: 1,
        awaitedFold: null,
        columns: PARCELS.columns,
        rebuild: null,
      });
      const other = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      const { store } = await other.migrate({ ...parcelMigration(place.clock), foldVersion: 7 });
      expect(await store.viewState()).toMatchObject({ foldVersion: 1 });
    });

    it('a newer fold is recorded once and fences every commit that was planned before', async () => {
      const checkpoint = await acquireOne(place.store);
      const { epoch } = await place.store.viewState();
      await place.store.awaitFold(2);
      await place.store.awaitFold(2);
      expect(await place.store.viewState()).toMatchObject({ awaitedFold: 2, epoch: epoch + 1 });
      const moving = batchOf([move(checkpoint)], [change('parcel', 0)]);
      expect(await place.store.commit(moving)).toEqual({ kind: 'fenced' });
      for (const mode of ['optimistic', 'locking'] as const) {
        const repair = batchOf([], [change('parcel', 0)], { mode, viewEpoch: epoch });
        expect(await place.store.commit(repair)).toEqual({ kind: 'fenced' });
      }
      expect(await place.store.counts()).toMatchObject({ journaledEvents: 0 });
    });

    it('a row of the new table is replaced by those of the same and later versions only', async () => {
      await place.store.beginRebuild(REBUILD);
      await commitChanges(place.store, change('a', 0), change('b', 0), change('c', 0));
      expect(await place.store.listOutdated(ALL)).toEqual({ entityIds: ['a', 'b', 'c'], through: null });
      expect(
        await write([
          ['a', 1, ROW],
          ['b', 3, NEW_ROW],
        ]),
      ).toBe(true);
      expect(
        await write([
          ['a', 1, NEW_ROW],
          ['b', 2, ROW],
        ]),
      ).toBe(true);
      expect((await place.store.listOutdated(ALL)).entityIds).toEqual(['b', 'c']);
      const { differences } = await place.store.compareRows('rebuilt', ALL);
      expect(new Map(differences.map(({ entityId, after }) => [entityId, after]))).toEqual(
        new Map([
          ['a', { row: NEW_ROW, version: 1 }],
          ['b', { row: NEW_ROW, version: 3 }],
          ['c', null],
        ]),
      );
    });

    it('outdated ids are listed by their bytes, whether their new row is old or missing', async () => {
      await place.store.beginRebuild(REBUILD);
      await commitChanges(place.store, ...['A', 'a', 'é'].map((id) => change(id, 0)));
      await write([['é', 2, ROW]]);
      expect((await place.store.listOutdated(ALL)).entityIds).toEqual(['A', 'a', 'é']);
    });

    it('pages of both tables are compared by the bytes of the ids, texts byte by byte', async () => {
      const ids = ['A1', 'A1 ', 'a1', 'é', '\uffff', '\u{10000}'];
      await place.store.beginRebuild(REBUILD);
      await commitChanges(place.store, ...ids.map((id) => change(id, 0)));
      await write([
        ...ids.slice(0, 4).map((id) => [id, 1, ROW] as const),
        ['\uffff', 1, ['Oslo ', true, 1200]],
        ['\u{10000}', 1, [null, true, 1200]],
        ['only new', 1, ROW],
      ]);
      const found: unknown[] = [];
      let equal = 0;
      for (let after: string | null = null; ; ) {
        const page = await place.store.compareRows('rebuilt', { after, limit: 2 });
        found.push(...page.differences.map(({ entityId, before }) => [entityId, before === null]));
        equal += page.equal;
        if (page.through === null) break;
        after = page.through;
      }
      expect(found).toEqual([
        ['only new', true],
        ['\uffff', false],
        ['\u{10000}', false],
      ]);
      expect(equal).toBe(4);
    });

    it('an entity that cannot be folded keeps its columns, also if it is released before the switch', async () => {
      await place.store.beginRebuild(REBUILD);
      await commitChanges(place.store, change('parcel', 0), change('bolt', 0));
      await commitChanges(place.store, change('parcel', 1, { row: null, parking: PARK }));
      await write([
        ['parcel', 2, null],
        ['bolt', 1, null],
      ]);
      expect(await place.store.compareRows('rebuilt', ALL)).toMatchObject({ equal: 2, differences: [] });
      expect((await place.store.listOutdated(ALL)).entityIds).toEqual(['bolt', 'parcel']);

      const release = change('parcel', 2, { row: NEW_ROW, events: [], parking: { kind: 'release' } });
      await place.store.commit(batchOf([], [release], { mode: 'locking' }));
      const epoch = (await place.store.beginSwitch('rebuild-1')) ?? 0;
      const { entityIds } = await place.store.listOutdated(ALL);
      expect(
        await write(
          entityIds.map((id) => [id, id === 'bolt' ? 1 : 2, null]),
          epoch,
        ),
      ).toBe(true);
      expect((await place.store.listOutdated(ALL)).entityIds).toEqual([]);
      await place.store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 2 });
      expect(await place.store.readView(['bolt', 'parcel'])).toEqual(
        new Map([
          ['bolt', { row: ROW, version: 1 }],
          ['parcel', { row: NEW_ROW, version: 2 }],
        ]),
      );
    });

    it('nothing is written once a rebuild is discarded, and another one may begin', async () => {
      await place.store.beginRebuild(REBUILD);
      await place.store.beginRebuild(REBUILD);
      const second = { ...REBUILD, rebuildId: 'rebuild-2' };
      await expect(place.store.beginRebuild(second)).rejects.toMatchObject({ code: 'rebuild_refused' });
      expect(await place.store.discardRebuild('rebuild-1')).toBe(true);
      expect(await place.store.discardRebuild('rebuild-1')).toBe(false);
      await place.store.beginRebuild(second);
      expect(await write([['parcel', 1, ROW]])).toBe(false);
      expect(await place.store.viewState()).toMatchObject({
        rebuild: { rebuildId: 'rebuild-2', report: null },
      });
    });

    it('a table of another program is not touched', async () => {
      await harness.rawQuery('CREATE TABLE parcels_rebuilt (id INT)');
      await expect(place.store.beginRebuild(REBUILD)).rejects.toMatchObject({ code: 'table_names_taken' });
      await harness.rawQuery('DROP TABLE parcels_rebuilt');
      await harness.rawQuery('CREATE TABLE parcels_former (id INT)');
      await expect(place.store.beginRebuild(REBUILD)).rejects.toMatchObject({ code: 'table_names_taken' });
    });

    it('while the tables are exchanged nobody acquires, commits, or writes rows without its epoch', async () => {
      const checkpoint = await acquireOne(place.store);
      await place.store.beginRebuild(REBUILD);
      const epoch = (await place.store.beginSwitch('rebuild-1')) ?? 0;
      expect(await place.store.beginSwitch('rebuild-1')).toBe(epoch);
      await expect(acquireOne(place.store)).rejects.toMatchObject({
        code: 'view_switching',
        retryable: true,
      });
      const outcomes = [
        await place.store.commit(batchOf([move(checkpoint)], [change('parcel', 0)])),
        await place.store.commit(batchOf([], [change('parcel', 0)], { mode: 'locking' })),
      ];
      expect(outcomes).toEqual([{ kind: 'fenced' }, { kind: 'fenced' }]);
      expect(await write([['parcel', 1, ROW]])).toBe(false);
      expect(await write([['parcel', 1, ROW]], epoch)).toBe(true);

      expect(await place.store.takeBackSwitch(epoch)).toBe(true);
      expect(await place.store.viewState()).toMatchObject({ phase: 'steady', foldVersion: 1 });
      expect(await write([['parcel', 1, ROW]], epoch)).toBe(false);
      const late = place.store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 2 });
      await expect(late).rejects.toMatchObject({ code: 'rebuild_refused' });
      const again = await acquireOne(place.store);
      expect(await place.store.commit(batchOf([move(again)], [change('parcel', 0)]))).toMatchObject({
        kind: 'committed',
      });
    });

    it('the exchange replaces all rows in one step, and no delivery is claimed until it is settled', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await place.store.beginRebuild(REBUILD);
      await write([['parcel', 1, NEW_ROW]]);
      const other = await place.another();
      await exchange();
      await place.store.exchange({ rebuildId: 'rebuild-1', epoch: 0, waitSeconds: 2 });
      expect(await place.store.viewState()).toMatchObject({
        phase: 'settling',
        foldVersion: 2,
        rebuild: { formerColumns: PARCELS.columns },
      });
      for (const store of [place.store, other]) {
        expect((await store.readView(['parcel'])).get('parcel')).toEqual({ row: NEW_ROW, version: 1 });
        expect(await claimAll(store)).toEqual([]);
      }
      expect(await place.store.discardRebuild('rebuild-1')).toBe(false);
      await place.store.endSettling('rebuild-1');
      await place.store.dropFormer();
      expect(await place.store.viewState()).toMatchObject({ phase: 'steady', rebuild: null });
      expect((await claimAll(place.store)).map(({ row }) => row)).toEqual([NEW_ROW]);
      await expect(harness.rawQuery('SELECT * FROM parcels_former')).rejects.toThrow();
      expect(await place.store.settleChanges({ rebuildId: 'rebuild-1', changes: [] })).toBeNull();
    });

    it('a changed state becomes due, and replaces what a target may have under the same version', async () => {
      const replaces = 'e'.repeat(64);
      await commitChanges(place.store, change('sent', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
      await commitChanges(place.store, change('older', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
      await commitChanges(place.store, change('older', 1), change('never', 0), change('moved', 0));
      await place.store.beginRebuild(REBUILD);
      await write([
        ['sent', 1, NEW_ROW],
        ['older', 2, NEW_ROW],
        ['never', 1, NEW_ROW],
        ['moved', 1, NEW_ROW],
      ]);
      await exchange();
      await commitChanges(place.store, change('moved', 1));

      const delivery = { ...DUE, replaces };
      const settled = await settle(
        { entityId: 'sent', version: 1, delivery },
        { entityId: 'older', version: 2, delivery },
        { entityId: 'never', version: 1, delivery: { hasChanged: true, qualifiesFor: [] } },
        { entityId: 'moved', version: 1 },
      );
      expect(settled).toEqual({ due: 4, stale: ['moved'] });
      await place.store.endSettling('rebuild-1');
      const claimed = await claimAll(place.store);
      expect(
        claimed.map(({ entityId, version, replaces: digest }) => [entityId, version, digest]).sort(),
      ).toEqual([
        ['older', 2, undefined],
        ['sent', 1, replaces],
      ]);
    });

    it('a state that a claim carries is due again after the claim, whatever its answer', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const before = await claimOnly(place.store);
      await place.store.beginRebuild(REBUILD);
      await write([['parcel', 1, NEW_ROW]]);
      await exchange();
      const replaces = 'f'.repeat(64);
      await settle({ entityId: 'parcel', version: 1, delivery: { ...DUE, replaces } });
      await place.store.settleDeliveries([settlement(before, 'delivered')]);
      await place.store.endSettling('rebuild-1');
      expect(await claimAll(place.store)).toEqual([]);
      place.clock.nowMs += 31_000;
      expect(await claimAll(place.store)).toMatchObject([{ version: 1, row: NEW_ROW, replaces }]);
    });

    it('a new entity becomes due only to the targets that it qualifies for', async () => {
      await place.store.beginRebuild(REBUILD);
      await exchange();
      await commitChanges(place.store, change('known', 0, { delivery: DUE }), change('new', 0));
      await place.store.settleDeliveries([settlement(await claimInSettling(), 'delivered')]);
      expect(await place.store.ledgerOf(['known', 'new'])).toEqual(
        TARGETS.map((target) => ({ target, entityId: 'known', dueVersion: 1 })),
      );
      const only = { hasChanged: true, qualifiesFor: [TARGETS[1]] };
      const settled = await settle(
        { entityId: 'known', version: 1, isNew: true, delivery: { hasChanged: true, qualifiesFor: [] } },
        { entityId: 'new', version: 1, isNew: true, delivery: only },
      );
      expect(settled).toEqual({ due: 1, stale: [] });
      expect(await place.store.readDelivery(TARGET, 'known')).toMatchObject({ status: 'delivered' });
      expect(await place.store.readDelivery(TARGET, 'new')).toBeNull();

      /** Ends the settling only for one claim. */
      async function claimInSettling() {
        await harness.rawQuery("UPDATE view_states SET phase = 'steady'");
        const claimed = await claimOnly(place.store);
        await harness.rawQuery("UPDATE view_states SET phase = 'settling'");
        return claimed;
      }
    });

    it('a sweep that began before an exchange makes nothing due after it', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      await place.store.settleDeliveries([settlement(await claimOnly(place.store), 'delivered')]);
      const { epoch } = await place.store.viewState();
      const again = { target: TARGET, delivered: [{ entityId: 'parcel', version: 1 }] };
      await place.store.awaitFold(2);
      expect(await place.store.makeDueAgain({ ...again, viewEpoch: epoch })).toBe(0);
      expect(await place.store.makeDueAgain({ ...again, viewEpoch: epoch + 1 })).toBe(1);
    });

    it('a program with another column keeps the table, and gets the column by the rebuild', async () => {
      await commitChanges(place.store, change('parcel', 0, { delivery: DUE }));
      const columns = [...PARCELS.columns, { name: 'carrier', type: 'text' } as const];
      const other = await harness.openAgain({ clock: place.clock, targets: TARGETS });
      const options = { ...parcelMigration(place.clock), view: { ...PARCELS, columns }, foldVersion: 2 };
      const { store, report } = await other.migrate(options);
      expect(report).toMatchObject({ viewIsEmpty: false, notes: [] });
      expect(await store.viewState()).toMatchObject({ columns: PARCELS.columns, foldVersion: 1 });
      expect((await store.readView(['parcel'])).get('parcel')).toEqual({ row: [...ROW, null], version: 1 });
      expect(await claimAll(store)).toEqual([]);
      expect(await store.listOwed({ target: TARGET, after: null, limit: 9 })).toHaveLength(1);
      await commitChanges(store, change('parcel', 1, { row: null }));

      await store.beginRebuild({ ...REBUILD, columns });
      const row = [...ROW, 'Posten'];
      const rows = [{ entityId: 'parcel', version: 2, row }];
      await store.writeRebuilt({ rebuildId: 'rebuild-1', epoch: null, rows });
      expect(await store.compareRows('rebuilt', ALL)).toMatchObject({ differences: [] });
      const epoch = (await store.beginSwitch('rebuild-1')) ?? 0;
      await store.exchange({ rebuildId: 'rebuild-1', epoch, waitSeconds: 2 });
      await store.endSettling('rebuild-1');
      expect(await store.viewState()).toMatchObject({ columns, foldVersion: 2 });
      expect((await store.readView(['parcel'])).get('parcel')).toEqual({ row, version: 2 });
      expect(await claimAll(store)).toMatchObject([{ version: 1, row }]);
      await commitChanges(store, change('parcel', 2, { row: [...NEW_ROW, 'Bring'] }));
      // The older program finds a table with more columns than it knows, and claims nothing.
      expect(await claimAll(place.store)).toEqual([]);
    });

    it('the record follows a view that is made anew', async () => {
      await place.store.awaitFold(2);
      await harness.rawQuery('DROP TABLE parcels');
      expect(await place.store.remakeView()).toBe(true);
      expect(await place.store.viewState()).toMatchObject({ foldVersion: 1, awaitedFold: null });
    });
  });

  /** Claims everything that is due to the first target. */
  function claimAll(store: Store) {
    return claimDue(store, { target: TARGET, claimant: crypto.randomUUID(), limit: 10, leaseMs: 30_000 });
  }
}
