import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WalSync } from '../../../../../src/adapters/sqlite/wal-sync.ts';
import type { ReceivedIdsLimits } from '../../../../../src/apps/order-mgt/states/sqlite/received-ids.ts';
import type { OrderStates } from '../../../../../src/apps/order-mgt/states.ts';
import {
  describeOrderStates,
  type OrderStatesHarness,
  orderState,
} from '../../../../contract/order-states.ts';
import { sqliteStates } from '../../../../helpers/order-states.ts';

class SqliteHarness implements OrderStatesHarness {
  #folder = '';
  readonly #opened: OrderStates[] = [];
  readonly #limits: ReceivedIdsLimits | undefined;

  constructor(limits?: ReceivedIdsLimits) {
    this.#limits = limits;
  }

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
    const states = await sqliteStates(this.file, { limits: this.#limits });
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

/** With limits this low, every transaction merges ids into their index. */
const MERGING: ReceivedIdsLimits = { recentMax: 2, mergedMin: 1, caughtUpMax: 3 };

describeOrderStates('SQLite', new SqliteHarness());
describeOrderStates('SQLite that merges ids all the time', new SqliteHarness(MERGING));

describe('a file of the first schema', () => {
  it('goes on with its rows and ids, and with changes that can be streamed', async () => {
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
      { receiptNumber: 2, state: orderState({ version: 3 }) },
    ]);
    const [receipt] = await states.receive([
      { deliveryId: 'z', state: orderState({ version: 7 }), receivedAtMs: 0 },
    ]);
    expect(receipt).toEqual({ effect: 'payload_differs', heldVersion: 3 });
    await harness.cleanup();
  });
});

describe('a file of the second schema', () => {
  const harness = new SqliteHarness(MERGING);
  afterEach(() => harness.cleanup());

  const RECORD = `INSERT INTO deliveries_received (delivery_id, order_id, version, payload_hash, effect, received_at)
    VALUES (?, 'order123', 2, 'h', 'ignored', 't') ON CONFLICT DO NOTHING`;

  function makeFile(): void {
    harness.newFolder();
    harness.run((database) =>
      database.exec(`
        PRAGMA journal_mode = WAL;
        CREATE TABLE orders (order_id TEXT PRIMARY KEY NOT NULL, order_status TEXT, payment_status TEXT,
          review_status TEXT, ready_to_send INTEGER NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE deliveries_received (sequence INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL UNIQUE,
          order_id TEXT NOT NULL, version INTEGER NOT NULL, payload_hash TEXT NOT NULL,
          effect TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')), received_at TEXT NOT NULL) STRICT;
        INSERT INTO orders VALUES ('order123', 'CREATED', 'PAYMENT_AUTHORIZED', NULL, 1, 3);
        INSERT INTO deliveries_received VALUES (4, 'z', 'order123', 2, 'h2', 'ignored', '2026-01-01T00:00:00.000Z');
        INSERT INTO deliveries_received VALUES (9, 'a', 'order123', 3, 'h3', 'applied', '2026-01-02T00:00:00.000Z');
        PRAGMA user_version = 2;`),
    );
  }

  const read = (sql: string) =>
    harness.run((database) =>
      database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row)),
    );

  it('goes on behind its receipts, and keeps their sequence and their ids', async () => {
    makeFile();
    const before = read('SELECT * FROM deliveries_received ORDER BY sequence');
    const states = await harness.openAgain();
    expect(read('SELECT * FROM deliveries_received ORDER BY sequence')).toEqual(before);
    expect(read('SELECT delivery_id, sequence FROM delivery_ids')).toEqual([
      ['a', 9],
      ['z', 4],
    ]);
    expect(read('SELECT sequence FROM delivery_ids_end')).toEqual([[9]]);
    const again = (deliveryId: string) => ({
      deliveryId,
      state: orderState({ version: 1 }),
      receivedAtMs: 0,
    });
    expect((await states.receive(['a', 'z', 'new'].map(again))).map(({ effect }) => effect)).toEqual([
      'payload_differs',
      'payload_differs',
      'ignored',
    ]);
    expect(await states.lastReceiptNumber()).toBe(10);
  });

