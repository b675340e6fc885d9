import { readdirSync, readFileSync } from 'node:fs';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
import { redacted } from './errors.ts';
import { isRightMissing, isStatementUnknown, type Remedies } from './refusals.ts';

export interface MigrationsOptions {
  /** The program whose schema this is, as messages name it. */
  readonly program: 'order-sync' | 'order-mgt';
  /** The folder of the SQL files. Their names begin with numbers from 0001; a semicolon at the end of a line ends a statement. */
  readonly folder: URL;
  /** The table that has a row for each migration that has run. */
  readonly table: string;
  /** The definitions of its columns. `version` is one of them. */
  readonly columns: string;
  /** Whether its rows also hold the names of the files. */
  readonly hasNames: boolean;
}

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/** The migrations of one program's schema, and which of them a database has. */
export class Migrations {
  readonly #options: MigrationsOptions;
  #files: readonly Migration[] | null = null;

  constructor(options: MigrationsOptions) {
    this.#options = options;
  }

  /** The version that this program brings a database to. */
  get newestVersion(): number {
    return this.#all().at(-1)?.version ?? 0;
  }

  /**
   * The version that the database records. Null means that it has no schema, or that this user may not see it.
   * Rejects with `schema_too_new` if a later program made the schema.
   */
  async recordedVersion(connection: PoolConnection): Promise<number | null> {
    try {
      const [[row]] = await connection.query<RowDataPacket[]>(
        `SELECT MAX(version) FROM ${this.#options.table}`,
      );
      return row?.[0] === null ? null : this.#known(Number(row?.[0]));
    } catch (error) {
      if (isRightMissing(error) || (error as { errno?: number }).errno === NO_SUCH_TABLE) return null;
      throw error;
    }
  }

  /**
   * Brings the schema to the newest version. Only one process at a time may call this (`withMigrationLock`). MySQL
   * commits each statement by itself, so a start that ends halfway leaves a migration half done; the next start runs
   * that migration again from its first statement. A layer over several servers may make no views of tables that it
   * distributes. `viewsRefused` names those; nothing but questions of people needs them.
   */
  async run(
    connection: PoolConnection,
  ): Promise<{ fromVersion: number; toVersion: number; viewsRefused: readonly string[] }> {
    const { table, columns } = this.#options;
    await connection.query(`CREATE TABLE IF NOT EXISTS ${table} (${columns}) ENGINE = InnoDB`);
    const [[row]] = await connection.query<RowDataPacket[]>(`SELECT COALESCE(MAX(version), 0) FROM ${table}`);
    const fromVersion = this.#known(Number(row?.[0]));
    const viewsRefused = new Set<string>();
    for (const migration of this.#all()) {
      if (migration.version <= fromVersion) continue;
      for (const statement of migration.statements) {
        const view = await runStatement(connection, statement);
        if (view !== null) viewsRefused.add(view);
      }
      await this.#record(connection, migration);
    }
    return { fromVersion, toVersion: this.newestVersion, viewsRefused: [...viewsRefused] };
  }

  /** The tables and views that a database of this version has. */
  tablesMade(upTo: number): string[] {
    const made = new Set<string>();
    for (const { version, statements } of this.#all()) {
      if (version > upTo) break;
      for (const statement of statements) {
        const dropped = /^DROP TABLE (?:IF EXISTS )?(\w+)/.exec(statement)?.[1];
        const name = madeBy(statement);
        if (name !== undefined) made.add(name);
        if (dropped !== undefined) made.delete(dropped);
      }
    }
    return [...made];
  }

  /** The tables and views that a database of any version has, those that a later migration drops included. */
  namesUsed(): string[] {
    const made = this.#all().flatMap(({ statements }) => statements.map(madeBy));
    return [...new Set(made.filter((name) => name !== undefined))];
  }

  /**
   * The error of a start whose user may not change the schema. It names the command that an administrator has to run.
   * `what` is the beginning of the sentence: what is missing or old.
   */
  needed(what: string, { user }: Remedies, cause: unknown): TributaryError {
    const { program } = this.#options;
    return new TributaryError(
      'store_refused',
      `${what}, and the user "${user}" may not change the schema: run "${program} migrate" once with a user that may ` +
        '(docs/operations.md, "Users and grants").',
      { cause: redacted(cause) },
    );
  }

  async #record(connection: PoolConnection, { version, name }: Migration): Promise<void> {
    const { table, hasNames } = this.#options;
    if (hasNames)
      await connection.query(`INSERT INTO ${table} (version, name) VALUES (?, ?)`, [version, name]);
    else await connection.query(`INSERT INTO ${table} (version) VALUES (?)`, [version]);
  }

  #known(version: number): number {
    if (version <= this.newestVersion) return version;
    throw new TributaryError(
      'schema_too_new',
      `The database has schema version ${version} of ${this.#options.program}, this program knows ${this.newestVersion}: ` +
        'start the newer program.',
    );
  }

  #all(): readonly Migration[] {
    this.#files ??= readMigrations(this.#options.folder);
    return this.#files;
  }
}

const NO_SUCH_TABLE = 1146;

const DUPLICATE_COLUMN = 1060;
const DUPLICATE_INDEX = 1061;
const NO_SUCH_INDEX = 1091;

/**
 * A column or an index that is there already was added by a start that ended before it could record the migration, and an
 * index that is gone was dropped by one. Gives the name of a view that the server refuses to make.
 */
async function runStatement(connection: PoolConnection, statement: string): Promise<string | null> {
  try {
    await connection.query(statement);
    return null;
  } catch (error) {
    const { errno } = error as { errno?: number };
    const isColumn = /^ALTER TABLE \w+ ADD COLUMN [^,]*$/.test(statement);
    const isIndex = /^ALTER TABLE \w+ ADD INDEX \w+ \([^)]*\)$/.test(statement);
    if (isColumn && errno === DUPLICATE_COLUMN) return null;
    if (isIndex && errno === DUPLICATE_INDEX) return null;
    if (/^ALTER TABLE \w+ DROP INDEX \w+$/.test(statement) && errno === NO_SUCH_INDEX) return null;
    const view = /^CREATE OR REPLACE VIEW (\w+)/.exec(statement)?.[1];
    if (view !== undefined && isStatementUnknown(error)) return view;
    if (isStatementUnknown(error) && (await hasNothingToMove(connection, statement))) return null;
    throw error;
  }
}

/**
 * Whether the statement moves rows of older tables that have none. A layer over several servers may refuse such statements, and
 * no older version has ever worked on one.
 */
async function hasNothingToMove(connection: PoolConnection, statement: string): Promise<boolean> {
  if (!/^INSERT\b[\s\S]*\bSELECT\b/.test(statement)) return false;
  for (const [, table] of statement.matchAll(/\bFROM (\w+)/g)) {
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT 1 FROM ${table} LIMIT 1`);
    if (rows.length > 0) return false;
  }
  return true;
}

function madeBy(statement: string): string | undefined {
  return /^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)/.exec(statement)?.[1];
}

function readMigrations(folder: URL): Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({
      version: Number.parseInt(name, 10),
      name,
      statements: readFileSync(new URL(name, folder), 'utf8')
        .replace(/^--.*$/gm, '')
        .split(/;\s*$/m)
        .map((statement) => statement.trim().replace(/^CREATE TABLE (?!IF)/, 'CREATE TABLE IF NOT EXISTS '))
        .filter((statement) => statement !== ''),
    }));
}
