import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../../src/adapters/system-clock.ts';
import { openMysqlStates } from '../../../../../src/apps/order-mgt/states/mysql/open.ts';
import type { OrderStates } from '../../../../../src/apps/order-mgt/states.ts';
import {
  describeOrderStates,
  type OrderStatesHarness,
  orderState,
} from '../../../../contract/order-states.ts';
import { HastyClock } from '../../../../helpers/hasty-clock.ts';
import { mysqlServer } from '../../../../helpers/mysql-server.ts';
import { createDatabase, services, type TestDatabase } from '../../../../services/context.ts';
import { addressOf, TcpProxy, through } from '../../../../services/tcp-proxy.ts';

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
    this.#database = await createDatabase(this.#serverUrl());
    return this.openAgain();
  }

  async openAgain(): Promise<OrderStates> {
    const states = await openMysqlStates(mysqlServer(this.url), systemClock, () => {});
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

    it('does a whole batch again when the database gave it up for another, and applies it once', async () => {
      await states.receive([delivery]);
      // The other one holds the row that the batch needs, and wants the lock that the batch has: one has to give way.
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

    it('goes on within seconds when another process was stopped inside its transaction, which then counts for nothing', async () => {
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

    it('says that a COMMIT without an answer has an unknown outcome, and takes the delivery again', async () => {
      const proxy = await TcpProxy.start(addressOf(serverUrl()));
      const remote = await openMysqlStates(
        mysqlServer(through(proxy, harness.url)),
        new HastyClock(),
        () => {},
      );
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
        // The server ends the transaction whose COMMIT it never got; this client waits a twentieth of its deadlines.
        await expect
          .poll(() => remote.receive([delivery]).catch(() => 'locked'), { timeout: 20_000 })
          .toEqual([{ effect: 'applied', heldVersion: 2 }]);
      } finally {
        await remote.close();
        await proxy.close();
      }
    });

    it('refuses a database of a newer program, and one that is not there', async () => {
      await harness.query('INSERT INTO order_mgt_schema (version) VALUES (999)');
      await expect(openMysqlStates(mysqlServer(harness.url), systemClock, () => {})).rejects.toMatchObject({
        code: 'schema_too_new',
      });
      const url = new URL(harness.url);
      url.pathname = '/not_there';
      await expect(openMysqlStates(mysqlServer(url.href), systemClock, () => {})).rejects.toMatchObject({
        code: 'store_refused',
      });
      url.port = '1';
      await expect(openMysqlStates(mysqlServer(url.href), systemClock, () => {})).rejects.toMatchObject({
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
