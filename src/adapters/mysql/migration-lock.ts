import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { namesOf } from './connection-names.ts';
import type { ConnectionPool } from './connection-pool.ts';

const LOCK_TIMEOUT_SECONDS = 60;

/** The server takes names of 64 characters. */
const LOCK_NAME_MAX = 64;

/** The name of a lock of one pipeline. Two pipelines in one database have tables with different prefixes. */
export function lockName(connection: PoolConnection, what: string, database: string): string {
  const { prefix } = namesOf(connection);
  return `${what}${prefix === '' ? '' : `${prefix}:`}${database}`.slice(0, LOCK_NAME_MAX);
}

/**
 * Runs `work` while this process alone holds the server's lock of this name. Rejects with `store_busy` if another
 * process keeps the lock for 60 s. Behind a proxy there is no lock, because it runs each statement on any of its connections, and
 * one of those would keep the lock for ever. There two starts at once pass over what the other one has done, or try again.
 */
export async function withMigrationLock<Result>(
  pool: ConnectionPool,
  connection: PoolConnection,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (pool.isProxied(connection)) return work();
  const [[locked]] = await connection.query<RowDataPacket[]>('SELECT GET_LOCK(?, ?)', [
    name,
    LOCK_TIMEOUT_SECONDS,
  ]);
  if (Number(locked?.[0]) !== 1) {
    throw new TributaryError(
      'store_busy',
      `Another process has been migrating this database for ${LOCK_TIMEOUT_SECONDS} s; try again when it is done.`,
    );
  }
  try {
    return await work();
  } finally {
    // If this fails, the connection is closed, and the server releases the lock.
    await connection.query('SELECT RELEASE_LOCK(?)', [name]).catch(() => undefined);
  }
}
