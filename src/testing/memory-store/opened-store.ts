import type { ViewShape } from '../../core/adoption/index.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MigrationOptions } from '../../ports/migration.ts';
import type { EntityInspection, MigratedStore, OpenedStore } from '../../ports/store.ts';
import { MemoryAdministration } from './administration.ts';
import { Connection, type DatabaseTime, type StoreSession } from './connection.ts';
import type { MemoryDatabase } from './database.ts';
import { examine, migrate, requireCurrentSchema } from './migration.ts';
import { MemoryStore } from './store.ts';

export interface MemoryStoreOptions {
  readonly database: MemoryDatabase;
  /** The clock of the process. */
  readonly clock: Clock;
  /** The names of the delivery targets. */
  readonly targets: readonly string[];
  /** What lies between the process and the database. Default: nothing, so that no statement waits. */
  readonly session?: StoreSession;
  /** The time of leases and retries. Default: the clock of the database, or else `clock`. */
  readonly time?: DatabaseTime;
}

/** A store in memory, as it is after opening. */
export class OpenedMemoryStore extends MemoryAdministration implements OpenedStore {
  readonly #targets: readonly string[];

  constructor({ database, clock, targets, session, time }: MemoryStoreOptions) {
    super(new Connection(database, session ?? null, clock, time));
    this.#targets = targets;
  }

  async examineView(options: MigrationOptions) {
    return examine(this.connection, options);
  }

  async migrate(options: MigrationOptions): Promise<MigratedStore> {
    const report = await migrate(this.connection, options);
    const store = new MemoryStore(this.connection, options.view, this.#targets, options.foldVersion ?? 1);
    await store.viewState();
    return { store, report };
  }

  async toRead(view: ViewShape): Promise<EntityInspection> {
    await requireCurrentSchema(this.connection);
    const store = new MemoryStore(this.connection, view, this.#targets, 1);
    await store.viewState();
    return store;
  }
}

/** Opens a store on a simulated database, as one process has it. */
export function openMemoryStore(options: MemoryStoreOptions): OpenedStore {
  return new OpenedMemoryStore(options);
}
