import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { hasWal, WalSync, type WhoHolds, WriteLock } from '../../../../adapters/sqlite/index.ts';
import { messageOf, TributaryError } from '../../../../core/errors.ts';
import type { Clock } from '../../../../ports/clock.ts';
import type { OrderStates } from '../../states.ts';
import { RECEIVED_IDS_LIMITS, ReceivedIds, type ReceivedIdsLimits } from './received-ids.ts';
import { updateSchema } from './schema.ts';
import { States } from './states.ts';

export interface StatesOptions {
  /** The path of the file, or `:memory:`. */
  readonly file: string;
  readonly clock: Clock;
  /** Names the process that holds the file's write lock, for messages. */
  readonly whoHolds?: WhoHolds;
  /** Tests set lower limits, so that ids are merged all the time. */
  readonly limits?: ReceivedIdsLimits | undefined;
}

/** A start waits inside SQLite for another process that is at work on the file. */
const OPENING_LOCK_WAIT_MS = 5_000;
/** Later a wait inside SQLite would hold up the whole program; `WriteLock` waits longer, and holds up only the deliveries. */
const BLOCKING_LOCK_WAIT_MS = 2;
const PRAGMAS = `
  -- WalSync waits for the disk before a receipt is given, so that a COMMIT need not.
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 16000;
  PRAGMA cache_size = -65536;
  -- A disk that failed may have left something in the log: it is copied into the file before anything builds on it.
  PRAGMA wal_checkpoint(PASSIVE);`;

/**
 * Opens the states in one SQLite file, and makes the file if it is missing. Rejects with `store_unreachable` if the file
 * cannot be opened and with `schema_too_new` if a newer program wrote it; then the file is closed.
 */
export async function openStates(options: StatesOptions): Promise<OrderStates> {
  const database = openFile(options.file);
  try {
    return new States({
      database,
      wal: WalSync.of(database),
      lock: new WriteLock(options.file, options.clock, options.whoHolds),
      receivedIds: new ReceivedIds(database, options.limits ?? RECEIVED_IDS_LIMITS),
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Makes the tables or brings them up to date. Rejects as `openStates` does. */
export async function migrateStates({ file }: StatesOptions): Promise<void> {
  openFile(file).close();
}

function openFile(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    database = new DatabaseSync(file, { timeout: OPENING_LOCK_WAIT_MS });
    const answer = database.prepare('PRAGMA journal_mode = WAL').get();
    if (database.location() !== null && !hasWal(answer))
      throw cannotBeOpened(
        file,
        new TributaryError('store_unreachable', 'it can have no write-ahead log there'),
      );
    database.exec(PRAGMAS);
    updateSchema(database, file);
    database.exec(`PRAGMA busy_timeout = ${BLOCKING_LOCK_WAIT_MS}`);
    return database;
  } catch (error) {
    database?.close();
    throw error instanceof TributaryError ? error : cannotBeOpened(file, error);
  }
}

function cannotBeOpened(file: string, cause: unknown): TributaryError {
  const remedy =
    'see that the disk has room and the folder may be written to, or name another file by ORDER_MGT_DATABASE_URL';
  return new TributaryError(
    'store_unreachable',
    `The database ${file} cannot be opened (${messageOf(cause)}): ${remedy}.`,
    { cause },
  );
}
