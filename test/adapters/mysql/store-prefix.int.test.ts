import { describe } from 'vitest';
import { describeStore } from '../../contract/store.ts';
import { services } from '../../services/context.ts';
import { MysqlHarness } from './harness.ts';

// Every statement runs once with a prefix, on one of the two servers: the prefix is in the text, whatever reads it.
describe.skipIf(services().lacks('mariadb'))('MariaDB with a prefix', () => {
  describeStore('MariaDB with a prefix', new MysqlHarness(() => services().mariadb.url, 'p2_'));
});
