import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { columnsText, commonColumns } from '../../core/view-columns.ts';
import type {
  OutdatedPage,
  RangePage,
  RebuiltRow,
  RebuiltRows,
  RowDifference,
  RowsPage,
  ViewState,
} from '../../ports/view-rebuild.ts';
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { identifier } from './identifier.ts';
import type { ParameterWriter } from './parameter-writer.ts';
import { marks, RowsStatement } from './rows-statement.ts';
import { textOf } from './values.ts';
import { isText, viewTypes, writeViewRow } from './view-parameters.ts';
import { readViewState } from './view-state.ts';
import { viewValue } from './view-table.ts';

/** The names of the tables beside the view's. */
export function namesBeside(table: string): { readonly rebuilt: string; readonly former: string } {
  return { rebuilt: `${table}_rebuilt`, former: `${table}_former` };
}

/** The version of a row that every catch-up makes again. */
const OUTDATED = 0;

/** Writes the rows of the table that a rebuild makes, and compares tables row by row. */
export class RebuiltTable {
  readonly #pool: ConnectionPool;
  readonly #view: ViewShape;
  readonly #rebuilt: string;
  readonly #former: string;

  constructor(pool: ConnectionPool, view: ViewShape) {
    this.#pool = pool;
    this.#view = view;
    const { rebuilt, former } = namesBeside(view.table);
    this.#rebuilt = rebuilt;
    this.#former = former;
  }

  async write({ rebuildId, epoch, rows }: RebuiltRows): Promise<boolean> {
    return inTransaction(this.#pool, async (connection) => {
      const { table } = this.#view;
      const state = await readViewState(
        connection,
        table,
        epoch === null ? 'LOCK IN SHARE MODE' : 'FOR UPDATE',
      );
      if (!isUnderWay(state, rebuildId, epoch)) return false;
      if (epoch !== null)
        await connection.execute('UPDATE view_states SET beat = beat + 1 WHERE view_name = ?', [table]);
      const columns = state.rebuild?.columns ?? [];
      const sorted = [...rows].sort((a, b) =>
        Buffer.compare(Buffer.from(a.entityId), Buffer.from(b.entityId)),
      );
      const folded = sorted.filter(({ row }) => row !== null);
      await rebuiltStatement({ ...this.#view, table: this.#rebuilt, columns }, epoch !== null).run(
        connection,
        folded,
      );
      for (const { entityId, version, row } of sorted)
        if (row === null)
          await this.#keepColumns(connection, state, entityId, epoch === null ? OUTDATED : version);
      return true;
    });
  }

