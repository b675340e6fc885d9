/**
 * The store on MySQL 8, MariaDB 10.6 or later, and servers that speak as they do. Files that SQLite's folder has too
 * export the same names as there. These have no twin, because SQLite needs nothing of the kind:
 *
 * - A server is reached over a network and has users and settings: `connection-pool.ts`, `connection.ts`,
 *   `answer-watch.ts`, `server-address.ts`, `tls.ts`, `grants.ts`, `refusals.ts`, `server-checks.ts`.
 * - Every statement is a round trip, so that many rows go into one and are written as packets of our own:
 *   `rows-statement.ts`, `parameter-writer.ts`, `view-parameters.ts`.
 * - A server is paid for by rows, so that the journal packs events into segments: `segments.ts`.
 * - A claim is a number in a column of fixed size, which is written in place: `claim-id.ts`.
 * - Triggers protect the journal only where the user may make them: `journal-protection.ts`. On SQLite the first
 *   migration makes them.
 */

import type { OpenedStore } from '../../ports/store.ts';
import { OpenedMysqlStore } from './opened-store.ts';
import type { MysqlStoreOptions } from './options.ts';

export { inTransaction, withConnection } from './connection.ts';
export { ConnectionPool, PREPARED_MAX } from './connection-pool.ts';
export { grantStatements } from './grants.ts';
export type { MysqlStoreOptions } from './options.ts';
export { isRightMissing } from './refusals.ts';
export type { ServerAddress, ServerTls } from './server-address.ts';
export { checkServer } from './server-checks.ts';

/** Opens a store on a server. Connects when first used. */
export function openMysqlStore(options: MysqlStoreOptions): OpenedStore {
  return new OpenedMysqlStore(options);
}
