import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantStatements, openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import type { MigrationOptions } from '../../../src/ports/migration.ts';
import type { OpenedStore } from '../../../src/ports/store.ts';
import { describeBase } from '../../contract/store/base.ts';
import { describeCheckpoints } from '../../contract/store/checkpoints.ts';
import { describeDeadLetters } from '../../contract/store/dead-letters.ts';
import { describeDeliveries } from '../../contract/store/deliveries.ts';
import { describeDeliveryClaims } from '../../contract/store/delivery-claims.ts';
import type { StoreSettings } from '../../contract/store/fixtures.ts';
import { parcelMigration, SettableClock, TARGETS } from '../../contract/store/fixtures.ts';
import { describeIngest } from '../../contract/store/ingest.ts';
import { describeJournal } from '../../contract/store/journal.ts';
import { describeLongJournals } from '../../contract/store/long-journals.ts';
import { describeQuarantine } from '../../contract/store/quarantine.ts';
import { describeReconciliation } from '../../contract/store/reconciliation.ts';
import { describeSenders } from '../../contract/store/senders.ts';
import { describeSettlements } from '../../contract/store/settlements.ts';
import { describeSweeps } from '../../contract/store/sweeps.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

const USER = `running_${randomBytes(3).toString('hex')}`;

/** Root creates the tables, and the tests get the store of a user that has only the documented grants. */
class TwoUsersHarness extends MysqlHarness {
  readonly canMakeTables = false;

  override async openAgain(settings: StoreSettings): Promise<OpenedStore> {
    const owner = await super.openAgain(settings);
    const url = new URL(this.url);
    url.username = USER;
    url.password = 'secret';
    const store = openMysqlStore({
      ...mysqlServer(url.href),
      logger: () => {},
      connections: 6,
      ...settings,
      time: MysqlHarness.timeOf(settings),
    });
    this.alsoClose(store);
    const migrate = store.migrate.bind(store);
    store.migrate = async (options: MigrationOptions) => {
      await owner.migrate({ ...options, asCommand: true });
      const database = new URL(this.url).pathname.slice(1);
      for (const grant of grantStatements(database, options.view, `'${USER}'@'%'`))
        await this.rawQuery(grant);
      return migrate(options);
    };
    return store;
  }
}

describe.skipIf(services().lacks('mariadb'))('a user with the documented grants on MariaDB', () => {
  const root = () => mysql.createConnection({ uri: services().mariadb.url });
  beforeAll(async () => {
    const connection = await root();
    await connection.query(`CREATE USER '${USER}'@'%' IDENTIFIED BY 'secret'`);
    await connection.end();
  });
  afterAll(async () => {
    const connection = await root();
    await connection.query(`DROP USER '${USER}'@'%'`);
    await connection.end();
  });
  const harness = new TwoUsersHarness(() => services().mariadb.url);

  // The whole contract of the store but the migrations, which only the owner may run.
  for (const describePart of [
    describeCheckpoints,
    describeIngest,
    describeBase,
    describeJournal,
    describeLongJournals,
    describeQuarantine,
    describeDeliveries,
    describeDeliveryClaims,
    describeSettlements,
    describeSenders,
    describeDeadLetters,
    describeReconciliation,
    describeSweeps,
  ])
    describePart(harness);

  it('the grants cover every table of the schema, except those that only its own statements touch', async () => {
    const clock = new SettableClock();
    const options = parcelMigration(clock);
    const opened = await harness.open({ clock, targets: TARGETS });
    await opened.migrate(options);
    const rows = await harness.rawQuery('SHOW TABLES');
    const tables = rows.map((row) => String(Object.values(row)[0])).sort();
    const granted = grantStatements('x', options.view, 'y').map((line) => /`x`\.`(\w+)`/.exec(line)?.[1]);
    expect([...granted, 'event_journal', 'journal_places'].sort()).toEqual(tables);
    await harness.cleanup();
  });
});
