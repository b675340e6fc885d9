import { TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoreSession, Transaction } from './connection.ts';
import type { ForeignTable } from './foreign-table.ts';
import { Locks } from './locks.ts';
import type { Schema } from './schema.ts';
import { ViewTable } from './view-table.ts';

/** The whole contents of a database at one moment. It may be restored any number of times, into any database. */
export interface DatabaseSnapshot {
  readonly schema: Schema | null;
  readonly tables: ReadonlyMap<string, ViewTable | ForeignTable>;
}

export interface RestoreOptions {
  /** Whether the tables were dropped and made again, so that their incarnation changes. Default: false. */
  readonly areTablesNew?: boolean;
  /**
   * Whether the processes keep their connections, as where a backup is read into a running server. Then the generation of
   * the stores does not rise. Default: false, as where another server takes over.
   */
  readonly areConnectionsKept?: boolean;
}

export interface MemoryDatabaseOptions {
  /**
   * The clock of the server: waits for locks, leases and retries go by it. Default: the clock of each store, which stands
   * still while its process is frozen.
   */
  readonly clock?: Clock;
}

/**
 * A simulated database server with its contents, which several stores may share: each stands for one process. All times
 * and choices come from clocks that are given, so that one seed gives one run.
 *
 * A process that dies or freezes keeps its locks until somebody calls `endSession`. MySQL does so after 8 s.
 */
export class MemoryDatabase {
  readonly clock: Clock | null;
  /** Null before the first migration. */
  schema: Schema | null = null;
  /** The views, what a rebuild has beside them, and tables of other programs, by name. */
  tables = new Map<string, ViewTable | ForeignTable>();
  readonly locks = new Locks();
  /** Counts the times that all connections were lost because the database went back in time. */
  returns = 0;
  /** Called right after a transaction was written, with the session that wrote it. */
  onApplied: ((session: StoreSession | null) => void) | null = null;
  readonly #open = new Set<Transaction>();
  #incarnations = 0;

  constructor({ clock }: MemoryDatabaseOptions = {}) {
    this.clock = clock ?? null;
  }

  snapshot(): DatabaseSnapshot {
    return { schema: this.schema?.clone() ?? null, tables: cloned(this.tables) };
  }

  /** Puts the contents back. Rolls back what is under way. */
  restore(snapshot: DatabaseSnapshot, options: RestoreOptions = {}): void {
    for (const transaction of [...this.#open]) transaction.kill();
    this.schema = snapshot.schema?.clone() ?? null;
    this.tables = cloned(snapshot.tables);
    if (options.areTablesNew === true && this.schema !== null)
      this.schema.incarnation = this.nextIncarnation();
    if (options.areConnectionsKept !== true) this.returns++;
  }

  /**
   * Ends the transactions of this session as the server does when its process died or froze: rolls them back and frees
   * their locks. Later statements of them reject with `store_unreachable`, and their COMMIT with `store_commit_unknown`.
   */
  endSession(session: StoreSession): void {
    for (const transaction of [...this.#open]) if (transaction.session === session) transaction.kill();
  }

  /** Whether a transaction of this session is under way. */
  hasTransaction(session: StoreSession): boolean {
    for (const transaction of this.#open) if (transaction.session === session) return true;
    return false;
  }

  /** Rejects with `table_missing` if the database was never migrated. */
  requireSchema(): Schema {
    if (this.schema !== null) return this.schema;
    throw new TributaryError(
      'table_missing',
      'The simulated database lacks the tables of order-sync. Run order-sync migrate.',
    );
  }

  /** The view's table, or another one with rows of a view. Rejects with `table_missing` if there is none of this name. */
  viewTable(name: string): ViewTable {
    const table = this.tables.get(name);
    if (table instanceof ViewTable) return table;
    throw new TributaryError(
      table === undefined ? 'table_missing' : 'store_failed',
      `The simulated database lacks a table ${quoted(name)} of a view.`,
    );
  }

  nextIncarnation(): string {
    return `tables of generation ${++this.#incarnations}`;
  }

  /** Called when a transaction begins and when it has ended. */
  began(transaction: Transaction): void {
    this.#open.add(transaction);
  }

  ended(transaction: Transaction): void {
    this.#open.delete(transaction);
    if (transaction.held.length > 0) this.locks.release(transaction);
  }
}

function cloned(tables: ReadonlyMap<string, ViewTable | ForeignTable>) {
  const copy = new Map<string, ViewTable | ForeignTable>();
  for (const [name, table] of tables) copy.set(name, table.clone());
  return copy;
}
