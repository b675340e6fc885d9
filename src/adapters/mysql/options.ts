import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { ServerAddress, ServerTls } from './server-address.ts';
import type { StoreTime } from './store-time.ts';

export interface MysqlStoreOptions {
  /** The database must exist. */
  readonly address: ServerAddress;
  /** Null: plain text. */
  readonly tls: ServerTls | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The names of the targets that every due state is owed to. */
  readonly targets: readonly string[];
  /** How many connections may be open at once: one for each lane that commits, and some for the rest. */
  readonly connections?: number;
  /** The largest record that is kept whole; default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** What leases and retries are reckoned by; the server's clock, if it is left out. Tests move time by it. */
  readonly time?: StoreTime | undefined;
}
