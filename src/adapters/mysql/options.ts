import type { StoreNaming } from '../../core/table-names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ServerAddress, ServerTls } from './server-address.ts';
import type { StoreTime } from './store-time.ts';

export interface MysqlStoreOptions {
  /** The server and the database, which must exist. */
  readonly address: ServerAddress;
  /** TLS settings; null for plain text. */
  readonly tls: ServerTls | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The names of the delivery targets. Every due state is due to those of them that want it. */
  readonly targets: readonly string[];
  /** The most connections that may be open at once: one for each lane that commits, and some for the rest. */
  readonly connections?: number;
  /** The largest record that is kept whole; default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** The time that leases and retries go by; default the server's clock. Tests pass their own to move it. */
  readonly time?: StoreTime | undefined;
  /** The names of the tables, for several pipelines in one database. Throws `setting_invalid` if they cannot be so. */
  readonly naming?: StoreNaming | undefined;
}
