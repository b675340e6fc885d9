import { afterEach, describe, expect, it } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import type { AdoptedEntity, MigrationOptions } from '../../../src/ports/migration.ts';
import type { Store } from '../../../src/ports/store.ts';
import {
  batchOf,
  change,
  commitChanges,
  DUE,
  event,
  migrateParcels,
  NOT_READY,
  type OriginalOrder,
  PARCELS,
  parcelMigration,
  ROW,
  SettableClock,
  type StoreHarness,
  TARGETS,
} from './fixtures.ts';

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

/** Ids that differ even in a collation that folds case and accents, ignores blanks and treats all emoji alike. */
const ORIGINAL_IDS = [
  'A1',
  'x y ',
  '\u202eabc',
  "'; DROP TABLE orders; --",
  '"quoted"',
  '`ticked`',
  'back\\slash',
  '%',
  '=1+1',
  '__proto__',
  'NULL',
  '😀',
  `${'ä'.repeat(127)}x`,
];

/** Gives one baseline event for each status. A row that was sent counts as sent, and one marked "due" as due. */
function adopt(entityId: string, row: ViewRow): AdoptedEntity {
  const statuses = row.slice(0, 3);
  if (statuses.includes('NONSENSE')) throw new Error('Nobody knows the status NONSENSE.');
  const events = statuses.flatMap((status, index) =>
    status === null
      ? []
      : [event(entityId, index + 1, { eventType: 'BASELINE', occurredAtMs: Date.UTC(1000, 0, 1) })],
  );
  const isDue = statuses.includes('DECLINED') || statuses.includes('DUE');
  const delivery = row[3] === true ? 'sent' : isDue ? 'due' : 'none';
  return { events, row, delivery };
}

