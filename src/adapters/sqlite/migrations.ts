import { readdirSync, readFileSync } from 'node:fs';
import { TributaryError } from '../../core/errors.ts';

export interface Migration {
  readonly version: number;
  /** The name of the file. */
  readonly name: string;
  readonly sql: string;
}

/** The migrations of one schema: the SQL files of a folder, whose names begin with numbers from 0001. */
export class Migrations {
  readonly #folder: URL;
  #files: readonly Migration[] | null = null;

  constructor(folder: URL) {
    this.#folder = folder;
  }

  /** The version that this program brings a database to. */
  get newestVersion(): number {
    return this.#all().at(-1)?.version ?? 0;
  }

  /**
   * The migrations that a database of this version still needs, oldest first. The caller runs and records them in one
   * transaction. Throws `schema_too_new`, with a message that begins with `database`, if a later program made the schema.
   */
  after(version: number, database: string): Migration[] {
    if (version > this.newestVersion) {
      throw new TributaryError(
        'schema_too_new',
        `${database} has schema version ${version}, this program knows ${this.newestVersion}: start the newer program.`,
      );
    }
    return this.#all().filter((migration) => migration.version > version);
  }

  /** The tables that the migrations up to a version have made. */
  tablesMade(upTo: number): string[] {
    return this.#all()
      .filter(({ version }) => version <= upTo)
      .flatMap(({ sql }) => [...sql.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, name]) => name as string));
  }

  #all(): readonly Migration[] {
    this.#files ??= readdirSync(this.#folder)
      .filter((name) => name.endsWith('.sql'))
      .sort()
      .map((name) => ({
        version: Number.parseInt(name, 10),
        name,
        sql: readFileSync(new URL(name, this.#folder), 'utf8'),
      }));
    return this.#files;
  }
}
