import type { StoreNaming } from '../../core/table-names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoreTime } from './store-time.ts';
import type { WhoHolds } from './write-lock.ts';

export interface SqliteStoreOptions {
  /** The path of the database. Its folder must exist. Several processes of one machine may open the same file. */
  readonly file: string;
  readonly clock: Clock;
  /** The time that leases and retries go by; default the machine's. Tests pass their own to move it. */
  readonly time?: StoreTime | undefined;
  /** The names of the delivery targets. Every due state is due to those of them that want it. */
  readonly targets: readonly string[];
  readonly whoHolds?: WhoHolds;
  /** A batch with at least this many events is written by a thread of its own. Default 500. */
  readonly threadEvents?: number | undefined;
  /** The names of the tables, for several pipelines in one file. Throws `setting_invalid` if they cannot be so. */
  readonly naming?: StoreNaming | undefined;
}
