import { TributaryError } from '../../core/errors.ts';
import type { MigratedStore, MigrationOptions, OpenedStore } from '../../ports/store.ts';
import { SqliteAdministration } from './administration.ts';
import { Connection, Database, openReadOnly } from './database.ts';
import { storeError } from './errors.ts';
import type { SqliteStoreOptions } from './options.ts';
import { lookAt, migrate } from './schema.ts';
import { SqliteStore } from './store.ts';
import { MachineTime } from './store-time.ts';
import { numberOf } from './values.ts';
import { ViewTable } from './view-table.ts';

/** An SQLite file, which is opened when first used. */
export class OpenedSqliteStore extends SqliteAdministration implements OpenedStore {
  readonly #options: SqliteStoreOptions;
  readonly #database: Database;
  /** Whether the file was seen to have our tables. */
  #isSetUp = false;

  constructor(options: SqliteStoreOptions) {
    super(options.time ?? new MachineTime(options.clock));
    this.#options = options;
    this.#database = new Database(options.file, options.clock, options.whoHolds);
  }

  /** Reads on a connection of its own, so that a file that is no store of ours stays as it is to the byte. */
  async examineView(options: MigrationOptions) {
    const { file } = this.#options;
    const connection = openReadOnly(file) ?? new Connection(':memory:', false);
    try {
      return (await lookAt(connection, new ViewTable(options.view), options)).report;
    } catch (error) {
      throw storeError(error, file);
    } finally {
      connection.close();
    }
  }

  async migrate(options: MigrationOptions): Promise<MigratedStore> {
    const database = this.#database;
    await database.open();
    const view = new ViewTable(options.view);
    const report = await migrate(database, view, options);
    await database.write((writer) => this.time.fix(writer));
    this.#isSetUp = true;
    const { clock, targets } = this.#options;
    return { store: new SqliteStore({ database, view, clock, targets }, this.time), report };
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  /** Leaves the schema as it is, so that a command never changes the schema under a program that runs. */
  protected override async database(): Promise<Database> {
    if (this.#isSetUp) return this.#database;
    await this.#database.open();
    const tables = await this.#database.read((reader) =>
      reader.statement("SELECT count(*) AS found FROM sqlite_master WHERE name = 'schema_migrations'").get(),
    );
    this.#isSetUp = numberOf(tables?.found) === 1;
    if (this.#isSetUp) return this.#database;
    throw new TributaryError(
      'store_refused',
      `The store ${this.#options.file} has not been set up yet: start order-sync on it once.`,
    );
  }
}
