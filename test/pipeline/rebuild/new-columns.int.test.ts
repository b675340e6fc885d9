import { describe } from 'vitest';
import { MysqlHarness } from '../../adapters/mysql/harness.ts';
import { services } from '../../services/context.ts';
import { describeNewColumns } from './new-columns.ts';

describe.skipIf(services().lacks('mysql'))('MySQL', () => {
  describeNewColumns('MySQL', new MysqlHarness(() => services().mysql.url));
});

describe.skipIf(services().lacks('mariadb'))('MariaDB', () => {
  describeNewColumns('MariaDB', new MysqlHarness(() => services().mariadb.url));
});
