import { afterEach, describe, expect, it } from 'vitest';
import type { ViewRow } from '../../../src/core/domain.ts';
import type { AdoptedEntity, MigrationOptions, Store } from '../../../src/ports/store.ts';
import {
  batchOf,
  change,
  commitChanges,
  DUE,
  event,
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

/** Unlike even under a collation that folds case and accents, ignores blanks and sees all emoji as one. */
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

/** One baseline event for each status; a row that was sent counts as sent, one that is "due" as due. */
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

    it('comes before everything else', async () => {
      const store = await harness.open(settings());
      await expect(store.readView(['parcel'])).rejects.toMatchObject({ code: 'defect' });
    });

    it('makes the schema once, and leaves it and the data alone from then on', async () => {
      const { clock, targets } = settings();
      const store = await harness.open({ clock, targets });
      const first = await store.migrate(parcelMigration(clock));
      expect(first).toMatchObject({ fromVersion: 0, adoptedRows: 0 });
      expect(first.toVersion).toBeGreaterThan(0);
      await commitChanges(store, change('parcel', 0, { delivery: DUE }));
      const counts = await store.counts();

      const again = { fromVersion: first.toVersion, toVersion: first.toVersion, adoptedRows: 0 };
      expect(await store.migrate(parcelMigration(clock))).toMatchObject(again);
      const other = await harness.openAgain({ clock, targets });
      expect(await other.migrate(parcelMigration(clock))).toMatchObject(again);
      expect(await other.counts()).toEqual(counts);
    });

    it('may be asked for by several instances at once', async () => {
      const { clock, targets } = settings();
      const stores = [await harness.open({ clock, targets })];
      for (let count = 1; count < 4; count++) stores.push(await harness.openAgain({ clock, targets }));

      const reports = await Promise.all(stores.map((store) => store.migrate(parcelMigration(clock))));

      expect(reports.filter(({ fromVersion }) => fromVersion === 0)).toHaveLength(1);
      await commitChanges(stores[0] as Store, change('parcel', 0));
      expect((await stores[3]?.readView(['parcel']))?.get('parcel')).toEqual({ row: ROW, version: 1 });
      const applied = await harness.rawQuery('SELECT version FROM schema_migrations');
      expect(new Set(applied.map(({ version }) => Number(version))).size).toBe(applied.length);
    });

    it('refuses a schema that a later program made, and changes nothing', async () => {
      const { clock, targets } = settings();
      const store = await harness.open({ clock, targets });
      await store.migrate(parcelMigration(clock));
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
      const store = await harness.open({ clock, targets: TARGETS });
      await harness.makeOriginalOrdersTable(rows);
      const options: MigrationOptions = { view: ORDERS, targets: TARGETS, adopt, nowMs: clock.now() };
      return { store, clock, options };
    }

    it('keeps the rows, journals their events, and puts our columns after its own', async () => {
      const { store, options } = await openWith([
        ['order1', 'CREATED', 'PAID', null, true],
        ['order2', null, 'PAID', null, false],
      ]);

      expect(await store.migrate(options)).toMatchObject({ adoptedRows: 2 });

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

    it('takes over once, and never again', async () => {
      const { store, clock, options } = await openWith([['order1', 'CREATED', null, null, false]]);
      await store.migrate(options);
      await commitChanges(store, change('order1', 1, { row: ['CREATED', 'PAID', null, true] }));
      const other = await harness.openAgain({ clock, targets: TARGETS });
      expect(await other.migrate(options)).toMatchObject({ adoptedRows: 0 });
      expect((await other.readView(['order1'])).get('order1')?.version).toBe(2);
    });

    it('is done by one of several instances that start at once', async () => {
      const rows = Array.from(
        { length: 50 },
        (_, n): OriginalOrder => [`order${n}`, 'CREATED', null, null, false],
      );
      const { store, clock, options } = await openWith(rows);
      const other = await harness.openAgain({ clock, targets: TARGETS });
      const reports = await Promise.all([store.migrate(options), other.migrate(options)]);
      expect(reports.map(({ adoptedRows }) => adoptedRows).sort()).toEqual([0, 50]);
      expect(await other.counts()).toMatchObject({ journaledEvents: 50, viewRows: 50 });
    });

    it('keeps ids that the original could hold, byte for byte', async () => {
      const { store, options } = await openWith(ORIGINAL_IDS.map((id) => [id, 'CREATED', null, null, false]));

      await store.migrate(options);

      expect(new Set((await store.readView(ORIGINAL_IDS)).keys())).toEqual(new Set(ORIGINAL_IDS));
      const journals = await store.readJournals(ORIGINAL_IDS);
      for (const id of ORIGINAL_IDS) expect(journals.get(id)?.map(({ entityId }) => entityId)).toEqual([id]);
    });

    it('takes what was sent as delivered, what must be sent as due, and the rest as neither', async () => {
      const { store, clock, options } = await openWith([
        ['sent', 'CREATED', 'PAID', null, true],
        ['due', 'CREATED', 'DUE', null, false],
        ['declined', 'CREATED', 'PAID', 'DECLINED', false],
        ['none', 'CREATED', null, null, false],
      ]);
      await store.migrate(options);

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

      // Whatever was sent or due is sent again when it no longer qualifies.
      const row: ViewRow = ['CREATED', null, null, false];
      const withdraw = (id: string, fromVersion: number) =>
        commitChanges(store, change(id, fromVersion, { events: [event(id, 9)], delivery: NOT_READY, row }));
      expect(await withdraw('sent', 2)).toBe(TARGETS.length);
      expect(await withdraw('declined', 3)).toBe(TARGETS.length);
      expect(await withdraw('due', 2)).toBe(TARGETS.length);
      expect(await withdraw('none', 1)).toBe(0);
    });

    it('keeps a row that says nothing, and its first event finds it there', async () => {
      const { store, options } = await openWith([['blank', null, null, null, false]]);
      await store.migrate(options);
      expect((await store.readView(['blank'])).get('blank')).toEqual({
        row: [null, null, null, false],
        version: 0,
      });

      // Without a lock a store may take the row for somebody else's; with it, version 0 is nothing to trip over.
      const first = change('blank', 0, { row: ['CREATED', null, null, false] });
      expect(await store.commit(batchOf([], [first], { mode: 'locking' }))).toMatchObject({
        kind: 'committed',
      });

      expect((await store.readView(['blank'])).get('blank')).toEqual({
        row: ['CREATED', null, null, false],
        version: 1,
      });
    });

    it('adopts more rows than one page holds', async () => {
      const rows = Array.from(
        { length: 2_500 },
        (_, n): OriginalOrder => [`order ${n}`, 'CREATED', 'PAID', null, true],
      );
      const { store, options } = await openWith(rows);
      expect(await store.migrate(options)).toMatchObject({ adoptedRows: 2_500 });
      expect(await store.counts()).toMatchObject({
        journaledEvents: 5_000,
        viewRows: 2_500,
        deliveriesDelivered: 2_500 * TARGETS.length,
      });
    }, 60_000);

    it('is refused, and the table left as it was, if a row is not understood', async () => {
      const { store, options } = await openWith([
        ['fine', 'CREATED', null, null, true],
        ['odd\u202e one', 'NONSENSE', null, null, false],
      ]);
      const before = await harness.rawQuery('SELECT * FROM orders ORDER BY order_id');

      const refusal = await store.migrate(options).then(
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

    it('can be tried again after the row was corrected', async () => {
      const { store, options } = await openWith([
        ['fine', 'CREATED', null, null, true],
        ['odd', 'NONSENSE', null, null, false],
      ]);
      await expect(store.migrate(options)).rejects.toMatchObject({ code: 'view_not_adoptable' });
      await harness.rawQuery("UPDATE orders SET order_status = 'CREATED' WHERE order_id = 'odd'");
      expect(await store.migrate(options)).toMatchObject({ adoptedRows: 2 });
      expect(await store.counts()).toMatchObject({ journaledEvents: 2, viewRows: 2, deliveriesDelivered: 2 });
    });

    it('is refused if the domain adopts nothing, or the table has not its columns', async () => {
      const { store, options } = await openWith([['order1', 'CREATED', null, null, false]]);
      await expect(store.migrate({ ...options, adopt: null })).rejects.toMatchObject({
        code: 'view_not_adoptable',
      });
      const stranger = { ...PARCELS, table: 'orders' };
      await expect(store.migrate({ ...options, view: stranger })).rejects.toMatchObject({
        code: 'view_not_adoptable',
      });
      expect(await harness.rawQuery('SELECT * FROM orders')).toHaveLength(1);
    });
  });
}
