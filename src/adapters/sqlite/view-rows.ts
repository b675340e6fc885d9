import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewRow, ViewValue } from '../../core/domain.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { StoredRow } from '../../ports/store.ts';
import type { Connection } from './database.ts';
import { identifier } from './identifier.ts';
import { numberOf, type SqliteRow } from './values.ts';
import { ViewLayout } from './view-state.ts';
import { viewValue } from './view-table.ts';

/**
 * Reads and writes the rows of one view. Its names come from the domain and are quoted; its values are always bound.
 */
export class ViewRows {
  readonly definition: ViewShape;
  readonly layout: ViewLayout;
  /** The quoted name, for statements elsewhere. */
  readonly table: string;
  readonly key: string;
  readonly #columnNames: string[];
  readonly #insert: string;
  readonly #update: string;
  readonly #overwrite: string;
  readonly #updateVersion: string;
  readonly #select: string;

  constructor(definition: ViewShape) {
    this.definition = definition;
    this.layout = new ViewLayout(definition);
    this.table = identifier(definition.table);
    this.key = identifier(definition.keyColumn);
    this.#columnNames = definition.columns.map((column) => identifier(column.name));
    const names = [this.key, ...this.#columnNames, 'version'];
    const settings = [...this.#columnNames, 'version'];
    const insert = `INSERT INTO ${this.table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
    const excluded = `ON CONFLICT DO UPDATE SET ${settings.map((name) => `${name} = excluded.${name}`).join(', ')}`;
    // A row that was adopted without events has version 0, and the first event updates it.
    this.#insert = `${insert} ${excluded} WHERE version = 0`;
    this.#update = `
      UPDATE ${this.table} SET ${settings.map((name) => `${name} = ?`).join(', ')}
      WHERE ${this.key} = ? AND version = ?`;
    this.#updateVersion = `UPDATE ${this.table} SET version = ? WHERE ${this.key} = ? AND version = ?`;
    this.#overwrite = `${insert} ${excluded}`;
    this.#select = `SELECT * FROM ${this.table} WHERE ${this.key} = ?`;
  }

  /** Writes the row if the stored version (0 for no row) is `fromVersion`. Answers whether it was. */
  compareAndSet(writer: Connection, change: RowChange): boolean {
    const { entityId, fromVersion, version, row } = change;
    const values = row?.map(toSqlite);
    const isNew = fromVersion === 0;
    if (values === undefined) {
      const { changes } = isNew
        ? writer.statement(`${this.#writeVersion} WHERE version = 0`).run(entityId, version)
        : writer.statement(this.#updateVersion).run(version, entityId, fromVersion);
      return Number(changes) === 1;
    }
    const { changes } = isNew
      ? writer.statement(this.#insert).run(entityId, ...values, version)
      : writer.statement(this.#update).run(...values, version, entityId, fromVersion);
    return Number(changes) === 1;
  }

  /** Writes the row whatever the stored one holds. */
  overwrite(writer: Connection, { entityId, version, row, events }: RowChange): void {
    if (row !== null) writer.statement(this.#overwrite).run(entityId, ...row.map(toSqlite), version);
    else if (events.length > 0) writer.statement(this.#writeVersion).run(entityId, version);
  }

  /** Writes the version of a row, or a row of which only the version is known. Its flags are false, as those of MySQL. */
  get #writeVersion(): string {
    const flags = this.definition.columns
      .filter(({ name, type }) => type === 'boolean' && !this.layout.lacks(name))
      .map(({ name }) => identifier(name));
    return `
      INSERT INTO ${this.table} (${[this.key, 'version', ...flags].join(', ')})
      VALUES (${['?', '?', ...flags.map(() => '0')].join(', ')})
      ON CONFLICT DO UPDATE SET version = excluded.version`;
  }

  read(connection: Connection, entityId: string): StoredRow | null {
    const row = connection.statement(this.#select).get(entityId);
    return row === undefined ? null : { row: this.rowOf(row), version: numberOf(row.version) };
  }

  /** The values of the view's columns in a row that has them by their names. */
  rowOf(row: SqliteRow): ViewRow {
    return this.definition.columns.map((column) =>
      this.layout.lacks(column.name) ? null : viewValue(column, row[column.name]),
    );
  }

  /** The values of the view's columns in a list that has the sequence of `columnsOf`. */
  rowOfValues(values: readonly SQLOutputValue[]): ViewRow {
    return this.definition.columns.map((column, index) => viewValue(column, values[index]));
  }

  /** The view's columns as `alias.name`, for a join with a table that has columns of the same names. */
  columnsOf(alias: string): string {
    return this.definition.columns
      .map(({ name }) =>
        this.layout.lacks(name) ? `NULL AS ${identifier(name)}` : `${alias}.${identifier(name)}`,
      )
      .join(', ');
  }
}

/** The part of a change that the view's row needs. Without a row its columns stay, and only the version rises. */
type RowChange = Pick<EntityChange, 'entityId' | 'fromVersion' | 'version' | 'row' | 'events'>;

function toSqlite(value: ViewValue): SQLInputValue {
  return typeof value === 'boolean' ? Number(value) : value;
}
