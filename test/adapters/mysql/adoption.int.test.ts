import { afterEach, describe, expect, it } from 'vitest';
import type { MigrationOptions } from '../../../src/ports/migration.ts';
import { event, type OriginalOrder, SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

describe.skipIf(services().lacks('mysql'))('MySQL', () => {
  describeCutOff(new MysqlHarness(() => services().mysql.url));
});

describe.skipIf(services().lacks('mariadb'))('MariaDB', () => {
  const harness = new MysqlHarness(() => services().mariadb.url);
  describeCutOff(harness);

  describe('the key of the view', () => {
    afterEach(() => harness.cleanup());

    it('the key of the view is a text, and joins with the keys of the other tables by the indexes of both', async () => {
      const clock = new SettableClock();
      const opened = await harness.open({ clock, targets: TARGETS });
      await harness.makeOriginalOrdersTable(
        Array.from({ length: 3_000 }, (_, n): OriginalOrder => [`order ${n}`, 'CREATED', null, null, false]),
      );
      await opened.migrate(optionsAt(clock));
      const [column] = await harness.rawQuery("SHOW FULL COLUMNS FROM orders LIKE 'order_id'");
      expect(column).toMatchObject({ Type: 'varchar(255)', Collation: 'utf8mb4_nopad_bin' });
      await harness.rawQuery('ANALYZE TABLE orders, deliveries, journal_segments');
      for (const sql of [
        "SELECT v.version FROM deliveries d JOIN orders v ON v.order_id = d.entity_id WHERE d.target = 'warehouse' AND d.entity_id > 'order 9' ORDER BY d.entity_id LIMIT 10",
        "SELECT s.first_version FROM orders v JOIN journal_segments s ON s.entity_id = v.order_id WHERE v.order_id IN ('order 1', 'order 2')",
      ]) {
        const plan = await harness.rawQuery(`EXPLAIN ${sql}`);
        expect(plan.map(({ key }) => key)).toEqual(['PRIMARY', 'PRIMARY']);
        for (const { rows } of plan) expect(Number(rows)).toBeLessThan(1_500);
      }
    });
  });
});

function optionsAt(clock: SettableClock): MigrationOptions {
  return {
    view: {
      table: 'orders',
      keyColumn: 'order_id',
      columns: [
        { name: 'order_status', type: 'text' },
        { name: 'payment_status', type: 'text' },
        { name: 'review_status', type: 'text' },
        { name: 'ready_to_send', type: 'boolean' },
      ],
    },
    targets: TARGETS,
    adopt: (entityId, row) => ({ events: [event(entityId, 1)], row, delivery: 'due' }),
    nowMs: clock.now(),
  };
}

/** MySQL commits at every renaming, so an adoption may be interrupted between its steps. */
function describeCutOff(harness: MysqlHarness): void {
  describe('adoption', () => {
    const clock = new SettableClock();
    const settings = { clock, targets: TARGETS };
    const options = optionsAt(clock);
    afterEach(() => harness.cleanup());

    /** A store whose table was adopted, to be set back to an earlier step of the adoption. */
    async function adopted() {
      const opened = await harness.open(settings);
      const rows = Array.from(
        { length: 3_000 },
        (_, n): OriginalOrder => [`order ${n}`, 'CREATED', null, null, false],
      );
      await harness.makeOriginalOrdersTable(rows);
      await opened.migrate(options);
      return opened;
    }

    const expectWhole = async () => {
      const [counts] = await harness.rawQuery(
        'SELECT (SELECT COUNT(*) FROM orders) AS view_rows, (SELECT COUNT(*) FROM event_journal) AS events, ' +
          '(SELECT COUNT(*) FROM deliveries) AS due, (SELECT COUNT(*) FROM orders_original) AS original, ' +
          "(SELECT COUNT(*) FROM view_records WHERE state = 'finished') AS records",
      );
      expect(Object.values(counts ?? {}).map(Number)).toEqual([3_000, 3_000, 6_000, 3_000, 1]);
    };

    it('an adoption that was interrupted while it copied starts again, with the same result', async () => {
      const opened = await adopted();
      await harness.rawQuery("UPDATE view_records SET state = 'adopting'");
      await harness.rawQuery('RENAME TABLE orders TO orders_adopting');
      await harness.rawQuery("DELETE FROM orders_adopting WHERE order_id < 'order 2'");
      await harness.rawQuery("DELETE FROM deliveries WHERE entity_id < 'order 2'");
      expect(await opened.examineView(options)).toMatchObject({ verdict: 'take', rows: 3_000 });
      expect((await opened.migrate(options)).report).toMatchObject({ adoptedRows: 3_000 });
      await expectWhole();
    });

    it('an adoption that was interrupted before it renamed the table starts again', async () => {
      const opened = await adopted();
      await harness.rawQuery("UPDATE view_records SET state = 'adopting'");
      await harness.rawQuery('DROP TABLE orders');
      for (const table of ['journal_segments', 'deliveries'])
        await harness.rawQuery(`TRUNCATE TABLE ${table}`);
      await harness.rawQuery('RENAME TABLE orders_original TO orders');
      expect((await opened.migrate(options)).report).toMatchObject({ adoptedRows: 3_000 });
      await expectWhole();
    });

    it('an adoption that was interrupted after the last copy only renames the table', async () => {
      const opened = await adopted();
      await harness.rawQuery("UPDATE view_records SET state = 'copied'");
      await harness.rawQuery('RENAME TABLE orders TO orders_adopting');
      expect((await opened.migrate(options)).report).toMatchObject({ viewIsEmpty: false });
      await expectWhole();
    });

    it('an adoption that was interrupted before its record was finished only finishes the record', async () => {
      const opened = await adopted();
      await harness.rawQuery("UPDATE view_records SET state = 'copied'");
      expect((await opened.migrate(options)).report).toMatchObject({ viewIsEmpty: false });
      await expectWhole();
    });

    it('an adoption waits for a person if another program created the table again meanwhile', async () => {
      const opened = await adopted();
      await harness.rawQuery("UPDATE view_records SET state = 'adopting'");
      await harness.rawQuery('RENAME TABLE orders TO orders_adopting');
      await harness.makeOriginalOrdersTable([['another', 'CREATED', null, null, true]]);
      await expect(opened.migrate(options)).rejects.toMatchObject({
        code: 'view_not_adoptable',
        message: expect.stringContaining('another program made a table "orders"'),
      });
      await harness.rawQuery('DROP TABLE orders');
      expect((await opened.migrate(options)).report).toMatchObject({ adoptedRows: 3_000 });
      await expectWhole();
    });

    it('an adoption is undone if a row was changed between the check and the renaming', async () => {
      const opened = await harness.open(settings);
      await harness.makeOriginalOrdersTable([
        ['a', 'CREATED', null, null, false],
        ['b', 'CREATED', null, null, false],
      ]);
      let seen = 0;
      const fickle: MigrationOptions = {
        ...options,
        adopt(entityId, row) {
          // The first two calls examine the rows; the third one copies them.
          if (++seen > 2) throw new Error('column order_status holds "CHANGED"');
          return { events: [event(entityId, 1)], row, delivery: 'due' };
        },
      };
      await expect(opened.migrate(fickle)).rejects.toMatchObject({ code: 'view_not_adoptable' });
      expect(await harness.rawQuery('SELECT order_id FROM orders ORDER BY order_id')).toEqual([
        { order_id: 'a' },
        { order_id: 'b' },
      ]);
      expect(await harness.rawQuery("SHOW TABLES LIKE 'orders%'")).toHaveLength(1);
      expect((await opened.migrate(options)).report).toMatchObject({ adoptedRows: 2 });
    });
  });
}
