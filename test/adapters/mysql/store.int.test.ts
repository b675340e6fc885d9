import { describe } from 'vitest';
import { describeStore } from '../../contract/store.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

describe.skipIf(services().lacks('mysql'))('with MySQL', () => {
  describeStore('MySQL', new MysqlHarness(() => services().mysql.url));
});

describe.skipIf(services().lacks('mariadb'))('with MariaDB', () => {
  describeStore('MariaDB', new MysqlHarness(() => services().mariadb.url));
});
