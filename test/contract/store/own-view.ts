import { afterEach, describe, expect, it } from 'vitest';
import type { AdoptedEntity, MigrationOptions } from '../../../src/ports/migration.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import {
  change,
  commitChanges,
  migrateParcels,
  parcelMigration,
  ROW,
  SettableClock,
  type StoreHarness,
  TARGETS,
} from './fixtures.ts';
import { asBefore } from './older-schema.ts';

const ORDERS: MigrationOptions['view'] = {
  table: 'orders',
  keyColumn: 'order_id',
  columns: [
    { name: 'order_status', type: 'text' },
    { name: 'payment_status', type: 'text' },
    { name: 'review_status', type: 'text' },
    { name: 'ready_to_send', type: 'boolean' },
  ],
};

const adopt = (_: string, row: AdoptedEntity['row']): AdoptedEntity => ({
  events: [],
  row,
  delivery: 'none',
});

/** Every table beside the view, of both kinds of schema. */
const BESIDE = [
  'view_states',
  'event_journal',
  'journal_segments',
  'journal_places',
  'journal_index',
  'fold_snapshots',
  'deliveries',
  'delivery_attempts',
  'delivery_repairs',
  'delivery_senders',
  'redrive_jobs',
  'jobs',
  'audit_log',
  'holds',
  'sweeps',
  'store_time',
  'parked_entities',
  'quarantine',
  'checkpoints',
  'checkpoint_decisions',
  'view_records',
  'store_identity',
  'group_decisions',
  'schema_migrations',
];

