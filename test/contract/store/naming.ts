import { afterEach, describe, expect, it } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import type { StoreNaming } from '../../../src/core/table-names.ts';
import type { AdoptedEntity, MigrationOptions } from '../../../src/ports/migration.ts';
import type { Store } from '../../../src/ports/store.ts';
import { claimDue, LEASE_MS, settlement } from './delivery-helpers.ts';
import {
  acquireOne,
  batchOf,
  change,
  commitChanges,
  DUE,
  move,
  PARCELS,
  parcelMigration,
  ROW,
  SettableClock,
  type StoreHarness,
  TARGET,
  TARGETS,
} from './fixtures.ts';

const LETTERS: MigrationOptions['view'] = {
  table: 'letters',
  keyColumn: 'letter_id',
  columns: [
    { name: 'sender', type: 'text' },
    { name: 'stamps', type: 'integer' },
  ],
};
const LETTER: ViewRow = ['Ada', 2];

/** Names that SQL takes only in quotes, and some that it would take for something else without them. */
const ODD: StoreNaming = {
  viewTable: 'order "items" `2026`; -- ü.x',
  viewColumns: new Map([
    ['parcel_id', 'select'],
    ['place', 'Group by'],
    ['is_fragile', "it's `fragile`"],
    ['weight_grams', 'deliveries'],
  ]),
};

const NEW_ROW: ViewRow = ['Bergen', false, 5];

