import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grantStatements } from '../../../../../src/apps/order-mgt/states/mysql/grants.ts';
import type { OrderStates } from '../../../../../src/apps/order-mgt/states.ts';
import {
  describeOrderStates,
  type OrderStatesHarness,
  orderState,
} from '../../../../contract/order-states.ts';
import { HastyClock } from '../../../../helpers/hasty-clock.ts';
import { mysqlStates } from '../../../../helpers/order-states.ts';
import { createDatabase, services, type TestDatabase } from '../../../../services/context.ts';
import { addressOf, TcpProxy, through } from '../../../../services/tcp-proxy.ts';

/** The statements that the first program ran, and the rows of one order. */
const SCHEMA_1 = [
  'CREATE TABLE order_mgt_schema (version INT NOT NULL PRIMARY KEY) ENGINE = InnoDB',
  `CREATE TABLE orders_received (
     order_id        VARBINARY(255) NOT NULL PRIMARY KEY,
     order_status    VARBINARY(1020) NULL,
     payment_status  VARBINARY(1020) NULL,
     review_status   VARBINARY(1020) NULL,
     ready_to_send   BOOLEAN NOT NULL,
     version         BIGINT UNSIGNED NOT NULL
   ) ENGINE = InnoDB`,
  `CREATE TABLE deliveries_received (
     sequence     BIGINT UNSIGNED NOT NULL PRIMARY KEY,
     delivery_id  VARBINARY(255) NOT NULL UNIQUE,
     order_id     VARBINARY(255) NOT NULL,
     version      BIGINT UNSIGNED NOT NULL,
     payload_hash BINARY(64) NOT NULL,
     effect       ENUM('applied', 'ignored') NOT NULL,
     received_at  DATETIME(3) NOT NULL
   ) ENGINE = InnoDB`,
  'CREATE TABLE receiving_lock (id TINYINT NOT NULL PRIMARY KEY) ENGINE = InnoDB',
  'INSERT INTO receiving_lock (id) VALUES (1)',
  'INSERT INTO order_mgt_schema (version) VALUES (1)',
  "INSERT INTO orders_received VALUES ('order123', 'CREATED', 'PAYMENT_AUTHORIZED', NULL, TRUE, 3)",
  "INSERT INTO deliveries_received VALUES (9, 'a', 'order123', 3, 'hash', 'applied', '2026-01-01 00:00:00.000')",
];

class MysqlHarness implements OrderStatesHarness {
  readonly #serverUrl: () => string;
  readonly #opened: OrderStates[] = [];
  #database: TestDatabase | null = null;

  constructor(serverUrl: () => string) {
    this.#serverUrl = serverUrl;
  }

  get url(): string {
    return this.#database?.url ?? expect.fail('Open a store first.');
  }

  async open(): Promise<OrderStates> {
    await this.makeDatabase();
    return this.openAgain();
  }

  async makeDatabase(): Promise<void> {
    this.#database = await createDatabase(this.#serverUrl());
  }

  async openAgain(): Promise<OrderStates> {
    const states = await mysqlStates(this.url);
    this.#opened.push(states);
    return states;
  }

  async tamper(sql: Parameters<OrderStatesHarness['tamper']>[0]): Promise<void> {
    await this.query(sql({ orders: 'orders_received', deliveries: 'deliveries_received' }));
  }

  async ledger() {
    const rows = await this.query('SELECT delivery_id, effect FROM deliveries_received ORDER BY delivery_id');
    return rows.map((row) => ({ delivery_id: String(row.delivery_id), effect: String(row.effect) }));
  }

  async query(sql: string): Promise<RowDataPacket[]> {
    const connection = await mysql.createConnection({ uri: this.url });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await connection.end();
    }
  }

  async cleanup(): Promise<void> {
    for (const states of this.#opened.splice(0)) await states.close();
    await this.#database?.drop();
    this.#database = null;
  }
}