  it('takes nothing more from a program of that schema that still has it open', async () => {
    makeFile();
    const old = new DatabaseSync(harness.file);
    const record = old.prepare(RECORD);
    const repeat = old.prepare("UPDATE deliveries_received SET effect = 'applied' WHERE delivery_id = ?");
    expect(record.run('a').changes).toBe(0);
    expect(record.run('new').changes).toBe(1);
    const states = await harness.openAgain();
    for (const id of ['a', 'new', 'newer']) expect(() => record.run(id)).toThrow('it is a view');
    expect(() => repeat.run('a')).toThrow('it is a view');
    old.close();
    const { changes } = await states.changesAfter(0, 10);
    expect(changes).toEqual([{ receiptNumber: 9, state: orderState({ version: 3 }) }]);
    expect(await states.lastReceiptNumber()).toBe(10);
  });
});

it('a delivery gets its receipt when the disk has it, and none if the disk fails', async () => {
  const harness = new SqliteHarness();
  const states = await harness.open();
  const disk = Promise.withResolvers<void>();
  const sync = vi.spyOn(WalSync.prototype, 'sync').mockReturnValueOnce(disk.promise);
  onTestFinished(async () => {
    sync.mockRestore();
    await harness.cleanup();
  });
  const receive = (deliveryId: string) =>
    states.receive([{ deliveryId, state: orderState({ version: 1 }), receivedAtMs: 0 }]);
  let isReceived = false;
  const received = receive('a').then(() => {
    isReceived = true;
  });
  await vi.waitFor(() => expect(sync).toHaveBeenCalled());
  await setImmediate();
  expect(isReceived).toBe(false);
  disk.resolve();
  await received;

  sync.mockRejectedValueOnce(new Error('The disk fails.'));
  await expect(receive('b')).rejects.toThrow('The disk fails.');
});

it('openStates refuses a file of a newer program and leaves it unchanged', async () => {
  const harness = new SqliteHarness();
  await harness.open();
  harness.run((database) => database.exec('PRAGMA user_version = 4'));
  await expect(harness.openAgain()).rejects.toMatchObject({ code: 'schema_too_new' });
  expect(harness.run((database) => database.prepare('PRAGMA user_version').get()?.user_version)).toBe(4);
  await harness.cleanup();
});