/** Tests that several pipelines share a database, and that tables and columns may have any names. */
export function describeNaming(harness: StoreHarness): void {
  /** The simulated database has no names, and a user who may make no tables cannot name them. */
  const isLeftOut = harness.isSimulated === true || harness.canMakeTables === false;
  describe.skipIf(isLeftOut)('the names of tables', () => {
    const clock = new SettableClock();
    const settings = { clock, targets: TARGETS };
    afterEach(() => harness.cleanup());

    const letterMigration = (): MigrationOptions => ({ ...parcelMigration(clock), view: LETTERS });
    const openFirst = async (naming: StoreNaming, options = parcelMigration(clock)) =>
      (await (await harness.open({ ...settings, naming })).migrate(options)).store;
    const openNext = async (naming: StoreNaming, options = parcelMigration(clock)) =>
      (await (await harness.openAgain({ ...settings, naming })).migrate(options)).store;

    async function rebuild(store: Store, view: MigrationOptions['view'], rows: readonly [string, ViewRow][]) {
      const rebuildId = `rebuild of ${view.table}`;
      await store.beginRebuild({ rebuildId, foldVersion: 2, columns: view.columns });
      const written = rows.map(([entityId, row]) => ({ entityId, row, version: 1 }));
      expect(await store.writeRebuilt({ rebuildId, epoch: null, rows: written })).toBe(true);
      const epoch = (await store.beginSwitch(rebuildId)) ?? 0;
      await store.exchange({ rebuildId, epoch, waitSeconds: 2 });
      await store.endSettling(rebuildId);
      await store.dropFormer();
    }

    it('two domains live side by side in one database, and neither sees what the other has', async () => {
      const parcels = await openFirst({ tablePrefix: 'a_' });
      const letters = await openNext({ tablePrefix: 'b_' }, letterMigration());
      const ofParcels = await acquireOne(parcels);
      const ofLetters = await acquireOne(letters);
      expect(ofLetters).toMatchObject({ isNew: true, epoch: ofParcels.epoch });
      const parcel = change('one', 0, { row: ROW, delivery: DUE });
      const letter = change('one', 0, { row: LETTER, delivery: DUE });
      expect(await parcels.commit(batchOf([move(ofParcels)], [parcel]))).toMatchObject({ kind: 'committed' });
      expect(await letters.counts()).toMatchObject({ journaledEvents: 0, viewRows: 0, deliveriesPending: 0 });
      expect(await letters.commit(batchOf([move(ofLetters)], [letter]))).toMatchObject({ kind: 'committed' });
      expect(await letters.storeId()).not.toBe(await parcels.storeId());

      const request = { target: TARGET, claimant: 'me', limit: 10, leaseMs: LEASE_MS };
      const claimed = await claimDue(parcels, request);
      expect(claimed.map(({ row }) => row)).toEqual([ROW]);
      await parcels.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'delivered')));
      expect((await claimDue(letters, request)).map(({ row }) => row)).toEqual([LETTER]);
      const decision = { decidedBy: 'me', reason: 'a test', decidedAtMs: 1 };
      await parcels.hold({ kind: 'ingest' }, decision);
      expect(await letters.listHolds()).toEqual([]);

      const before = await letters.viewState();
      await rebuild(parcels, PARCELS, [['one', NEW_ROW]]);
      expect(await letters.viewState()).toEqual(before);
      expect((await letters.checkpoints()).map(({ epoch }) => epoch)).toEqual([ofLetters.epoch]);
      await rebuild(letters, LETTERS, [['one', ['Grace', 1]]]);
      const again = await openNext({ tablePrefix: 'a_' }, { ...parcelMigration(clock), foldVersion: 2 });
      expect(await again.readView(['one'])).toEqual(new Map([['one', { row: NEW_ROW, version: 1 }]]));
      const page = { after: null, limit: 10 };
      expect(await letters.listEntities(page)).toEqual(['one']);
      const [record] = await letters.readEntities(['one'], 10);
      expect(record).toMatchObject({ row: { row: ['Grace', 1] }, version: 1 });
      expect(record?.ledger.map(({ entry }) => entry?.status)).toEqual(['pending', 'pending']);

      await harness.rawQuery('DROP TABLE parcels');
      expect(await parcels.remakeView()).toBe(true);
      expect(await letters.remakeView()).toBe(false);
      expect(await letters.incarnation()).not.toBe(await parcels.incarnation());
    });

    it('a pipeline with a prefix joins one without, whose tables keep their plain names', async () => {
      const parcels = await openFirst({ tablePrefix: '' });
      await commitChanges(parcels, change('one', 0));
      const letters = await openNext({ tablePrefix: 'letters_of_' }, letterMigration());
      await commitChanges(letters, change('one', 0, { row: LETTER }), change('two', 0, { row: LETTER }));
      expect(await parcels.counts()).toMatchObject({ journaledEvents: 1, viewRows: 1 });
      const again = await openNext({ tablePrefix: 'letters_of_' }, letterMigration());
      expect(await again.counts()).toMatchObject({ journaledEvents: 2, viewRows: 2 });
    });

    it('a table and columns with odd names are written, read, listed, rebuilt and made again', async () => {
      const store = await openFirst(ODD);
      await commitChanges(store, change('a', 0, { delivery: DUE }), change('b', 0, { row: NEW_ROW }));
      await commitChanges(store, change('a', 1, { row: ['Oslo', false, 9] }));
      expect(await store.readView(['a', 'b'])).toEqual(
        new Map([
          ['a', { row: ['Oslo', false, 9], version: 2 }],
          ['b', { row: NEW_ROW, version: 1 }],
        ]),
      );
      const conditions = [
        { columns: ['place'], value: 'Bergen' },
        { columns: ['is_fragile'], value: false },
        { columns: ['weight_grams'], value: 5 },
      ];
      const found = await store.listView({ conditions, after: null, limit: 10, scan: 100 });
      expect(found.rows).toEqual([{ entityId: 'b', row: NEW_ROW, version: 1 }]);
      expect((await store.viewState()).columns).toEqual(PARCELS.columns);

      await rebuild(store, PARCELS, [
        ['a', ROW],
        ['b', ROW],
      ]);
      const again = await openNext(ODD, { ...parcelMigration(clock), foldVersion: 2 });
      expect((await again.readView(['a'])).get('a')?.row).toEqual(ROW);
      expect(await again.viewState()).toMatchObject({ foldVersion: 2, columns: PARCELS.columns });
      const [first] = await again.readEntities(['b'], 10);
      expect(first?.row?.row).toEqual(ROW);
      const read = await (await harness.openAgain({ ...settings, naming: ODD })).toRead(PARCELS);
      expect((await read.readView(['b'])).get('b')?.row).toEqual(ROW);
    });

    it("another program's table is taken over under its own name and with the names of its columns", async () => {
      const opened = await harness.open({
        ...settings,
        naming: {
          viewTable: 'old parcels',
          viewColumns: new Map([
            ['parcel_id', 'id'],
            ['is_fragile', 'order'],
          ]),
        },
      });
      const quote = await quoteOf(harness);
      await harness.rawQuery(
        `CREATE TABLE ${quote('old parcels')} (id VARCHAR(50) PRIMARY KEY, ${quote('order')} BOOLEAN, ` +
          'place VARCHAR(50), weight_grams BIGINT)',
      );
      await harness.rawQuery(`INSERT INTO ${quote('old parcels')} VALUES ('a', 1, 'Oslo', 7)`);
      const adopt = (_: string, row: ViewRow): AdoptedEntity => ({ events: [], row, delivery: 'none' });
      const options = { ...parcelMigration(clock), adopt };
      expect(await opened.examineView(options)).toMatchObject({ verdict: 'take', rows: 1, findings: [] });
      const { store, report } = await opened.migrate(options);
      expect(report.adoptedRows).toBe(1);
      expect((await store.readView(['a'])).get('a')?.row).toEqual(['Oslo', true, 7]);
      expect(await harness.rawQuery(`SELECT id FROM ${quote('old parcels_original')}`)).toHaveLength(1);
    });

    it('a table is taken over beside another pipeline, whose triggers have its name in their message', async () => {
      await openFirst({ tablePrefix: 'a_' });
      await harness.rawQuery(
        'CREATE TABLE events (parcel_id VARCHAR(50) PRIMARY KEY, is_fragile BOOLEAN, place VARCHAR(50), weight_grams BIGINT)',
      );
      await harness.rawQuery("INSERT INTO events VALUES ('a', 1, 'Oslo', 7)");
      const adopt = (_: string, row: ViewRow): AdoptedEntity => ({ events: [], row, delivery: 'none' });
      const options = { ...parcelMigration(clock), adopt };
      const store = await openNext({ tablePrefix: 'b_', viewTable: 'events' }, options);
      expect((await store.readView(['a'])).get('a')?.row).toEqual(['Oslo', true, 7]);
    });

    it('an unrelated table of the name is refused with two ways out, and one of them works', async () => {
      const opened = await harness.open({ ...settings, naming: {} });
      await harness.rawQuery('CREATE TABLE parcels (id INT, size INT)');
      const adopt = (_: string, row: ViewRow): AdoptedEntity => ({ events: [], row, delivery: 'none' });
      await expect(opened.migrate({ ...parcelMigration(clock), adopt })).rejects.toMatchObject({
        code: 'view_not_adoptable',
        message: expect.stringMatching(/ORDER_SYNC_TABLE\) or a database of its own \(another DATABASE_URL/),
      });
      const store = await openNext({ viewTable: 'synced_parcels' });
      await commitChanges(store, change('a', 0));
      expect(await store.counts()).toMatchObject({ viewRows: 1 });
      expect(await harness.rawQuery('SELECT * FROM parcels')).toEqual([]);
    });

    it('another domain or another name for the view is refused on tables that have one', async () => {
      const store = await openFirst({ tablePrefix: 'a_' });
      await commitChanges(store, change('one', 0));
      const refusal = (naming: StoreNaming, options?: MigrationOptions) =>
        expect(openNext({ tablePrefix: 'a_', ...naming }, options)).rejects;
      const other = {
        code: 'store_refused',
        message: expect.stringMatching(
          /the view "parcels".*ORDER_SYNC_TABLE to "parcels".*ORDER_SYNC_TABLE_PREFIX/,
        ),
      };
      await refusal({}, letterMigration()).toMatchObject(other);
      await refusal({ viewTable: 'packages' }).toMatchObject(other);
      await refusal({ viewColumns: new Map([['place', 'town']]) }).toMatchObject({
        code: 'store_refused',
        message: expect.stringMatching(/columns place.*they would be town, .*ORDER_SYNC_COLUMNS/),
      });
      expect(await (await openNext({ tablePrefix: 'a_' })).counts()).toMatchObject({ viewRows: 1 });
    });

    it('the view of another pipeline is left alone, and the refusal names the setting', async () => {
      const store = await openFirst({ tablePrefix: 'a_' });
      await commitChanges(store, change('one', 0));
      await expect(openNext({ tablePrefix: 'b_' })).rejects.toMatchObject({
        code: 'view_not_adoptable',
        message: expect.stringMatching(/another pipeline .*ORDER_SYNC_TABLE/),
      });
      expect(await store.counts()).toMatchObject({ viewRows: 1 });
    });

    it.each<[string, StoreNaming, string, RegExp]>([
      ['a prefix with a capital', { tablePrefix: 'A_' }, 'setting_invalid', /lower-case/],
      ['a prefix with a quote', { tablePrefix: 'a`; DROP' }, 'setting_invalid', /lower-case/],
      ['a table with a question mark', { viewTable: 'what?' }, 'setting_invalid', /question mark/],
      ['a table that is too long', { viewTable: 'x'.repeat(55) }, 'setting_invalid', /1 to 54 characters/],
      ['a table of the store', { viewTable: 'Checkpoints' }, 'domain_invalid', /has a table of that name/],
      [
        'a column that the view lacks',
        { viewColumns: new Map([['colour', 'x']]) },
        'setting_invalid',
        /no column "colour"/,
      ],
      [
        'two columns with one name',
        { viewColumns: new Map([['place', 'Weight_Grams']]) },
        'setting_invalid',
        /would be called "weight_grams"/,
      ],
      [
        'a column called version',
        { viewColumns: new Map([['place', 'VERSION']]) },
        'setting_invalid',
        /"version"/,
      ],
    ])('refuses %s', async (_, naming, code, message) => {
      await expect(openFirst(naming)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    });
  });
}

/** Quotes a name as the database does. */
async function quoteOf(harness: StoreHarness): Promise<(name: string) => string> {
  const isSqlite = await harness.rawQuery('SELECT sqlite_version()').then(
    () => true,
    () => false,
  );
  return (name) => (isSqlite ? `"${name}"` : `\`${name}\``);
}
