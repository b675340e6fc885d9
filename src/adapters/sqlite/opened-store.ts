import type { ViewShape } from '../../core/adoption/index.ts';
import { TributaryError } from '../../core/errors.ts';
import type { TableNames } from '../../core/table-names.ts';
import { ViewNames } from '../../core/view-names.ts';
import type { MigrationOptions } from '../../ports/migration.ts';
import type { EntityInspection, MigratedStore, OpenedStore } from '../../ports/store.ts';
import { SqliteAdministration } from './administration.ts';
import { Database } from './database.ts';
import type { SqliteStoreOptions } from './options.ts';
import { examine, migrate, requireCurrentSchema } from './schema.ts';
import { SqliteStore } from './store.ts';
import { MachineTime } from './store-time.ts';
import { tableNames } from './table-names.ts';
import { numberOf } from './values.ts';

/** A store in a file that is opened when it is first used. */
export class OpenedSqliteStore extends SqliteAdministration implements OpenedStore {
  readonly #options: SqliteStoreOptions;
  readonly #database: Database;
  readonly #tables: TableNames;
  readonly #views: ViewNames;
  /** Whether the file is known to have our tables. */
  #isSetUp = false;

  constructor(options: SqliteStoreOptions) {
    super(options.time ?? new MachineTime(options.clock));
    this.#options = options;
    this.#tables = tableNames(options.naming?.tablePrefix);
    this.#views = new ViewNames(options.naming);
    this.#database = new Database(options.file, options.clock, options.whoHolds, this.#tables);
  }

  async examineView(options: MigrationOptions) {
    return examine(this.#options.file, this.#stored(options), this.#tables);
  }

  async migrate(options: MigrationOptions): Promise<MigratedStore> {
    const database = this.#database;
    await database.open();
    const stored = this.#stored(options);
    const report = await migrate(database, stored);
    await database.write((writer) => this.time.fix(writer));
    this.#isSetUp = true;
    const { foldVersion = 1 } = options;
    const store = new SqliteStore(database, this.time, stored.view, this.#views, this.#options, foldVersion);
    this.#views.refuseRenamed(options.view, await store.viewState(), foldVersion);
    return { store, report };
  }

  async toRead(view: ViewShape): Promise<EntityInspection> {
    const database = await this.database();
    await database.read(requireCurrentSchema);
    const stored = this.#views.stored(view);
    const store = new SqliteStore(database, this.time, stored, this.#views, this.#options, 1);
    // Learns which of the program's columns the table has.
    await store.viewState();
    return store;
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #stored(options: MigrationOptions): MigrationOptions {
    return { ...options, view: this.#views.stored(options.view) };
  }

  /** Opens the file and leaves its schema alone, so that a command never changes the schema under a running program. */
  protected override async database(): Promise<Database> {
    if (this.#isSetUp) return this.#database;
    await this.#database.open();
    const tables = await this.#database.read((reader) =>
      reader
        .statement('SELECT count(*) AS found FROM sqlite_master WHERE name = ?')
        .get(reader.names.of('schema_migrations')),
    );
    this.#isSetUp = numberOf(tables?.found) === 1;
    if (this.#isSetUp) return this.#database;
    throw new TributaryError(
      'store_refused',
      `The store ${this.#options.file} has not been set up yet: start order-sync on it once.`,
    );
  }
}
