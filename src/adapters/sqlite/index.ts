/**
 * The store in an SQLite file. Files that MySQL's folder has too export the same names as there. These have no twin,
 * because a server does it, or needs nothing of the kind:
 *
 * - Several processes share a file, and each has one writer: `database.ts`, `write-lock.ts`, `wal-sync.ts`.
 * - Statements run inside this process and would hold up its event loop: `pace.ts`.
 * - The journal has a row for each event, and no version in its key: `event-rows.ts`, `entity-versions.ts`.
 */

import type { OpenedStore } from '../../ports/store.ts';
import { OpenedSqliteStore } from './opened-store.ts';
import type { SqliteStoreOptions } from './options.ts';

export type { SqliteStoreOptions } from './options.ts';
export { PORTION, portions } from './pace.ts';
export { hasWal, WalSync } from './wal-sync.ts';
export { WriteLock } from './write-lock.ts';

/** Opens a store in a file. The file is opened, or made, when first used. */
export function openSqliteStore(options: SqliteStoreOptions): OpenedStore {
  return new OpenedSqliteStore(options);
}
