import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openSqliteStates } from '../../../src/apps/order-mgt/sqlite-states.ts';
import type { OrderStates } from '../../../src/apps/order-mgt/states.ts';
import { describeOrderStates, type OrderStatesHarness, orderState } from '../../contract/order-states.ts';

class SqliteHarness implements OrderStatesHarness {
  #folder = '';
  readonly #opened: OrderStates[] = [];

  get file(): string {
    return join(this.#folder, 'order-mgt.sqlite');
  }

  async open(): Promise<OrderStates> {
    this.newFolder();
    return this.openAgain();
  }

  newFolder(): void {
    this.#folder = mkdtempSync(join(tmpdir(), 'tributary-order-states-'));
  }

  async openAgain(): Promise<OrderStates> {
    const states = openSqliteStates(this.file);
    this.#opened.push(states);
    return states;
  }

  async tamper(sql: Parameters<OrderStatesHarness['tamper']>[0]): Promise<void> {
    this.run((database) => database.exec(sql({ orders: 'orders', deliveries: 'deliveries_received' })));
  }

  async ledger() {
    return this.run(
      (database) =>
        database
          .prepare('SELECT delivery_id, effect FROM deliveries_received ORDER BY delivery_id')
          .all()
          .map((row) => ({ ...row })) as { delivery_id: string; effect: string }[],
    );
  }

  run<Result>(work: (database: DatabaseSync) => Result): Result {
    const database = new DatabaseSync(this.file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  async cleanup(): Promise<void> {
    for (const states of this.#opened.splice(0)) await states.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describeOrderStates('SQLite', new SqliteHarness());

describe('a file of the first schema', () => {
  it('is taken over with its rows and ids, and its changes can be listened to', async () => {
    const harness = new SqliteHarness();
    harness.newFolder();
    harness.run((database) =>
      database.exec(`
        CREATE TABLE orders (order_id TEXT PRIMARY KEY NOT NULL, order_status TEXT, payment_status TEXT,
          review_status TEXT, ready_to_send INTEGER NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE deliveries_received (delivery_id TEXT PRIMARY KEY NOT NULL, order_id TEXT NOT NULL,
          version INTEGER NOT NULL, payload_hash TEXT NOT NULL, effect TEXT NOT NULL, received_at TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO orders VALUES ('order123', 'CREATED', 'PAYMENT_AUTHORIZED', NULL, 1, 3);
        INSERT INTO deliveries_received VALUES ('z', 'order123', 2, 'h2', 'applied', '2026-01-01T00:00:00.000Z');
        INSERT INTO deliveries_received VALUES ('a', 'order123', 3, 'h3', 'applied', '2026-01-02T00:00:00.000Z');
        PRAGMA user_version = 1;`),
    );
    const states = await harness.openAgain();
    expect((await states.changesAfter(0, 10)).changes).toEqual([
      { position: 2, state: orderState({ version: 3 }) },
    ]);
    const [receipt] = await states.receive([
      { deliveryId: 'z', state: orderState({ version: 7 }), receivedAtMs: 0 },
    ]);
    expect(receipt).toEqual({ effect: 'payload_differs', heldVersion: 3 });
    await harness.cleanup();
  });
});
