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
