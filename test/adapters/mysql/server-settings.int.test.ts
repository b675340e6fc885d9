import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import { describeDeliveries } from '../../contract/store/deliveries.ts';
import { parcelMigration, SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { describeIngest } from '../../contract/store/ingest.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { mysqlStates } from '../../helpers/order-states.ts';
import { createDatabase, services, type TestDatabase } from '../../services/context.ts';
import { type RunningServices, startServices } from '../../services/index.ts';
import { MysqlHarness } from './harness.ts';
import { describeIdPages } from './id-pages.ts';

type ServerName = 'mysql' | 'mariadb';

/** Server defaults that would change the meaning of statements if sessions inherited them. */
const ODD = [
  '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE',
  '--transaction-isolation=SERIALIZABLE',
  '--default-storage-engine=MyISAM',
  '--default-time-zone=+05:30',
  '--completion-type=CHAIN',
  '--max-sort-length=64',
  '--character-set-server=latin1',
  '--collation-server=latin1_german1_ci',
  '--skip-character-set-client-handshake',
  '--init-connect=SET sql_select_limit = 1, sql_safe_updates = 1, autocommit = 0',
  // The binary log is on, so that its format can be changed.
  '--log-bin=binlog',
  '--server-id=7',
  '--binlog-format=ROW',
];
/** MySQL accepts lower_case_table_names only when its data folder is created. */
const ONLY = { mysql: ['--sql-require-primary-key=ON'], mariadb: ['--lower-case-table-names=1'] };

describe.skipIf(services().lacks('mysql'))('the settings of MySQL', () => describeSettings('mysql'));
describe.skipIf(services().lacks('mariadb'))('the settings of MariaDB', () => describeSettings('mariadb'));

function describeSettings(name: ServerName): void {
  let running: RunningServices;
  let root: mysql.Connection;
  let database: TestDatabase;
  const opened: OpenedStore[] = [];

  beforeAll(async () => {
    running = await startServices({ [name]: { isInMemory: true, arguments: [...ODD, ...ONLY[name]] } });
    root = await mysql.createConnection({ uri: running[name].url });
    database = await createDatabase(running[name].url);
    // init_connect applies only to users without SUPER.
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

  async function start(logger: (level: string, message: string) => void = () => {}) {
    const clock = new SettableClock();
    const store = openMysqlStore({ ...mysqlServer(url()), clock, logger, targets: TARGETS, connections: 3 });
    opened.push(store);
    return store.migrate(parcelMigration(clock));
  }

  /** Runs `work` while a variable of the server has this value. */
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

  describe('server defaults that a session inherits', () => {
    const harness = new MysqlHarness(() => url(running[name].url));
    describeIngest(harness);
    describeDeliveries(harness);
    describeIdPages(() => url(running[name].url));
  });

  it('a start is refused while the binary log is in statement format', async () => {
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

  it('a start is refused while max_allowed_packet is too small', async () => {
    await withGlobal('max_allowed_packet', '1048576', async () => {
      await expect(start()).rejects.toMatchObject({
        code: 'store_refused',
        message: expect.stringMatching(/1048576 bytes.*max_allowed_packet.*ORDER_SYNC_MAX_RECORD_BYTES/),
      });
    });
  });

  it('a start is refused if the server allows no prepared statements, and warns if it allows few', async () => {
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

  it('an error names max_prepared_stmt_count while no statement can be prepared, and then the store works again', async () => {
    const { store } = await start();
    await withGlobal('max_prepared_stmt_count', '0', async () => {
      await expect(store.readSenders('warehouse')).rejects.toMatchObject({
        code: 'store_failed',
        retryable: true,
        message: expect.stringContaining('raise its max_prepared_stmt_count'),
      });
    });
    expect(await store.readSenders('warehouse')).toEqual([]);
  });

  it('a start warns if the user may open fewer connections than the store opens', async () => {
    const lines: string[] = [];
    await root.query(`ALTER USER 'plain'@'%' WITH MAX_USER_CONNECTIONS 2`);
    await start((level, message) => lines.push(`${level} ${message}`));
    await root.query(`ALTER USER 'plain'@'%' WITH MAX_USER_CONNECTIONS 0`);
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn .*allows 2 connections \(max_user_connections\)/),
    );
  });

  it('a start may be tried again while the server is read-only, as before a failover', async () => {
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

  it('a start is refused while a table has an engine without transactions', async () => {
    await start();
    await root.query(`ALTER TABLE ${database.name}.quarantine ENGINE = MyISAM`);
    await expect(start()).rejects.toThrow(/quarantine \(MyISAM\).*ENGINE = InnoDB/);
    await root.query(`ALTER TABLE ${database.name}.quarantine ENGINE = InnoDB`);
  });

  it('a start says what is wrong with the login, the database or a right', async () => {
    const wrong = async (change: (given: URL) => void) => {
      const given = new URL(url());
      change(given);
      const store = openMysqlStore({
        ...mysqlServer(given.href),
        clock: new SettableClock(),
        logger: () => {},
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
