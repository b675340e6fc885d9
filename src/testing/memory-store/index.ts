/**
 * The store's seeded twin: the whole port over tables in memory, with the locks and the semantics of MySQL. It passes
 * the contract suites of the real stores (`memory-store.test.ts`). Its files have the names of those of the MySQL
 * adapter that they stand for; `database.ts` is the server that all processes share.
 */

export type { StoreSession } from './connection.ts';
export {
  type DatabaseSnapshot,
  MemoryDatabase,
  type MemoryDatabaseOptions,
  type RestoreOptions,
} from './database.ts';
export { type MemoryStoreOptions, openMemoryStore } from './opened-store.ts';
