export {
  type EmbeddedLog,
  type EmbeddedLogOptions,
  openEmbeddedLog,
} from '../adapters/embedded-log/index.ts';
export { openSqliteStore, type SqliteStoreOptions } from '../adapters/sqlite/index.ts';
