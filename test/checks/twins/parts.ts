/** The real parts that have twins, by the names of the option `--with`. */
import type { ServiceSet } from '../../services/addresses.ts';
import { logSetting } from './logs.ts';
import { MysqlStores } from './mysql-stores.ts';
import { openEmbeddedLogs, openKafkaLogs } from './real-logs.ts';
import { type OpenedPart, partOf } from './run.ts';
import { SqliteStores } from './sqlite-stores.ts';
import { storeSetting } from './stores.ts';

export const PARTS = ['sqlite', 'mariadb', 'mysql', 'embedded', 'kafka'] as const;
export type PartName = (typeof PARTS)[number];

/** The service that a part needs. */
export const SERVICE_OF: { readonly [Name in PartName]?: 'mariadb' | 'mysql' | 'kafka' } = {
  mariadb: 'mariadb',
  mysql: 'mysql',
  kafka: 'kafka',
};

/**
 * The number of histories that are played side by side, each on a part of its own. Histories on servers mostly wait for
 * answers. SQLite answers without a wait, so nothing is gained there.
 */
export const SIDE_BY_SIDE: { readonly [Name in PartName]: number } = {
  sqlite: 1,
  mariadb: 6,
  mysql: 6,
  embedded: 6,
  kafka: 12,
};

const UNSAFE_DATABASE = {
  arguments: ['--innodb-flush-log-at-trx-commit=2', '--innodb-flush-method=nosync', '--innodb-doublewrite=0'],
};

/** The options of the services that the check starts itself. No history asks what a crash of a machine leaves. */
export const SERVICES = {
  mariadb: UNSAFE_DATABASE,
  mysql: UNSAFE_DATABASE,
  // Each history makes topics and deletes them. Deleted ones are kept for a second instead of a minute.
  kafka: {
    heap: '1g',
    properties: { 'log.segment.delete.delay.ms': '1000', 'log.index.size.max.bytes': '65536' },
  },
} as const;

/** Opens a part. `services` is asked only for the service that the part needs. */
export async function openPart(name: PartName, services: () => ServiceSet): Promise<OpenedPart> {
  if (name === 'sqlite') {
    const stores = new SqliteStores();
    return partOf(storeSetting(stores), async () => stores.close());
  }
  if (name === 'embedded' || name === 'kafka') {
    const logs = name === 'embedded' ? openEmbeddedLogs() : await openKafkaLogs(services().kafka.brokers);
    return partOf(logSetting(logs), () => logs.close());
  }
  const stores = await MysqlStores.create(services()[name].url);
  return partOf(storeSetting(stores), () => stores.close());
}
