import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { ViewColumn } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { commonColumns } from '../../core/view-columns.ts';
import type {
  OutdatedPage,
  RangePage,
  RebuiltRows,
  RowDifference,
  RowsPage,
  ViewState,
} from '../../ports/view-rebuild.ts';
import type { Connection, Database } from './database.ts';
import { identifier } from './identifier.ts';
import { Pace } from './pace.ts';
import { nullOr, numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';
import { readViewState } from './view-state.ts';
import { viewValue } from './view-table.ts';

/** The names of the tables beside the view's. */
export function namesBeside(table: string): { readonly rebuilt: string; readonly former: string } {
  return { rebuilt: `${table}_rebuilt`, former: `${table}_former` };
}

/** The version of a row that every catch-up makes again. */
const OUTDATED = 0;
/** The most rows of a page. A query of SQLite blocks the event loop. */
const PAGE_MAX = 2_000;

/** Writes the rows of the table that a rebuild makes, and compares tables row by row. */
export class RebuiltTable {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #table: string;
  readonly #rebuilt: string;
  readonly #former: string;

  constructor(database: Database, view: ViewRows) {
    this.#database = database;
    this.#view = view;
    this.#table = view.definition.table;
    const { rebuilt, former } = namesBeside(this.#table);
    this.#rebuilt = rebuilt;
    this.#former = former;
  }

  async write({ rebuildId, epoch, rows }: RebuiltRows): Promise<boolean> {
    return this.#database.write(async (writer) => {
      const state = readViewState(writer, this.#table);
      if (!isUnderWay(state, rebuildId, epoch)) return false;
      if (epoch !== null)
        writer.statement('UPDATE view_states SET beat = beat + 1 WHERE view_name = ?').run(this.#table);
      const columns = state.rebuild?.columns ?? [];
      const names = [...columns.map(({ name }) => identifier(name)), 'version'];
      const insert = writer.statement(`
        INSERT INTO ${identifier(this.#rebuilt)} (${[this.#view.key, ...names].join(', ')})
        VALUES (${['?', ...names.map(() => '?')].join(', ')})
        ON CONFLICT DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}
        ${epoch === null ? 'WHERE excluded.version >= version' : ''}`);
      const pace = new Pace();
      for (const { entityId, version, row } of rows) {
        if (row === null) this.#keepColumns(writer, state, entityId, epoch === null ? OUTDATED : version);
        else insert.run(entityId, ...row.map(toSqlite), version);
        await pace.pass(1);
      }
      return true;
    });
  }

  /** Copies the columns of the present row of an entity that cannot be folded. A new flag is false. */
  #keepColumns(writer: Connection, { columns, rebuild }: ViewState, entityId: string, version: number): void {
    const rebuilt = rebuild?.columns ?? [];
    const names = commonColumns(columns, rebuilt).map(({ column }) => identifier(column.name));
    const flags = rebuilt
      .filter(({ type }) => type === 'boolean')
      .map(({ name }) => identifier(name))
      .filter((name) => !names.includes(name));
    const { key } = this.#view;
    writer
      .statement(`
        INSERT OR REPLACE INTO ${identifier(this.#rebuilt)} (${[key, ...names, ...flags, 'version'].join(', ')})
        SELECT ${[key, ...names, ...flags.map(() => '0')].join(', ')}, ? FROM ${this.#view.table} WHERE ${key} = ?`)
      .run(version, entityId);
  }

  async listOutdated({ after, limit }: RangePage): Promise<OutdatedPage> {
    return this.#database.read((reader) => {
      const { key, table } = this.#view;
      const most = Math.min(limit, PAGE_MAX);
      const { last, count } = this.#end(reader, this.#table, after, most);
      if (last === null) return { entityIds: [], through: null };
      const rows = reader
        .arrays(`
          SELECT p.${key} FROM ${table} AS p LEFT JOIN ${identifier(this.#rebuilt)} AS r ON r.${key} = p.${key}
          WHERE p.${key} > ? AND p.${key} <= ? AND r.version IS NOT p.version ORDER BY p.${key}`)
        .all(after ?? '', last) as unknown as SQLOutputValue[][];
      return { entityIds: rows.map(([id]) => textOf(id)), through: count < most ? null : last };
    });
  }

  /** The last of at most `limit` ids behind `after`, and their number. No id is empty. */
  #end(
    reader: Connection,
    table: string,
    after: string | null,
    limit: number,
  ): { readonly last: string | null; readonly count: number } {
    const { key } = this.#view;
    const row = reader
      .statement(`
        SELECT max(k) AS last, count(*) AS ids
        FROM (SELECT ${key} AS k FROM ${identifier(table)} WHERE ${key} > ? ORDER BY ${key} LIMIT ?)`)
      .get(after ?? '', limit);
    return { last: nullOr(row?.last, textOf), count: numberOf(row?.ids) };
  }

  async compare(tables: 'rebuilt' | 'former', { after, limit }: RangePage): Promise<RowsPage> {
    return this.#database.read((reader) => {
      const { columns, rebuild } = readViewState(reader, this.#table);
      if (rebuild === null) throw refused('No rebuild is under way.');
      const older =
        tables === 'rebuilt'
          ? { table: this.#table, columns }
          : { table: this.#former, columns: rebuild.formerColumns ?? [] };
      const newer =
        tables === 'rebuilt'
          ? { table: this.#rebuilt, columns: rebuild.columns }
          : { table: this.#table, columns };
      const most = Math.min(limit, PAGE_MAX);
      const end = this.#end(reader, older.table, after, most);
      const newerEnd = end.count === most ? null : this.#end(reader, newer.table, after, most);
      const isEnd = newerEnd !== null && newerEnd.count < most;
      const through = isEnd ? null : newerEnd === null ? end.last : newerEnd.last;
      const range = { after: after ?? '', through };
      const differences = [
        ...this.#differing(reader, older, newer, range),
        ...this.#added(reader, older, newer, range),
      ];
      const equal = tables === 'rebuilt' ? this.#countEqual(reader, older, newer, range) : 0;
      return { equal, differences, through };
    });
  }

  #countEqual(reader: Connection, older: Side, newer: Side, { after, through }: Range): number {
    const { key } = this.#view;
    const row = reader
      .statement(`
        SELECT count(*) AS equal
        FROM ${identifier(older.table)} AS o JOIN ${identifier(newer.table)} AS n ON n.${key} = o.${key}
        WHERE o.${key} > ? ${through === null ? '' : `AND o.${key} <= ?`}
          AND NOT (${['FALSE', ...differing(older, newer)].join(' OR ')})`)
      .get(...(through === null ? [after] : [after, through]));
    return numberOf(row?.equal);
  }

  #differing(reader: Connection, older: Side, newer: Side, { after, through }: Range): RowDifference[] {
    const { key } = this.#view;
    const differ = differing(older, newer);
    const rows = reader
      .arrays(`
        SELECT o.${key}, o.version, n.version, ${[...listed('o', older), ...listed('n', newer)].join(', ')}
        FROM ${identifier(older.table)} AS o LEFT JOIN ${identifier(newer.table)} AS n ON n.${key} = o.${key}
        WHERE o.${key} > ? ${through === null ? '' : `AND o.${key} <= ?`}
          AND (${['n.version IS NULL', ...differ].join(' OR ')})`)
      .all(...(through === null ? [after] : [after, through])) as unknown as SQLOutputValue[][];
    return rows.map(([id, before, afterwards, ...values]) => ({
      entityId: textOf(id),
      before: { version: numberOf(before), row: valuesOf(older.columns, values) },
      after:
        afterwards === null
          ? null
          : {
              version: numberOf(afterwards),
              row: valuesOf(newer.columns, values.slice(older.columns.length)),
            },
    }));
  }

  /** The rows that only the newer table has. */
  #added(reader: Connection, older: Side, newer: Side, { after, through }: Range): RowDifference[] {
    const { key } = this.#view;
    const rows = reader
      .arrays(`
        SELECT n.${key}, n.version, ${listed('n', newer).join(', ')}
        FROM ${identifier(newer.table)} AS n LEFT JOIN ${identifier(older.table)} AS o ON o.${key} = n.${key}
        WHERE n.${key} > ? ${through === null ? '' : `AND n.${key} <= ?`} AND o.version IS NULL`)
      .all(...(through === null ? [after] : [after, through])) as unknown as SQLOutputValue[][];
    return rows.map(([id, version, ...values]) => ({
      entityId: textOf(id),
      before: null,
      after: { version: numberOf(version), row: valuesOf(newer.columns, values) },
    }));
  }
}

interface Side {
  readonly table: string;
  readonly columns: readonly ViewColumn[];
}

interface Range {
  readonly after: string;
  readonly through: string | null;
}

/** The conditions under which the rows `o` and `n` of two tables differ in the columns that both have. */
function differing(older: Side, newer: Side): string[] {
  return commonColumns(older.columns, newer.columns).map(
    ({ column: { name } }) => `o.${identifier(name)} IS NOT n.${identifier(name)}`,
  );
}

function listed(alias: string, { columns }: Side): string[] {
  return columns.map(({ name }) => `${alias}.${identifier(name)}`);
}

function valuesOf(columns: readonly ViewColumn[], values: readonly SQLOutputValue[]) {
  return columns.map((column, index) => viewValue(column, values[index]));
}

function toSqlite(value: string | number | boolean | null): SQLInputValue {
  return typeof value === 'boolean' ? Number(value) : value;
}

function isUnderWay({ rebuild, phase, epoch }: ViewState, rebuildId: string, asked: number | null): boolean {
  if (rebuild?.rebuildId !== rebuildId) return false;
  return asked === null ? phase === 'steady' : phase === 'switching' && epoch === asked;
}

export function refused(message: string): TributaryError {
  return new TributaryError('rebuild_refused', message);
}
