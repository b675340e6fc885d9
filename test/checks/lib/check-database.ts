import { join } from 'node:path';
import { createDatabase, startServices } from '../../services/index.ts';
import type { RunningCheck } from './command.ts';

/**
 * Where a check of the option `--database embedded|mariadb|mysql` keeps its tables: the function makes a new place and
 * says its address, a file in the folder or a database of its own. A server is started if one is needed.
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
