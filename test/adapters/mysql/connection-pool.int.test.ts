import type { PoolConnection } from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withConnection } from '../../../src/adapters/mysql/connection.ts';
import { ConnectionPool, PREPARED_MAX } from '../../../src/adapters/mysql/connection-pool.ts';
import { RowsStatement } from '../../../src/adapters/mysql/rows-statement.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { services } from '../../services/context.ts';
import { addressOf, TcpProxy, through } from '../../services/tcp-proxy.ts';

describe.skipIf(services().lacks('mysql'))('MySQL', () => {
  describePool(
    () => services().mysql.url,
    () => services().mariadb.url,
  );
});

describe.skipIf(services().lacks('mariadb'))('MariaDB', () => {
  describePool(
    () => services().mariadb.url,
    () => services().mysql.url,
  );
});

function describePool(serverUrl: () => string, otherUrl: () => string): void {
  describe('the connection pool', () => {
    let proxy: TcpProxy;
    let pool: ConnectionPool;

    beforeEach(async () => {
      proxy = await TcpProxy.start(addressOf(serverUrl()));
      pool = new ConnectionPool({
        ...mysqlServer(through(proxy, serverUrl())),
        connections: 2,
        clock: systemClock,
        remedies: { setting: 'DATABASE_URL', setUp: '' },
        commitEvidence: 'the test',
      });
    });
    afterEach(async () => {
      await pool.close();
      await proxy.close();
    });

    const ask = (sql = 'SELECT 1') => withConnection(pool, (connection) => connection.query(sql));

    it('the generation stays the same while connections come and go', async () => {
      await Promise.all([ask(), ask()]);
      const { generation } = pool;
      await expect(ask('SELECT nonsense')).rejects.toMatchObject({ code: 'store_failed' });
      await Promise.all([ask(), ask(), ask()]);
      expect(pool.generation).toBe(generation);
    });

    it('a connection keeps few statements prepared, and prepares a closed one again when it is used', async () => {
      const counts = (connection: PoolConnection) =>
        connection
          .query("SHOW SESSION STATUS WHERE Variable_name IN ('Com_stmt_prepare', 'Com_stmt_close')")
          .then(([rows]) => new Map(rows as never as [string, string][]))
          .then((found) => Number(found.get('Com_stmt_prepare')) - Number(found.get('Com_stmt_close')));
      const rows = new RowsStatement<number>({
        before: 'INSERT INTO many_rows VALUES',
        row: '(?)',
        columns: ['integer'],
        write: (writer, item) => writer.integer(item),
      });
      await withConnection(pool, async (connection) => {
        await connection.query('CREATE TEMPORARY TABLE many_rows (id INT) ENGINE = InnoDB');
        let written = 0;
        for (let round = 0; round < 3; round++) {
          // Statements of all sizes in one call: 853 = 512 + 256 + 64 + 16 + 4 + 1.
          written += await rows.run(
            connection,
            Array.from({ length: 853 }, (_, index) => index),
          );
          for (let number = 0; number < PREPARED_MAX + 20; number++) {
            const [[row]] = (await connection.execute(`SELECT ${number}, ?`, ['x'])) as never as [
              [[number, string]],
            ];
            expect([Number(row[0]), row[1]]).toEqual([number, 'x']);
          }
          expect(await counts(connection)).toBeLessThanOrEqual(PREPARED_MAX);
        }
        expect(written).toBe(3 * 853);
        const [[[count]]] = (await connection.query('SELECT COUNT(*) FROM many_rows')) as never as [
          [[number]],
        ];
        expect(Number(count)).toBe(3 * 853);
      });
    });

    it('the generation rises when an idle connection is lost', async () => {
      await ask();
      const { generation } = pool;
      proxy.cut();
      await expect.poll(() => pool.generation).toBeGreaterThan(generation);
      await ask();
    });

    it('the generation rises when a connection in use is lost', async () => {
      await ask();
      const { generation } = pool;
      const asked = ask('SELECT SLEEP(60)');
      setTimeout(() => proxy.cut(), 200);
      await expect(asked).rejects.toMatchObject({ code: 'store_unreachable' });
      expect(pool.generation).toBeGreaterThan(generation);
    });

    it.skipIf(services().lacks('mysql') || services().lacks('mariadb'))(
      'the generation rises when a new connection reaches another server, and connections to the old one are dropped',
      async () => {
        const versionOf = () =>
          withConnection(pool, async (connection) => {
            const [[row]] = (await connection.query('SELECT VERSION()')) as never as [[[string]]];
            return row[0];
          });
        const before = await versionOf();
        const { generation } = pool;
        proxy.upstream = addressOf(otherUrl());
        await withConnection(pool, () => ask());
        expect(pool.generation).toBeGreaterThan(generation);
        const { generation: after } = pool;
        await expect.poll(versionOf).not.toBe(before);
        await Promise.all([versionOf(), versionOf()]).then((versions) =>
          expect(versions).not.toContain(before),
        );
        expect(pool.generation).toBe(after);
      },
    );
  });
}
