import type { ServerAddress, ServerTls } from '../../src/adapters/mysql/index.ts';
import { databaseOf } from '../../src/apps/shared/settings/known/database.ts';

/** The server of a `mysql://` URL as the adapter's options name it. */
export function mysqlServer(url: string): { address: ServerAddress; tls: ServerTls | null } {
  const database = databaseOf({ databaseUrl: url }, 'DATABASE');
  if (database.kind !== 'mysql') throw new Error(`${url} names no server.`);
  return { address: database.address, tls: database.tls };
}
