import mysql from 'mysql2/promise';
import { describe } from 'vitest';
import { openMysqlStore } from '../../../src/adapters/mysql/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { mysqlServer } from '../../helpers/mysql-server.ts';
import { createDatabase, services } from '../../services/context.ts';
import { migrate } from './harness.ts';
import { describeLongHistories, type LongPlace } from './long-histories.ts';

async function open(serverUrl: string): Promise<LongPlace> {
  const database = await createDatabase(serverUrl);
  const opened = openMysqlStore({
    ...mysqlServer(database.url),
    logger: () => {},
    clock: systemClock,
    targets: ['warehouse'],
  });
  const store = await migrate(opened);
  const connection = await mysql.createConnection({ uri: database.url });
  return {
    store,
    sql: (statement) => connection.query(statement),
    async close() {
      await connection.end();
      await store.close();
      await database.drop();
    },
  };
}

describe.skipIf(services().lacks('mysql'))('MySQL', () => {
  describeLongHistories('MySQL', () => open(services().mysql.url), 25);
});

describe.skipIf(services().lacks('mariadb'))('MariaDB', () => {
  describeLongHistories('MariaDB', () => open(services().mariadb.url), 25);
});
