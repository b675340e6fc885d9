import type { Clock } from '../../ports/clock.ts';
import type { StoreTime } from './store-time.ts';
import type { WhoHolds } from './write-lock.ts';

export interface SqliteStoreOptions {
  /** The database's path; its folder must exist. Several processes of one machine may open the same file. */
  readonly file: string;
  readonly clock: Clock;
  /** What leases and retries are reckoned by; the machine's time, if it is left out. Tests move time by it. */
  readonly time?: StoreTime | undefined;
  /** The names of the delivery targets: a state that is due is due to each of them. */
  readonly targets: readonly string[];
  readonly whoHolds?: WhoHolds;
}