export function describeMigration(harness: StoreHarness): void {
  const settings = () => ({ clock: new SettableClock(), targets: TARGETS });

  describe('migrate', () => {
    afterEach(() => harness.cleanup());

    it('an opened store has no method that needs the schema or the view', async () => {
      const opened = await harness.open(settings());
      // @ts-expect-error Only `migrate` gives a store that commits.
      expect(opened.commit).toBeUndefined();
      // @ts-expect-error Only `migrate` gives a store that knows its view.
      expect(opened.readView).toBeUndefined();
    });

    it('an opened store refuses to administrate a database without tables, and makes none', async () => {
      const opened = await harness.open(settings());
      await expect(opened.checkpoints()).rejects.toMatchObject({ name: 'TributaryError' });
      await expect(opened.readJob('job')).rejects.toMatchObject({ name: 'TributaryError' });
      await expect(harness.rawQuery('SELECT * FROM checkpoints')).rejects.toThrow();
    });

    it('migrate makes the schema once, and leaves it and the data alone from then on', async () => {
      const { clock, targets } = settings();
      const opened = await harness.open({ clock, targets });
      const { report: first, store } = await opened.migrate(parcelMigration(clock));
      expect(first).toMatchObject({ fromVersion: 0, adoptedRows: 0 });
      expect(first.toVersion).toBeGreaterThan(0);
      await commitChanges(store, change('parcel', 0, { delivery: DUE }));
      const counts = await store.counts();

      const again = { fromVersion: first.toVersion, toVersion: first.toVersion, adoptedRows: 0 };
      expect((await opened.migrate(parcelMigration(clock))).report).toMatchObject(again);
      const other = await harness.openAgain({ clock, targets });
      const { report, store: otherStore } = await other.migrate(parcelMigration(clock));
      expect(report).toMatchObject(again);
      expect(await otherStore.counts()).toEqual(counts);
    });

    it('several instances may migrate at once', async () => {
      const { clock, targets } = settings();
      const opened = [await harness.open({ clock, targets })];
      for (let count = 1; count < 4; count++) opened.push(await harness.openAgain({ clock, targets }));

      const migrated = await Promise.all(opened.map((each) => each.migrate(parcelMigration(clock))));

      expect(migrated.filter(({ report }) => report.fromVersion === 0)).toHaveLength(1);
      await commitChanges(migrated[0]?.store as Store, change('parcel', 0));
      expect((await migrated[3]?.store.readView(['parcel']))?.get('parcel')).toEqual({
        row: ROW,
        version: 1,
      });
      const applied = await harness.rawQuery('SELECT version FROM schema_migrations');
      expect(new Set(applied.map(({ version }) => Number(version))).size).toBe(applied.length);
    });

    it('migrate refuses a schema that a later program made, and changes nothing', async () => {
      const { clock, targets } = settings();
      const store = await migrateParcels(await harness.open({ clock, targets }), clock);
      await commitChanges(store, change('parcel', 0));
      await harness.rawQuery(
        "INSERT INTO schema_migrations (version, name, applied_at) SELECT 9999, 'later', applied_at FROM schema_migrations WHERE version = 1",
      );
      const older = await harness.openAgain({ clock, targets });
      await expect(older.migrate(parcelMigration(clock))).rejects.toMatchObject({
        code: 'schema_too_new',
        retryable: false,
      });
      expect(await harness.rawQuery('SELECT * FROM parcels')).toHaveLength(1);
    });
  });

  describe("adoption of the original's table", () => {
    afterEach(() => harness.cleanup());

    async function openWith(rows: readonly OriginalOrder[]) {
      const clock = new SettableClock();
      const opened = await harness.open({ clock, targets: TARGETS });
      await harness.makeOriginalOrdersTable(rows);
      const options: MigrationOptions = { view: ORDERS, targets: TARGETS, adopt, nowMs: clock.now() };
      return { opened, clock, options };
    }

    it("adoption keeps the rows, journals their events, and puts our columns after the original's", async () => {
      const { opened, options } = await openWith([
        ['order1', 'CREATED', 'PAID', null, true],
        ['order2', null, 'PAID', null, false],
      ]);

      const { report, store } = await opened.migrate(options);
      expect(report).toMatchObject({ adoptedRows: 2 });

      expect(await store.readView(['order1', 'order2'])).toEqual(
        new Map([
          ['order1', { row: ['CREATED', 'PAID', null, true], version: 2 }],
          ['order2', { row: [null, 'PAID', null, false], version: 1 }],
        ]),
      );
      const journals = await store.readJournals(['order1', 'order2']);
      expect(journals.get('order1')?.map(({ position, eventType }) => [position, eventType])).toEqual([
        [1, 'BASELINE'],
        [2, 'BASELINE'],
      ]);
      expect(journals.get('order2')?.map(({ position }) => position)).toEqual([2]);
      const [row] = await harness.rawQuery('SELECT * FROM orders');
      expect(Object.keys(row ?? {})).toEqual([
        'order_id',
        'order_status',
        'payment_status',
        'review_status',
        'ready_to_send',
        'version',
      ]);
    });

    it('adoption happens once, and never again', async () => {
      const { opened, clock, options } = await openWith([['order1', 'CREATED', null, null, false]]);
      const { store } = await opened.migrate(options);
      await commitChanges(store, change('order1', 1, { row: ['CREATED', 'PAID', null, true] }));
      const other = await harness.openAgain({ clock, targets: TARGETS });
      const again = await other.migrate(options);
      expect(again.report).toMatchObject({ adoptedRows: 0 });
      expect((await again.store.readView(['order1'])).get('order1')?.version).toBe(2);
    });

    it('adoption is done by one of several instances that start at once', async () => {
      const rows = Array.from(
        { length: 50 },
        (_, n): OriginalOrder => [`order${n}`, 'CREATED', null, null, false],
      );
      const { opened, clock, options } = await openWith(rows);
      const other = await harness.openAgain({ clock, targets: TARGETS });
      const [first, second] = await Promise.all([opened.migrate(options), other.migrate(options)]);
      expect([first.report.adoptedRows, second.report.adoptedRows].sort()).toEqual([0, 50]);
      expect(await second.store.counts()).toMatchObject({ journaledEvents: 50, viewRows: 50 });
    });

    it('adoption keeps ids that the original could hold, byte for byte', async () => {
      const { opened, options } = await openWith(
        ORIGINAL_IDS.map((id) => [id, 'CREATED', null, null, false]),
      );

      const { store } = await opened.migrate(options);

      expect(new Set((await store.readView(ORIGINAL_IDS)).keys())).toEqual(new Set(ORIGINAL_IDS));
      const journals = await store.readJournals(ORIGINAL_IDS);
      for (const id of ORIGINAL_IDS) expect(journals.get(id)?.map(({ entityId }) => entityId)).toEqual([id]);
    });

    it('adoption takes sent states as delivered, states to send as due, and the rest as neither', async () => {
      const { opened, clock, options } = await openWith([
        ['sent', 'CREATED', 'PAID', null, true],
        ['due', 'CREATED', 'DUE', null, false],
        ['declined', 'CREATED', 'PAID', 'DECLINED', false],
        ['none', 'CREATED', null, null, false],
      ]);
      const { store } = await opened.migrate(options);

      for (const target of TARGETS) {
        expect(await store.readDelivery(target, 'sent')).toMatchObject({
          status: 'delivered',
          dueVersion: 2,
          deliveredVersion: 2,
          nextAttemptAtMs: null,
        });
        expect(await store.readDelivery(target, 'due')).toMatchObject({
          status: 'pending',
          dueVersion: 2,
          deliveredVersion: null,
          attempts: 0,
          nextAttemptAtMs: clock.now(),
        });
        expect(await store.readDelivery(target, 'none')).toBeNull();
      }

      // A state that was sent or due is sent again when it no longer qualifies.
      const row: ViewRow = ['CREATED', null, null, false];
      const withdraw = (id: string, fromVersion: number) =>
        commitChanges(store, change(id, fromVersion, { events: [event(id, 9)], delivery: NOT_READY, row }));
      expect(await withdraw('sent', 2)).toBe(TARGETS.length);
      expect(await withdraw('declined', 3)).toBe(TARGETS.length);
      expect(await withdraw('due', 2)).toBe(TARGETS.length);
      expect(await withdraw('none', 1)).toBe(0);
    });

    it('adoption keeps a row that says nothing, and its first event finds it', async () => {
      const { opened, options } = await openWith([['blank', null, null, null, false]]);
      const { store } = await opened.migrate(options);
      expect((await store.readView(['blank'])).get('blank')).toEqual({
        row: [null, null, null, false],
        version: 0,
      });

      // Without a lock a store may take the row for another program's. With a lock, version 0 is fine.
      const first = change('blank', 0, { row: ['CREATED', null, null, false] });
      expect(await store.commit(batchOf([], [first], { mode: 'locking' }))).toMatchObject({
        kind: 'committed',
      });

      expect((await store.readView(['blank'])).get('blank')).toEqual({
        row: ['CREATED', null, null, false],
        version: 1,
      });
    });

    it('adoption reads more rows than one page holds', async () => {
      const rows = Array.from(
        { length: 2_500 },
        (_, n): OriginalOrder => [`order ${n}`, 'CREATED', 'PAID', null, true],
      );
      const { opened, options } = await openWith(rows);
      const { report, store } = await opened.migrate(options);
      expect(report).toMatchObject({ adoptedRows: 2_500 });
      expect(await store.counts()).toMatchObject({
        journaledEvents: 5_000,
        viewRows: 2_500,
        deliveriesDelivered: 2_500 * TARGETS.length,
      });
    }, 60_000);

    it('adoption is refused, and the table left as it was, if a row is not understood', async () => {
      const { opened, options } = await openWith([
        ['fine', 'CREATED', null, null, true],
        ['odd\u202e one', 'NONSENSE', null, null, false],
      ]);
      const before = await harness.rawQuery('SELECT * FROM orders ORDER BY order_id');

      const refusal = await opened.migrate(options).then(
        () => null,
        (error: unknown) => error,
      );

      expect(refusal).toMatchObject({ code: 'view_not_adoptable', retryable: false });
      const message = refusal instanceof Error ? refusal.message : '';
      expect(message).toContain('odd\\u202e one');
      expect(message).toContain('Nobody knows the status NONSENSE.');
      expect(message).not.toContain('\u202e');
      expect(await harness.rawQuery('SELECT * FROM orders ORDER BY order_id')).toEqual(before);
    });

    it('adoption can be tried again after the row was corrected', async () => {
      const { opened, options } = await openWith([
        ['fine', 'CREATED', null, null, true],
        ['odd', 'NONSENSE', null, null, false],
      ]);
      await expect(opened.migrate(options)).rejects.toMatchObject({ code: 'view_not_adoptable' });
      await harness.rawQuery("UPDATE orders SET order_status = 'CREATED' WHERE order_id = 'odd'");
      const { report, store } = await opened.migrate(options);
      expect(report).toMatchObject({ adoptedRows: 2 });
      expect(await store.counts()).toMatchObject({ journaledEvents: 2, viewRows: 2, deliveriesDelivered: 2 });
    });

    it('adoption is refused if the domain adopts nothing, or the table lacks its columns', async () => {
      const { opened, options } = await openWith([['order1', 'CREATED', null, null, false]]);
      await expect(opened.migrate({ ...options, adopt: null })).rejects.toMatchObject({
        code: 'view_not_adoptable',
      });
      const stranger = { ...PARCELS, table: 'orders' };
      await expect(opened.migrate({ ...options, view: stranger })).rejects.toMatchObject({
        code: 'view_not_adoptable',
      });
      expect(await harness.rawQuery('SELECT * FROM orders')).toHaveLength(1);
    });
  });
}
