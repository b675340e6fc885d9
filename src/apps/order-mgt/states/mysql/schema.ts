import { hash } from 'node:crypto';
import type { PoolConnection } from 'mysql2/promise';
import {
  type ConnectionPool,
  checkServer,
  databaseName,
  isRightMissing,
  Migrations,
  PREPARED_MAX,
  withConnection,
  withMigrationLock,
} from '../../../../adapters/mysql/index.ts';
import type { Logger } from '../../../../ports/logger.ts';

const MIGRATIONS = new Migrations({
  program: 'order-mgt',
  folder: new URL('./migrations/', import.meta.url),
  table: 'order_mgt_schema',
  columns: 'version INT NOT NULL PRIMARY KEY',
  hasNames: false,
});

/** A start waits for another program that has the lock for up to a minute. */
const MIGRATION_DEADLINE_MS = 120_000;
/** The adapter's statements of many rows stay below this. */
const PACKET_BYTES = 1024 * 1024;

/** Brings the schema up to date. Rejects with `store_unreachable`, `store_refused`, `store_busy` or `schema_too_new`. */
export function updateSchema(pool: ConnectionPool, logger: Logger): Promise<void> {
  return withConnection(
    pool,
    async (connection) => {
      const { connections } = pool.options;
      const needs = {
        connections,
        preparedStatements: PREPARED_MAX,
        packetBytes: PACKET_BYTES,
        packetSetting: '',
      };
      await checkServer(connection, pool.remedies, needs, logger);
      // A user that may not change the schema is let in where there is nothing to change.
      const version = await MIGRATIONS.recordedVersion(connection);
      if (version !== MIGRATIONS.newestVersion) await changeSchema(pool, connection);
    },
    { deadlineMs: MIGRATION_DEADLINE_MS },
  );
}

async function changeSchema(pool: ConnectionPool, connection: PoolConnection): Promise<void> {
  const lock = `order_mgt.${hash('md5', await databaseName(connection), 'hex')}`;
  await withMigrationLock(pool, connection, lock, () => MIGRATIONS.run(connection)).catch(
    (error: unknown) => {
      if (!isRightMissing(error)) throw error;
      const what = `The tables of order-mgt are missing or old in "${pool.remedies.database}"`;
      throw MIGRATIONS.needed(what, pool.remedies, error);
    },
  );
}
