/**
 * The store in an SQLite file. Files that MySQL's folder has too export the same names as there. These have no twin,
 * because a server does their work or has no need of it:
 *
 * - Several processes share the file, and one of them writes at a time: `database.ts`, `write-lock.ts`, `wal-sync.ts`.
 * - Statements run inside this process and would block its event loop: `pace.ts`. A thread writes large batches by the same code
 *   as the main one: `batch-writer.ts`, and `thread/writer.ts`, `thread/writer-thread.ts`, `thread/thread-batch.ts`,
 *   `thread/sent-error.ts`.
 * - A rename checks every view of the schema unless it is told not to: `rename.ts`.
 * - The journal has one row for each event, and no version in its key: `event-rows.ts`, `entity-versions.ts`.
 */

import type { OpenedStore } from '../../ports/store.ts';
import { OpenedSqliteStore } from './opened-store.ts';
import type { SqliteStoreOptions } from './options.ts';

export { Migrations } from './migrations.ts';
export type { SqliteStoreOptions } from './options.ts';
export { PORTION, portions } from './pace.ts';
export { hasWal, WalSync } from './wal-sync.ts';
export { type WhoHolds, WriteLock } from './write-lock.ts';

/** Opens a store in a file. The first use opens the file, or makes it. */
export function openSqliteStore(options: SqliteStoreOptions): OpenedStore {
  return new OpenedSqliteStore(options);
}