  /** Copies the columns of the present row of an entity that cannot be folded. */
  async #keepColumns(
    connection: PoolConnection,
    { columns, rebuild }: ViewState,
    entityId: string,
    version: number,
  ): Promise<void> {
    const names = commonColumns(columns, rebuild?.columns ?? []).map(({ column }) => identifier(column.name));
    const key = identifier(this.#view.keyColumn);
    const all = [key, ...names, 'version'].join(', ');
    await connection.execute(
      `REPLACE INTO ${identifier(this.#rebuilt)} (${all}) SELECT ${[key, ...names].join(', ')}, ? ` +
        `FROM ${identifier(this.#view.table)} WHERE ${key} = ?`,
      [version, entityId],
    );
  }

  async listOutdated({ after, limit }: RangePage): Promise<OutdatedPage> {
    return withConnection(this.#pool, async (connection) => {
      const { table } = this.#view;
      const key = identifier(this.#view.keyColumn);
      const { last, count } = await this.#end(connection, table, after, limit);
      if (count === 0) return { entityIds: [], through: null };
      const [rows] = await connection.execute<RowDataPacket[]>(
        `SELECT p.${key} FROM ${identifier(table)} p FORCE INDEX (\`PRIMARY\`) ` +
          `LEFT JOIN ${identifier(this.#rebuilt)} r ON r.${key} = p.${key} ` +
          `WHERE p.${key} > ? AND p.${key} <= ? AND (r.version IS NULL OR r.version <> p.version) ` +
          // Without this, MySQL may join small tables in memory, which lists the ids without a new row last.
          `ORDER BY p.${key}`,
        [after ?? '', last],
      );
      return { entityIds: rows.map((row) => textOf(row[0])), through: count < limit ? null : last };
    });
  }

  /** The last of at most `limit` ids behind `after`, and their number. */
  async #end(
    connection: PoolConnection,
    table: string,
    after: string | null,
    limit: number,
  ): Promise<{ readonly last: string | null; readonly count: number }> {
    const key = identifier(this.#view.keyColumn);
    // No id is empty, so every id comes behind the empty one.
    const [[row]] = await connection.execute<RowDataPacket[]>(
      `SELECT MAX(k), COUNT(*) FROM (SELECT ${key} AS k FROM ${identifier(table)} FORCE INDEX (\`PRIMARY\`) ` +
        `WHERE ${key} > ? ORDER BY ${key} LIMIT ${Math.floor(limit)}) page`,
      [after ?? ''],
    );
    const count = Number(row?.[1] ?? 0);
    return { last: count === 0 ? null : textOf(row?.[0]), count };
  }

  async compare(tables: 'rebuilt' | 'former', { after, limit }: RangePage): Promise<RowsPage> {
    return withConnection(this.#pool, async (connection) => {
      const { columns, rebuild } = await readViewState(connection, this.#view.table);
      if (rebuild === null) throw refused('No rebuild is under way.');
      const { table } = this.#view;
      const older =
        tables === 'rebuilt'
          ? { table, columns }
          : { table: this.#former, columns: rebuild.formerColumns ?? [] };
      const newer =
        tables === 'rebuilt' ? { table: this.#rebuilt, columns: rebuild.columns } : { table, columns };
      const end = await this.#end(connection, older.table, after, limit);
      const newerEnd = end.count === limit ? null : await this.#end(connection, newer.table, after, limit);
      const isEnd = newerEnd !== null && newerEnd.count < limit;
      const through = isEnd ? null : newerEnd === null ? end.last : newerEnd.last;
      const range = { after: after ?? '', through };
      const differences = [
        ...(await this.#differing(connection, older, newer, range)),
        ...(await this.#added(connection, older, newer, range)),
      ];
      const equal = tables === 'rebuilt' ? await this.#countEqual(connection, older, newer, range) : 0;
      return { equal, differences, through };
    });
  }

  async #countEqual(
    connection: PoolConnection,
    older: Side,
    newer: Side,
    { after, through }: Range,
  ): Promise<number> {
    const key = identifier(this.#view.keyColumn);
    const same = sameColumns(older, newer);
    const [[row]] = await connection.execute<RowDataPacket[]>(
      `SELECT COUNT(*) FROM ${identifier(older.table)} o FORCE INDEX (\`PRIMARY\`) ` +
        `JOIN ${identifier(newer.table)} n ON n.${key} = o.${key} ` +
        `WHERE o.${key} > ? ${through === null ? '' : `AND o.${key} <= ?`} AND ${['TRUE', ...same].join(' AND ')}`,
      through === null ? [after] : [after, through],
    );
    return Number(row?.[0]);
  }

  async #differing(
    connection: PoolConnection,
    older: Side,
    newer: Side,
    { after, through }: Range,
  ): Promise<RowDifference[]> {
    const key = identifier(this.#view.keyColumn);
    const same = sameColumns(older, newer);
    const differ = same.length === 0 ? 'FALSE' : `NOT (${same.join(' AND ')})`;
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT o.${key}, o.version, n.version, ${[...listed('o', older), ...listed('n', newer)].join(', ')} ` +
        `FROM ${identifier(older.table)} o FORCE INDEX (\`PRIMARY\`) ` +
        `LEFT JOIN ${identifier(newer.table)} n ON n.${key} = o.${key} ` +
        `WHERE o.${key} > ? ${through === null ? '' : `AND o.${key} <= ?`} AND (n.version IS NULL OR ${differ})`,
      through === null ? [after] : [after, through],
    );
    return rows.map((row) => ({
      entityId: textOf(row[0]),
      before: { version: Number(row[1]), row: valuesOf(older.columns, row, 3) },
      after:
        row[2] === null
          ? null
          : { version: Number(row[2]), row: valuesOf(newer.columns, row, 3 + older.columns.length) },
    }));
  }

  /** The rows that only the newer table has. */
  async #added(
    connection: PoolConnection,
    older: Side,
    newer: Side,
    { after, through }: Range,
  ): Promise<RowDifference[]> {
    const key = identifier(this.#view.keyColumn);
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT n.${key}, n.version, ${listed('n', newer).join(', ')} ` +
        `FROM ${identifier(newer.table)} n FORCE INDEX (\`PRIMARY\`) ` +
        `LEFT JOIN ${identifier(older.table)} o ON o.${key} = n.${key} ` +
        `WHERE n.${key} > ? ${through === null ? '' : `AND n.${key} <= ?`} AND o.version IS NULL`,
      through === null ? [after] : [after, through],
    );
    return rows.map((row) => ({
      entityId: textOf(row[0]),
      before: null,
      after: { version: Number(row[1]), row: valuesOf(newer.columns, row, 2) },
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

/** The conditions under which the rows `o` and `n` of two tables are equal in the columns that both have. */
function sameColumns(older: Side, newer: Side): string[] {
  return commonColumns(older.columns, newer.columns).map(({ column }) => {
    const [left, right] = [`o.${identifier(column.name)}`, `n.${identifier(column.name)}`];
    return isText(column) ? `CAST(${left} AS BINARY) <=> CAST(${right} AS BINARY)` : `${left} <=> ${right}`;
  });
}

function listed(alias: string, { columns }: Side): string[] {
  return columns.map(({ name }) => `${alias}.${identifier(name)}`);
}

function valuesOf(columns: readonly ViewColumn[], row: RowDataPacket, from: number) {
  return columns.map((column, index) => viewValue(column, row[from + index]));
}

function isUnderWay({ rebuild, phase, epoch }: ViewState, rebuildId: string, asked: number | null): boolean {
  if (rebuild?.rebuildId !== rebuildId) return false;
  return asked === null ? phase === 'steady' : phase === 'switching' && epoch === asked;
}

const statements = new Map<string, RowsStatement<RebuiltRow>>();

/** Writes rows of the new table: those of the same and later versions, or all if `isForced`. */
function rebuiltStatement(view: ViewShape, isForced: boolean): RowsStatement<RebuiltRow> {
  const name = `${isForced} ${view.table} ${columnsText(view.columns)}`;
  let statement = statements.get(name);
  if (statement === undefined) {
    const columns = view.columns.map((column) => identifier(column.name));
    // Assignments run from left to right, so the columns see the version that the row had.
    const settings = [...columns, 'version'].map((column) =>
      isForced
        ? `${column} = VALUES(${column})`
        : `${column} = IF(VALUES(version) >= version, VALUES(${column}), ${column})`,
    );
    statement = new RowsStatement<RebuiltRow>({
      before: `INSERT INTO ${identifier(view.table)} (${[identifier(view.keyColumn), ...columns, 'version'].join(', ')}) VALUES`,
      row: `(${marks(columns.length + 2)})`,
      after: `ON DUPLICATE KEY UPDATE ${settings.join(', ')}`,
      columns: ['bytes', ...viewTypes(view), 'integer'],
      write(writer: ParameterWriter, { entityId, row, version }) {
        writer.text(entityId);
        writeViewRow(writer, view, row ?? []);
        writer.integer(version);
      },
    });
    statements.set(name, statement);
  }
  return statement;
}

export function refused(message: string): TributaryError {
  return new TributaryError('rebuild_refused', message);
}
