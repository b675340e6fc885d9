import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Connection } from '../../../src/adapters/sqlite/database.ts';
import { askEverything, fillForPlans, ORDERS_MIGRATION } from '../../contract/asking-plans.ts';
import { SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { SqliteHarness } from './harness.ts';

describe('the questions about orders on SQLite', () => {
  const harness = new SqliteHarness();
  afterEach(() => harness.cleanup());

  it('search by an index, and scan no table', async () => {
    const clock = new SettableClock();
    const opened = await harness.open({ clock, targets: TARGETS });
    const { store } = await opened.migrate({ ...ORDERS_MIGRATION, nowMs: clock.now() });
    await fillForPlans(store);
    const prepared = vi.spyOn(Connection.prototype, 'statement');
    await askEverything(store);
    const statements = [...new Set(prepared.mock.calls.map(([sql]) => sql))];
    prepared.mockRestore();
    expect(statements.length).toBeGreaterThan(15);
    // Holds and checkpoints are a few rows, one for each part that is paused and for each partition.
    const database = new DatabaseSync(harness.file);
    const scans = statements.flatMap((sql) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .filter(({ detail }) => /^SCAN\b(?! CONSTANT ROW| holds$| checkpoints$)/.test(String(detail)))
        .map(({ detail }) => `${detail}: ${sql}`),
    );
    database.close();
    expect(scans).toEqual([]);
  });

  it('read a page of 10,000 rows at most, so that a page of a large view costs as much as one of a small view', async () => {
    const clock = new SettableClock();
    const opened = await harness.open({ clock, targets: TARGETS });
    const { store } = await opened.migrate({ ...ORDERS_MIGRATION, nowMs: clock.now() });
    await fillForPlans(store);
    const nobody = [{ columns: ['review_status'], value: 'PENDING' }];
    const page = await store.listView({ conditions: nobody, after: null, limit: 10, scan: 1_000 });
    expect(page).toEqual({ rows: [], next: 'order 00999' });
  });
});
