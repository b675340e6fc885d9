import type { ServerAddress, ServerTls } from '../../src/adapters/mysql/index.ts';
import { databaseOf } from '../../src/apps/shared/settings/known/database.ts';

/** Parses a `mysql://` URL into the options of the MySQL adapter. */
export function mysqlServer(url: string): { address: ServerAddress; tls: ServerTls | null } {
  const database = databaseOf({ databaseUrl: url }, 'DATABASE');
  if (database.kind !== 'mysql') throw new Error(`${url} names no server.`);
  return { address: database.address, tls: database.tls };
}
