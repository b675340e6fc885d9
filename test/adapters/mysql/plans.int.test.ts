import mysql, { type RowDataPacket } from 'mysql2/promise';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { askEverything, fillForPlans, ORDERS_MIGRATION } from '../../contract/asking-plans.ts';
import { SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

describe.skipIf(services().lacks('mysql'))('MySQL', () => {
  describePlans(new MysqlHarness(() => services().mysql.url));
});

describe.skipIf(services().lacks('mariadb'))('MariaDB', () => {
  describePlans(new MysqlHarness(() => services().mariadb.url));
});

/** The ways to read a table that read no more than they need. `ALL` and `index` read it whole. */
const NARROW = ['const', 'eq_ref', 'ref', 'range', 'system', 'ref_or_null'];

function describePlans(harness: MysqlHarness): void {
  describe('the questions about orders', () => {
    afterEach(() => harness.cleanup());

    it('read by a key, and sort no rows', async () => {
      const clock = new SettableClock();
      const opened = await harness.open({ clock, targets: TARGETS });
      const { store } = await opened.migrate({ ...ORDERS_MIGRATION, nowMs: clock.now() });
      await fillForPlans(store);
      await harness.rawQuery(
        'ANALYZE TABLE orders, deliveries, journal_segments, delivery_attempts, quarantine, jobs, audit_log, ' +
          'checkpoints, checkpoint_decisions',
      );
      const executed = vi.spyOn(mysql.PoolConnection.prototype, 'execute');
      const queried = vi.spyOn(mysql.PoolConnection.prototype, 'query');
      await askEverything(store);
      const calls = [...executed.mock.calls, ...queried.mock.calls];
      const statements = new Map(
        calls.flatMap(([sql, values]) =>
          /^SELECT .* FROM /.test(String(sql)) ? [[String(sql), values]] : [],
        ),
      );
      executed.mockRestore();
      queried.mockRestore();
      expect(statements.size).toBeGreaterThan(15);

      const connection = await mysql.createConnection(harness.url);
      const wide: string[] = [];
      for (const [sql, values] of statements) {
        const [plan] = await connection.execute<RowDataPacket[]>(`EXPLAIN ${sql}`, values as string[]);
        for (const { table, type, Extra } of plan) {
          // The server answers from the key alone, or the table is the result of a part of the statement.
          if (table === null || String(table).startsWith('<')) continue;
          // Holds and checkpoints are a few rows, one for each part that is paused and for each partition.
          if (table === 'holds' || table === 'checkpoints') continue;
          // The attempts of one delivery are few, and sorted by time.
          const isSorted = /filesort/.test(String(Extra)) && table !== 'delivery_attempts';
          if (!NARROW.includes(type) || isSorted) wide.push(`${table} ${type} ${Extra}: ${sql}`);
        }
      }
      await connection.end();
      expect(wide).toEqual([]);
    });
  });
}
