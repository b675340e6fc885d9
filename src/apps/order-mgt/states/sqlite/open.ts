import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { hasWal } from '../../../../adapters/sqlite/index.ts';
import { messageOf, TributaryError } from '../../../../core/errors.ts';

/** One step each; `user_version` counts those that have run. A step that was released is never changed. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE orders (
     order_id       TEXT PRIMARY KEY NOT NULL,
     order_status   TEXT,
     payment_status TEXT,
     review_status  TEXT,
     ready_to_send  INTEGER NOT NULL,
     version        INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   -- One row for each delivery id, for ever: the proof that each id had one effect.
   CREATE TABLE deliveries_received (
     delivery_id  TEXT PRIMARY KEY NOT NULL,
     order_id     TEXT NOT NULL,
     version      INTEGER NOT NULL,
     payload_hash TEXT NOT NULL,
     effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
     received_at  TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // In the sequence of their receipt the rows are only ever added at the end, which costs far less than among
  // random ids; and the sequence says in which the orders changed.
  `CREATE TABLE deliveries_in_sequence (
     sequence     INTEGER PRIMARY KEY,
     delivery_id  TEXT NOT NULL UNIQUE,
     order_id     TEXT NOT NULL,
     version      INTEGER NOT NULL,
     payload_hash TEXT NOT NULL,
     effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
     received_at  TEXT NOT NULL
   ) STRICT;
   INSERT INTO deliveries_in_sequence (delivery_id, order_id, version, payload_hash, effect, received_at)
     SELECT delivery_id, order_id, version, payload_hash, effect, received_at
     FROM deliveries_received ORDER BY received_at, version;
   DROP TABLE deliveries_received;
   ALTER TABLE deliveries_in_sequence RENAME TO deliveries_received;`,
  // No receipt is written with an index of random ids any more: see received-ids.ts. The name stays, as a view, for
  // whoever looks from outside. And a program of the last schema that still has the file open would add an id a second
  // time now that no index forbids it: as it writes to that name, each of its statements fails.
  `CREATE TABLE delivery_receipts (
     sequence     INTEGER PRIMARY KEY,
     delivery_id  TEXT NOT NULL,
     order_id     TEXT NOT NULL,
     version      INTEGER NOT NULL,
     payload_hash TEXT NOT NULL,
     effect       TEXT NOT NULL CHECK (effect IN ('applied', 'ignored')),
     received_at  TEXT NOT NULL
   ) STRICT;
   INSERT INTO delivery_receipts (sequence, delivery_id, order_id, version, payload_hash, effect, received_at)
     SELECT sequence, delivery_id, order_id, version, payload_hash, effect, received_at
     FROM deliveries_received ORDER BY sequence;
   CREATE TABLE delivery_ids (
     delivery_id TEXT PRIMARY KEY NOT NULL,
     sequence    INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO delivery_ids (delivery_id, sequence)
     SELECT delivery_id, sequence FROM deliveries_received ORDER BY delivery_id;
   -- The receipts up to this sequence have their ids in delivery_ids.
   CREATE TABLE delivery_ids_end (
     id       INTEGER PRIMARY KEY CHECK (id = 1),
     sequence INTEGER NOT NULL
   ) STRICT;
   INSERT INTO delivery_ids_end (id, sequence) SELECT 1, COALESCE(MAX(sequence), 0) FROM delivery_receipts;
   DROP TABLE deliveries_received;
   CREATE VIEW deliveries_received AS
     SELECT sequence, delivery_id, order_id, version, payload_hash, effect, received_at FROM delivery_receipts;`,
];

/** While another process is at work on the file: at the start, */
const OPENING_LOCK_WAIT_MS = 5_000;
/** and later. This wait holds up the whole program; `WriteLock` waits longer, and holds up only the deliveries. */
const BLOCKING_LOCK_WAIT_MS = 2;

/** Opens the file with its schema brought up to date. Throws `store_unreachable`, `schema_too_new`. */
export function openSqliteFile(file: string): DatabaseSync {
  let database: DatabaseSync;
  try {
    mkdirSync(dirname(file), { recursive: true });
    database = new DatabaseSync(file, { timeout: OPENING_LOCK_WAIT_MS });
    // WalSync waits for the disk before a receipt is given, so that a COMMIT need not.
    const answer = database.prepare('PRAGMA journal_mode = WAL').get();
    if (database.location() !== null && !hasWal(answer))
      throw new TributaryError('store_unreachable', 'it can have no write-ahead log there');
    database.exec(
      'PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -65536; PRAGMA wal_checkpoint(PASSIVE);',
    );
  } catch (error) {
    throw cannotBeOpened(file, error);
  }
  try {
    migrate(database, file);
    database.exec(`PRAGMA busy_timeout = ${BLOCKING_LOCK_WAIT_MS}`);
    return database;
  } catch (error) {
    database.close();
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

function migrate(database: DatabaseSync, file: string): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const found = Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
    if (found > MIGRATIONS.length) {
      throw new TributaryError(
        'schema_too_new',
        `The database ${file} has schema ${found}, and this program knows ${MIGRATIONS.length}: start the newer program.`,
      );
    }
    for (const step of MIGRATIONS.slice(found)) database.exec(step);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
