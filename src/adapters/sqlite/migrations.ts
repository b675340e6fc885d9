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

  /** The tables that a database of this version has. */
  tablesMade(upTo: number): string[] {
    const made = new Set<string>();
    for (const { version, sql } of this.#all()) {
      if (version > upTo) break;
      for (const [, verb, name = ''] of sql.matchAll(/^(CREATE|DROP) TABLE (?:IF EXISTS )?(\w+)/gm)) {
        if (verb === 'CREATE') made.add(name);
        else made.delete(name);
      }
    }
    return [...made];
  }

  /** The tables that a database of any version has, those that a later migration drops included. */
  namesUsed(): string[] {
    const made = this.#all().flatMap(({ sql }) => [...sql.matchAll(/^CREATE TABLE (\w+)/gm)]);
    return [...new Set(made.map(([, name]) => name as string))];
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
