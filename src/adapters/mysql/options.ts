import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { StoreTime } from './store-time.ts';

export interface MysqlStoreOptions {
  /** `mysql://user:password@host:port/database`; the database must exist. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The names of the targets that every due state is owed to. */
  readonly targets: readonly string[];
  /** How many connections may be open at once: one for each lane that commits, and some for the rest. */
  readonly connections?: number;
  /** What leases and retries are reckoned by; the server's clock, if it is left out. Tests move time by it. */
  readonly time?: StoreTime | undefined;
  /** Trust for TLS to the server; without it the connection is plain. */
  readonly tls?: { readonly ca?: string };
}
