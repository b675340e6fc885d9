export {
  type MysqlStoreOptions,
  openMysqlStore,
  type ServerAddress,
  type ServerTls,
} from '../adapters/mysql/index.ts';
