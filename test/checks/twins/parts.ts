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
