import { join } from 'node:path';
import { createDatabase, startServices } from '../../services/index.ts';
import type { RunningCheck } from './command.ts';

/**
 * Reads the option `--database embedded|mariadb|mysql`, and starts a server if it needs one. The returned function makes
 * a new database on each call, an SQLite file in the folder or a database on the server, and returns its URL.
 */
export async function databasesOf(check: RunningCheck): Promise<(folder: string) => Promise<string>> {
  const place = check.choice('database', ['embedded', 'mariadb', 'mysql']);
  if (place === 'embedded') return async (folder) => `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const services = await startServices({ [place]: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  return async () => {
    const database = await createDatabase(services[place].url);
    check.defer(() => database.drop());
    return database.url;
  };
}
