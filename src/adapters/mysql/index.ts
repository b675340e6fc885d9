/**
 * The store on MySQL 8, MariaDB 10.6 or later, and compatible servers. Files that SQLite's folder has too export the
 * same names as there. These have no twin, because SQLite has no need of them:
 *
 * - A server is reached over a network, and has users and settings: `connection-pool.ts`, `connection.ts`,
 *   `answer-watch.ts`, `server-address.ts`, `tls.ts`, `grants.ts`, `refusals.ts`, `server-checks.ts`.
 * - MySQL commits each statement of a migration by itself, so one process at a time migrates, by a lock of the server:
 *   `migration-lock.ts`. On SQLite a migration is one transaction.
 * - Every statement is a round trip, so one statement carries many rows, in packets that we write ourselves:
 *   `rows-statement.ts`, `parameter-writer.ts`, `view-parameters.ts`. Statements that do not wait for each other go in one
 *   packet: `command-train.ts`.
 * - A server's work grows with the number of rows, so the journal packs events into segments: `segments.ts`.
 * - A layer over several servers merges rows by texts and numbers alone: `id-page.ts`.
 * - The driver's connections are not of our making, so they get the names of tables afterwards: `connection-names.ts`.
 * - A claim is a number in a column of fixed size, which is written in place: `claim-id.ts`, `take-deliveries.ts`.
 * - Triggers protect the journal if the user may make them: `journal-protection.ts`. On SQLite the first migration
 *   makes them.
 */

import type { OpenedStore } from '../../ports/store.ts';
import { OpenedMysqlStore } from './opened-store.ts';
import type { MysqlStoreOptions } from './options.ts';

export { databaseName } from './catalog.ts';
export { inTransaction, withConnection } from './connection.ts';
export { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
export { checkTables, grantStatements, grantsOn, type TableRights } from './grants.ts';
export { withMigrationLock } from './migration-lock.ts';
export { Migrations } from './migrations.ts';
export type { MysqlStoreOptions } from './options.ts';
export { isRightMissing } from './refusals.ts';
export { chunksOf, marks, RowsStatement } from './rows-statement.ts';
export type { ServerAddress, ServerTls } from './server-address.ts';
export { checkServer } from './server-checks.ts';
export { textOf } from './values.ts';

/** Opens a store on a server. The first use connects. */
export function openMysqlStore(options: MysqlStoreOptions): OpenedStore {
  return new OpenedMysqlStore(options);
}