/** Tests that a store recognises its own tables by its records, and examines everything before it changes anything. */
export function describeOwnView(harness: StoreHarness): void {
  const clock = new SettableClock();
  const settings = { clock, targets: TARGETS };
  const tableName = (plain: string) => harness.tableName?.(plain) ?? plain;

  async function openWithParcel(): Promise<OpenedStore> {
    const store = await migrateParcels(await harness.open(settings), clock);
    await commitChanges(store, change('parcel', 0, { row: ROW }));
    return harness.openAgain(settings);
  }

  async function refusalOf(opened: OpenedStore, options: MigrationOptions): Promise<Error> {
    const refusal: unknown = await opened.migrate(options).then(
      () => null,
      (error: unknown) => error,
    );
    if (refusal instanceof Error) return refusal;
    throw new Error('The store took what it had to refuse.');
  }

  describe('a view of its own', () => {
    afterEach(() => harness.cleanup());

    it('a renamed view is made again, and its rows are reported as missing', async () => {
      const opened = await openWithParcel();
      await harness.rawQuery('ALTER TABLE parcels RENAME TO parcels_elsewhere');
      const { report, store } = await opened.migrate(parcelMigration(clock));
      expect(report).toMatchObject({ viewIsEmpty: true, adoptedRows: 0 });
      expect(await store.counts()).toMatchObject({ journaledEvents: 1, viewRows: 0 });
    });

    it('an altered view is put aside and made again', async () => {
      const opened = await openWithParcel();
      await harness.rawQuery('ALTER TABLE parcels DROP COLUMN place');
      const { report } = await opened.migrate(parcelMigration(clock));
      expect(report).toMatchObject({ viewIsEmpty: true });
      expect(report.notes.join()).toMatch(/altered \(it has no column place\).*"parcels_altered"/);
      expect(await harness.rawQuery('SELECT parcel_id FROM parcels_altered')).toHaveLength(1);
      const again = await opened.migrate(parcelMigration(clock));
      expect(again.report).toMatchObject({ viewIsEmpty: false, notes: [] });
    });

    it('a view keeps columns and indexes that somebody added for reading', async () => {
      const opened = await openWithParcel();
      await harness.rawQuery('ALTER TABLE parcels ADD COLUMN remark VARCHAR(20)');
      await harness.rawQuery('CREATE INDEX by_place ON parcels (place)');
      const { report, store } = await opened.migrate(parcelMigration(clock));
      expect(report).toMatchObject({ viewIsEmpty: false, notes: [] });
      await commitChanges(store, change('parcel', 1), change('other', 0));
      expect((await store.readView(['other'])).get('other')).toMatchObject({ version: 1 });
    });

    it("a start tells our view, which is gone, from another program's table in its place", async () => {
      const opened = await openWithParcel();
      await harness.rawQuery('DROP TABLE parcels');
      await harness.rawQuery('CREATE TABLE parcels (parcel_id VARCHAR(20), place VARCHAR(20))');
      const refusal = await refusalOf(opened, parcelMigration(clock));
      expect(refusal).toMatchObject({ code: 'view_not_adoptable', retryable: false });
      expect(refusal.message).toMatch(
        /own view "parcels" is gone.*another program's table.*from the journal/,
      );
      expect(await harness.rawQuery('SELECT * FROM parcels')).toEqual([]);
    });

    it('a start recognises our view if all tables beside it were dropped', async () => {
      const opened = await openWithParcel();
      for (const name of BESIDE) {
        for (const kind of ['VIEW', 'TABLE'])
          await harness.rawQuery(`DROP ${kind} IF EXISTS ${name}`).catch(() => undefined);
      }
      const refusal = await refusalOf(opened, parcelMigration(clock));
      expect(refusal).toMatchObject({ code: 'view_not_adoptable' });
      expect(refusal.message).toMatch(/a view that Tributary made.*journal.*gone.*backup/);
    });

    it.skipIf(harness.isSimulated)('the upgrade records a view that an older version made', async () => {
      const opened = await openWithParcel();
      const version = await asBefore(harness, 'view-records');
      const { report, store } = await opened.migrate(parcelMigration(clock));
      expect(report).toMatchObject({ fromVersion: version, viewIsEmpty: false });
      expect(await harness.rawQuery('SELECT view_name FROM view_records')).toEqual([
        { view_name: 'parcels' },
      ]);
      expect((await store.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 1 });
    });
  });

  describe('tables beside the view', () => {
    afterEach(() => harness.cleanup());

    it('a start names the tables that somebody dropped, and makes none in their place', async () => {
      const opened = await openWithParcel();
      await harness.rawQuery('DROP TABLE checkpoints');
      await harness.rawQuery('DROP TABLE quarantine');
      const refusal = await refusalOf(opened, parcelMigration(clock));
      expect(refusal).toMatchObject({ code: 'table_missing', retryable: true });
      expect(refusal.message).toContain(`"${tableName('quarantine')}", "${tableName('checkpoints')}"`);
      expect(refusal.message).toContain('backup');
      await expect(harness.rawQuery('SELECT * FROM checkpoints')).rejects.toThrow();
    });

    it('a start refuses tables that belong to another view, and makes none for its own', async () => {
      const opened = await openWithParcel();
      const refusal = await refusalOf(opened, { view: ORDERS, targets: TARGETS, adopt, nowMs: 1 });
      expect(refusal).toMatchObject({ code: 'store_refused', retryable: false });
      expect(refusal.message).toMatch(/the view "parcels".*ORDER_SYNC_TABLE_PREFIX/);
      await expect(harness.rawQuery('SELECT * FROM orders')).rejects.toThrow();
      const store = await migrateParcels(opened, clock);
      expect((await store.readView(['parcel'])).get('parcel')).toEqual({ row: ROW, version: 1 });
    });

    it.each([
      ['deliveries', 'CREATE TABLE deliveries (id INT)'],
      ['schema_migrations', 'CREATE TABLE schema_migrations (version VARCHAR(255))'],
    ])('a start refuses a database whose table %s belongs to another program', async (name, sql) => {
      const opened = await harness.open(settings);
      await harness.rawQuery(sql);
      const refusal = await refusalOf(opened, parcelMigration(clock));
      expect(refusal).toMatchObject({ code: 'table_names_taken', retryable: false });
      expect(refusal.message).toContain(`"${tableName(name)}"`);
      expect(refusal.message).toMatch(/database of its own.*ORDER_SYNC_TABLE_PREFIX/);
      await expect(harness.rawQuery('SELECT * FROM checkpoints')).rejects.toThrow();
    });
  });

  describe('examineView', () => {
    afterEach(() => harness.cleanup());
    const options: MigrationOptions = { view: ORDERS, targets: TARGETS, adopt, nowMs: 1 };

    it('examineView names every obstacle with its remedy, and changes nothing', async () => {
      const opened = await harness.open(settings);
      await harness.rawQuery(
        'CREATE TABLE orders (ORDER_ID VARCHAR(50), order_status VARCHAR(50), payment_status VARCHAR(50), ' +
          'review_status VARCHAR(50), ready_to_send VARCHAR(9), total INT)',
      );
      await harness.rawQuery(
        "INSERT INTO orders VALUES ('a', NULL, NULL, NULL, 'Y', 1), ('a', NULL, NULL, NULL, 'maybe', 2), (NULL, NULL, NULL, NULL, 'N', 3)",
      );
      await harness.rawQuery('CREATE VIEW ready AS SELECT * FROM orders');
      const report = await opened.examineView(options);
      expect(report).toMatchObject({ verdict: 'refuse', rows: 3 });
      expect(report.findings.map(({ code }) => code).sort()).toEqual([
        'flag_unclear',
        'id_doubled',
        'id_null',
        'other_columns',
        'view',
      ]);
      for (const { remedy } of report.findings) expect(remedy).toMatch(/\w+.*\.$/);
      const refusal = await refusalOf(opened, options);
      for (const { problem } of report.findings) expect(refusal.message).toContain(problem);
      await expect(harness.rawQuery('SELECT * FROM schema_migrations')).rejects.toThrow();
      expect(await harness.rawQuery('SELECT * FROM ready')).toHaveLength(3);
    });

    it('examineView says what a start would do with no table, with a fine table, and with our view', async () => {
      const opened = await harness.open(settings);
      expect(await opened.examineView(options)).toMatchObject({ verdict: 'absent', findings: [] });
      await harness.makeOriginalOrdersTable([['a', 'CREATED', null, null, false]]);
      expect(await opened.examineView(options)).toMatchObject({ verdict: 'take', rows: 1 });
      await opened.migrate(options);
      expect(await opened.examineView(options)).toMatchObject({ verdict: 'ours', findings: [] });
    });

    it('migrate leaves other columns behind only if a person said so', async () => {
      const opened = await harness.open(settings);
      await harness.makeOriginalOrdersTable([['a', 'CREATED', null, null, false]]);
      await harness.rawQuery('ALTER TABLE orders ADD COLUMN version INT DEFAULT 7');
      const choices = { leavesOtherColumns: true, takesDeletedRows: false };
      expect(await opened.examineView(options)).toMatchObject({ verdict: 'refuse' });
      const { report } = await opened.migrate({ ...options, choices });
      expect(report).toMatchObject({ adoptedRows: 1 });
      expect(await harness.rawQuery('SELECT version FROM orders_original')).toEqual([{ version: 7 }]);
    });
  });
}