describe.each([
  ['with the usual limits', undefined],
  ['that merges ids all the time', MERGING],
])('SQLite %s', (_name, limits) => {
  const harness = new SqliteHarness(limits);
  afterEach(async () => {
    vi.restoreAllMocks();
    await harness.cleanup();
  });

  const delivery = (deliveryId: string, changes = {}) => ({
    deliveryId,
    state: orderState({ order_id: deliveryId, ...changes }),
    receivedAtMs: 0,
  });
  const effectsIn = async (states: OrderStates, deliveries: ReturnType<typeof delivery>[]) => [
    ...new Set((await states.receive(deliveries)).map(({ effect }) => effect)),
  ];

  it('tells delivery ids apart by their characters, also in memory', async () => {
    const signs = Array.from({ length: 0x7f - 0x21 }, (_, index) => String.fromCharCode(0x21 + index));
    const deliveries = [...signs, ...signs.map((sign) => `${sign}${sign}`), '__proto__', 'x'.repeat(255)]
      .map((id) => delivery(id))
      .reverse();
    const file = await harness.open();
    const memory = await sqliteStates(':memory:', { limits });
    for (const states of [file, memory]) {
      const half = deliveries.length / 2;
      expect(await effectsIn(states, deliveries.slice(0, half))).toEqual(['applied']);
      expect(await effectsIn(states, deliveries.slice(half))).toEqual(['applied']);
      for (const one of deliveries) expect(await effectsIn(states, [one])).toEqual(['duplicate']);
      expect(await states.lastReceiptNumber()).toBe(deliveries.length);
    }
    await memory.close();
    expect(await effectsIn(await harness.openAgain(), deliveries)).toEqual(['duplicate']);
  });

  it('takes the deliveries and repairs of a rolled-back transaction for new, in any process', async () => {
    const states = await harness.open();
    const other = await harness.openAgain();
    await states.receive(['a', 'b', 'c'].map((id) => delivery(id)));
    harness.run((database) =>
      database.exec(`
        DELETE FROM orders WHERE order_id = 'a';
        CREATE TRIGGER full BEFORE INSERT ON orders WHEN NEW.order_id = 'e' BEGIN SELECT RAISE(ABORT, 'no'); END`),
    );
    const group = ['d', 'a', 'e'].map((id) => delivery(id));
    const failure = { code: 'store_failed', message: 'The delivery could not be stored: no.' };
    await expect(states.receive(group)).rejects.toMatchObject(failure);
    await expect(other.receive(group)).rejects.toMatchObject(failure);
    harness.run((database) => database.exec('DROP TRIGGER full'));
    const effects = async (store: OrderStates) => (await store.receive(group)).map(({ effect }) => effect);
    expect(await effects(other)).toEqual(['applied', 'repaired', 'applied']);
    expect(await effects(states)).toEqual(['duplicate', 'duplicate', 'duplicate']);
    expect(await states.lastReceiptNumber()).toBe(6);
  });

  it('goes on after a full disk with everything that was committed, and nothing of the failed transactions', async () => {
    const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
    const states = await harness.open();
    const database = exec.mock.contexts[0] as DatabaseSync;
    const pages = () => Number(database.prepare('PRAGMA page_count').get()?.page_count);
    const many = (turn: number) =>
      Array.from({ length: 20 }, (_, index) => delivery(`${turn}-${index}-${'x'.repeat(200)}`));
    for (let turn = 0; turn < 12; turn++) {
      database.exec(`PRAGMA max_page_count = ${pages()}`);
      await expect(states.receive(many(turn)), `${turn}`).rejects.toMatchObject({ code: 'store_failed' });
      database.exec('PRAGMA max_page_count = 100000');
      expect(await effectsIn(states, many(turn))).toEqual(['applied']);
      for (let known = 0; known <= turn; known++)
        expect(await effectsIn(states, many(known))).toEqual(['duplicate']);
    }
    expect(await states.lastReceiptNumber()).toBe(240);
    expect(await harness.ledger()).toHaveLength(240);
  });
});

it('order-mgt on SQLite writes receipts, effects and ids in one transaction', async () => {
  const harness = new SqliteHarness({ ...MERGING, recentMax: 0 });
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
  const states = await harness.open();
  const database = exec.mock.contexts[0] as DatabaseSync;
  const run = StatementSync.prototype.run;
  const written = new Set<string>();
  vi.spyOn(StatementSync.prototype, 'run').mockImplementation(function (this: StatementSync, ...values) {
    const table = /^\s*INSERT INTO (\w+)/.exec(this.sourceSQL)?.[1];
    if (table !== undefined) written.add(`${table} ${database.isTransaction}`);
    return run.apply(this, values);
  });
  await states.receive([{ deliveryId: 'a', state: orderState(), receivedAtMs: 0 }]);
  expect([...written]).toEqual([
    'orders true',
    'delivery_receipts true',
    'delivery_ids true',
    'delivery_ids_end true',
  ]);
  vi.restoreAllMocks();
  await harness.cleanup();
});

it('order-mgt on SQLite rejects a delivery whose receipt is not where the index says', async () => {
  const harness = new SqliteHarness({ ...MERGING, recentMax: 0, mergedMin: 100 });
  const states = await harness.open();
  const delivery = (id: string) => ({ deliveryId: id, state: orderState({ order_id: id }), receivedAtMs: 0 });
  await states.receive(['a', 'b', 'c', 'd'].map(delivery));
  harness.run((database) =>
    database.exec(`DELETE FROM orders;
      UPDATE delivery_receipts SET delivery_id = 'other' WHERE sequence = 2;
      DELETE FROM delivery_receipts WHERE sequence = 3`),
  );
  for (const id of ['b', 'c'])
    await expect(states.receive([delivery(id)])).rejects.toMatchObject({ code: 'store_failed' });
  const receipts = await states.receive([delivery('a'), delivery('d')]);
  expect(receipts.map(({ effect }) => effect)).toEqual(['repaired', 'repaired']);
  expect((await states.list({ after: null, limit: 10, filters: {} })).states).toHaveLength(2);
  await harness.cleanup();
});
