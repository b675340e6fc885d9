import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import type { Store } from '../../../src/ports/store.ts';
import { describeDeliveries } from '../../contract/store/deliveries.ts';
import { parcelMigration, SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { describeIngest } from '../../contract/store/ingest.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { mysqlStates } from '../../helpers/order-states.ts';
import { createDatabase, services, type TestDatabase } from '../../services/context.ts';
import { type RunningServices, startServices } from '../../services/index.ts';
import { MysqlHarness } from './harness.ts';

type ServerName = 'mysql' | 'mariadb';

/** Defaults that would change what statements mean, if sessions took them over. */
const ODD = [
  '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE',
  '--transaction-isolation=SERIALIZABLE',
  '--default-storage-engine=MyISAM',
  '--default-time-zone=+05:30',
  '--completion-type=CHAIN',
  '--character-set-server=latin1',
  '--collation-server=latin1_german1_ci',
  '--skip-character-set-client-handshake',
  '--init-connect=SET sql_select_limit = 1, sql_safe_updates = 1, autocommit = 0',
  // With a binary log, so that its form can be changed.
  '--log-bin=binlog',
  '--server-id=7',
  '--binlog-format=ROW',
];
/** MySQL takes lower_case_table_names only when its data folder is made. */
const ONLY = { mysql: ['--sql-require-primary-key=ON'], mariadb: ['--lower-case-table-names=1'] };

describe.skipIf(services().lacks('mysql'))('the settings of MySQL', () => describeSettings('mysql'));
describe.skipIf(services().lacks('mariadb'))('the settings of MariaDB', () => describeSettings('mariadb'));

function describeSettings(name: ServerName): void {
  let running: RunningServices;
  let root: mysql.Connection;
  let database: TestDatabase;
  const opened: Store[] = [];

  beforeAll(async () => {
    running = await startServices({ [name]: { arguments: [...ODD, ...ONLY[name]] } });
    root = await mysql.createConnection({ uri: running[name].url });
    database = await createDatabase(running[name].url);
    // init_connect counts for users without SUPER alone.
    await root.query(`CREATE USER 'plain'@'%' IDENTIFIED BY 'secret'`);
    await root.query(`GRANT ALL ON *.* TO 'plain'@'%'`);
    await root
      .query(
        name === 'mysql'
          ? `REVOKE SUPER, CONNECTION_ADMIN ON *.* FROM 'plain'@'%'`
          : `REVOKE SUPER, CONNECTION ADMIN, READ ONLY ADMIN, READ_ONLY ADMIN ON *.* FROM 'plain'@'%'`,
      )
      .catch(() => root.query(`REVOKE SUPER, CONNECTION ADMIN, READ_ONLY ADMIN ON *.* FROM 'plain'@'%'`));
    await root.query('SET GLOBAL log_bin_trust_function_creators = 1');
  }, 200_000);
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  afterAll(async () => {
    await root?.end();
    await running?.stop();
  });

  const url = (from = database.url) => from.replace('root@', 'plain:secret@');

  async function start(log: (level: string, message: string) => void = () => {}) {
    const clock = new SettableClock();
    const store = openMysqlStore({ ...mysqlServer(url()), clock, log, targets: TARGETS, connections: 3 });
    opened.push(store);
    return store.migrate(parcelMigration(clock));
  }

  /** With a variable of the server set for the time of `work`. */
  async function withGlobal(variable: string, value: string, work: () => Promise<void>): Promise<void> {
    const [[row]] = (await root.query({
      sql: `SELECT @@GLOBAL.${variable}`,
      rowsAsArray: true,
    })) as never as [[[string | number]]];
    await root.query(`SET GLOBAL ${variable} = ${value}`);
    try {
      await work();
    } finally {
      await root.query(`SET GLOBAL ${variable} = ?`, [row[0]]);
    }
  }

  describe('that sessions would take over', () => {
    const harness = new MysqlHarness(() => url(running[name].url));
    describeIngest(harness);
    describeDeliveries(harness);
  });

  it('end a start with a sentence where the binary log is in statement form', async () => {
    await withGlobal('binlog_format', "'STATEMENT'", async () => {
      await expect(start()).rejects.toMatchObject({
        code: 'store_refused',
        retryable: false,
        message: expect.stringContaining('set binlog_format=ROW'),
      });
      await expect(mysqlStates(url())).rejects.toThrow('set binlog_format=ROW');
    });
    await start();
  });

  it('end a start with a sentence where packets are too small', async () => {
    await withGlobal('max_allowed_packet', '1048576', async () => {
      await expect(start()).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringMatching(/1048576 bytes.*max_allowed_packet.*ORDER_SYNC_MAX_RECORD_BYTES/),
      });
    });
  });

  it('end a start with a sentence where no statement can be prepared, and warn where few can', async () => {
    await withGlobal('max_prepared_stmt_count', '0', async () => {
      await expect(start()).rejects.toThrow('raise its max_prepared_stmt_count');
    });
    const lines: string[] = [];
    await withGlobal('max_prepared_stmt_count', '200', async () => {
      await start((level, message) => lines.push(`${level} ${message}`));
    });
    expect(lines.filter((line) => line.includes('max_prepared_stmt_count'))).toEqual([
      expect.stringMatching(/^warn .*raise its max_prepared_stmt_count/),
    ]);
  });

  it('are named by an error while no statement can be prepared, and work goes on when one can', async () => {
    await start();
    const [store] = opened;
    await withGlobal('max_prepared_stmt_count', '0', async () => {
      await expect(store?.readSenders('warehouse')).rejects.toMatchObject({
        code: 'store_failed',
        retryable: true,
        message: expect.stringContaining('raise its max_prepared_stmt_count'),
      });
    });
    expect(await store?.readSenders('warehouse')).toEqual([]);
  });

  it('warn where the user may have fewer connections than are opened', async () => {
    const lines: string[] = [];
    await root.query(`ALTER USER 'plain'@'%' WITH MAX_USER_CONNECTIONS 2`);
    await start((level, message) => lines.push(`${level} ${message}`));
    await root.query(`ALTER USER 'plain'@'%' WITH MAX_USER_CONNECTIONS 0`);
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn .*allows 2 connections \(max_user_connections\)/),
    );
  });

  it('are waited for where the server is read-only, as before a failover', async () => {
    await start();
    await withGlobal('read_only', '1', async () => {
      await expect(start()).rejects.toMatchObject({
        code: 'store_failed',
        retryable: true,
        message: expect.stringContaining('is read-only'),
      });
    });
    await start();
  });

  it('end a start with a sentence where a table knows no transactions', async () => {
    await start();
    await root.query(`ALTER TABLE ${database.name}.quarantine ENGINE = MyISAM`);
    await expect(start()).rejects.toThrow(/quarantine \(MyISAM\).*ENGINE = InnoDB/);
    await root.query(`ALTER TABLE ${database.name}.quarantine ENGINE = InnoDB`);
  });

  it('name what is wrong with a login, a database and a right', async () => {
    const wrong = async (change: (given: URL) => void) => {
      const given = new URL(url());
      change(given);
      const store = openMysqlStore({
        ...mysqlServer(given.href),
        clock: new SettableClock(),
        log: () => {},
        targets: TARGETS,
      });
      opened.push(store);
      return store.migrate(parcelMigration(new SettableClock()));
    };
    await expect(
      wrong((given) => {
        given.password = 'other';
      }),
    ).rejects.toThrow(/refuses the login of the user "plain": correct user and password in DATABASE_URL/);
    await expect(
      wrong((given) => {
        given.pathname = '/not_there';
      }),
    ).rejects.toThrow('CREATE DATABASE `not_there`');
    await root.query(`CREATE USER 'nobody'@'%' IDENTIFIED BY 'secret'`);
    await expect(
      wrong((given) => {
        given.username = 'nobody';
      }),
    ).rejects.toThrow(/gives the user "nobody" no right on the database/);
    await root.query(`ALTER USER 'nobody'@'%' ACCOUNT LOCK`);
    await expect(
      wrong((given) => {
        given.username = 'nobody';
      }),
    ).rejects.toThrow('is locked');
    await root.query(`ALTER USER 'nobody'@'%' ACCOUNT UNLOCK`);
    await root.query(`ALTER USER 'nobody'@'%' PASSWORD EXPIRE`);
    await root.query(`GRANT ALL ON ${database.name}.* TO 'nobody'@'%'`);
    await expect(
      wrong((given) => {
        given.username = 'nobody';
      }),
    ).rejects.toThrow('has expired');
  });
}
