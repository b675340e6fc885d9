import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';

export interface MysqlStoreOptions {
  /** `mysql://user:password@host:port/database`; the database must exist. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The names of the targets that every due state is owed to. */
  readonly targets: readonly string[];
  /** How many connections may be open at once: one for each lane that commits, and some for the rest. */
  readonly connections?: number;
  /** Trust for TLS to the server; without it the connection is plain. */
  readonly tls?: { readonly ca?: string };
}