function describeServer(name: string, serverUrl: () => string): void {
  describeOrderStates(name, new MysqlHarness(serverUrl));

  describe(`order states in ${name}, as a server`, () => {
    const harness = new MysqlHarness(serverUrl);
    let states: OrderStates;
    beforeEach(async () => {
      states = await harness.open();
    });
    afterEach(() => harness.cleanup());
    const delivery = { deliveryId: 'a', state: orderState(), receivedAtMs: 0 };

    it('repeats a whole transaction that the database gave up for another, and applies it once', async () => {
      await states.receive([delivery]);
      // The other session holds the row that the transaction needs, and wants the lock that it has: one has to give way.
      const other = await mysql.createConnection({ uri: harness.url });
      await other.query('START TRANSACTION');
      for (let index = 0; index < 40; index++) {
        await other.query(
          `INSERT INTO deliveries_received VALUES (${1_000_000 + index}, 'x${index}', 'x', 1, '', 'ignored', NOW(3))`,
        );
      }
      await other.query("UPDATE orders_received SET ready_to_send = 0 WHERE order_id = 'order123'");
      const receiving = states.receive([{ ...delivery, deliveryId: 'b', state: orderState({ version: 3 }) }]);
      try {
        await waitUntilBlocked(harness);
        await other.query('SELECT id FROM receiving_lock WHERE id = 1 FOR UPDATE');
      } finally {
        other.destroy();
      }
      const receipts = await receiving;
      expect(receipts).toEqual([{ effect: 'applied', heldVersion: 3 }]);
      expect(await harness.ledger()).toEqual([
        { delivery_id: 'a', effect: 'applied' },
        { delivery_id: 'b', effect: 'applied' },
      ]);
    });

    it('goes on within seconds when another process is stopped inside its transaction, which then has no effect', async () => {
      const proxy = await TcpProxy.start(addressOf(serverUrl()));
      const script = new URL('../../receiving-process.ts', import.meta.url).pathname;
      const child = spawn(process.execPath, [script, through(proxy, harness.url)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
      try {
        const isStopped = new Promise<void>((resolve) => {
          proxy.onSent = (bytes) => {
            if (!bytes.includes('INSERT INTO deliveries_received (')) return;
            child.kill('SIGSTOP');
            resolve();
          };
        });
        expect(await lines.next()).toMatchObject({ value: 'open' });
        await isStopped;
        const startedMs = performance.now();
        const other = { deliveryId: 'b', state: orderState({ order_id: 'other' }), receivedAtMs: 0 };
        expect(await states.receive([other])).toEqual([{ effect: 'applied', heldVersion: 2 }]);
        expect(performance.now() - startedMs).toBeLessThan(15_000);
        child.kill('SIGCONT');
        expect(await lines.next()).toMatchObject({ value: expect.stringMatching(/^store_/) });
        expect(await harness.ledger()).toEqual([{ delivery_id: 'b', effect: 'applied' }]);
      } finally {
        child.kill('SIGKILL');
        child.kill('SIGCONT');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        await proxy.close();
      }
    });

    it('rejects a COMMIT without an answer as unknown, and takes the delivery again', async () => {
      const proxy = await TcpProxy.start(addressOf(serverUrl()));
      const remote = await mysqlStates(through(proxy, harness.url), { clock: new HastyClock() });
      try {
        proxy.onSent = (bytes) => {
          if (bytes.includes('COMMIT')) proxy.swallow();
        };
        await expect(remote.receive([delivery])).rejects.toMatchObject({
          code: 'store_commit_unknown',
          message: expect.stringContaining("the deliveries' ids will tell"),
        });
        proxy.onSent = () => {};
        proxy.heal();
        await expect.poll(() => remote.health()).toEqual({ ok: true });
        // The server ends the transaction, whose COMMIT it never got. This client's deadlines are a twentieth of the usual ones.
        await expect
          .poll(() => remote.receive([delivery]).catch(() => 'locked'), { timeout: 20_000 })
          .toEqual([{ effect: 'applied', heldVersion: 2 }]);
      } finally {
        await remote.close();
        await proxy.close();
      }
    });

    it('goes on with a database of schema version 1 that an earlier program made', async () => {
      await harness.cleanup();
      await harness.makeDatabase();
      for (const statement of SCHEMA_1) await harness.query(statement);
      states = await harness.openAgain();
      expect(await states.read('order123')).toEqual(orderState({ version: 3 }));
      expect(await states.receive([{ ...delivery, state: orderState({ version: 3 }) }])).toEqual([
        { effect: 'payload_differs', heldVersion: 3 },
      ]);
      expect(
        await states.receive([{ ...delivery, deliveryId: 'b', state: orderState({ version: 4 }) }]),
      ).toEqual([{ effect: 'applied', heldVersion: 4 }]);
      expect(await states.lastReceiptNumber()).toBe(10);
      expect(await harness.query('SELECT * FROM order_mgt_schema')).toEqual([{ version: 1 }]);
    });

    it('names the rights that the user lacks, and the command that prints the grants', async () => {
      const user = `mgt_${randomBytes(4).toString('hex')}`;
      await harness.query(`CREATE USER '${user}'@'%' IDENTIFIED BY 'secret'`);
      try {
        const url = new URL(harness.url);
        const database = url.pathname.slice(1);
        const grants = grantStatements(database, `'${user}'@'%'`);
        for (const grant of grants) await harness.query(grant);
        url.username = user;
        url.password = 'secret';
        await (await mysqlStates(url.href)).close();
        await harness.query(`REVOKE INSERT, UPDATE ON ${database}.deliveries_received FROM '${user}'@'%'`);
        await expect(mysqlStates(url.href)).rejects.toMatchObject({
          code: 'store_refused',
          message: expect.stringMatching(
            /lacks rights in .*: INSERT, UPDATE on deliveries_received\. .*"order-mgt migrate --grants-for"/,
          ),
        });
      } finally {
        await harness.query(`DROP USER '${user}'@'%'`);
      }
    });

    it('refuses a database of a newer program, and a missing one', async () => {
      await harness.query('INSERT INTO order_mgt_schema (version) VALUES (999)');
      await expect(mysqlStates(harness.url)).rejects.toMatchObject({
        code: 'schema_too_new',
      });
      const url = new URL(harness.url);
      url.pathname = '/not_there';
      await expect(mysqlStates(url.href)).rejects.toMatchObject({
        code: 'store_refused',
      });
      url.port = '1';
      await expect(mysqlStates(url.href)).rejects.toMatchObject({
        code: 'store_unreachable',
      });
    });
  });
}

async function waitUntilBlocked(harness: MysqlHarness): Promise<void> {
  for (;;) {
    const rows = await harness.query(
      "SELECT COUNT(*) AS waiting FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    );
    if (Number(rows[0]?.waiting) > 0) return;
    // InnoDB refreshes this table only when nobody has read it for 100 ms.
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

describe.skipIf(services().lacks('mysql'))('with MySQL', () => {
  describeServer('MySQL', () => services().mysql.url);
});

describe.skipIf(services().lacks('mariadb'))('with MariaDB', () => {
  describeServer('MariaDB', () => services().mariadb.url);
});
