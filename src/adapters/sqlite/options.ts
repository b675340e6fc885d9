import type { Clock } from '../../ports/clock.ts';
import type { MigrationOptions } from '../../ports/store.ts';
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

/** The materialised view as `migrate` was told of it. */
export type ViewDefinition = MigrationOptions['view'];

/** How long a statement waits inside SQLite, where it blocks the event loop, for another process's lock. */
export const BUSY_TIMEOUT_MS = 2;

/** How a transaction waits, without blocking, for another process's lock: about six seconds in all. */
export const LOCK_BACKOFF = { baseMs: 1, capMs: 50 } as const;
export const LOCK_ATTEMPTS = 250;
/** The same while the lock is known to be held for long: whoever waits behind learns the reason soon. */
export const LOCK_ATTEMPTS_WHEN_HELD = 20;

/** After this many rows read or written at a stretch the event loop gets its turn. */
export const ROWS_PER_TURN = 250;

/**
 * Past this many pages (of 4 KiB) a commit also copies the write-ahead log back into the database file, which
 * holds up the event loop: fewer pages make shorter stops, more pages make fewer.
 */
export const WAL_AUTOCHECKPOINT_PAGES = 4_000;

/** Page cache of each connection, in KiB. */
export const CACHE_KIBIBYTES = 65_536;
