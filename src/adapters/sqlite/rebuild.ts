import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { ViewColumn } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { columnsText, commonColumns } from '../../core/view-columns.ts';
import type { JsonObject } from '../../ports/jobs.ts';
import type {
  LedgerPlace,
  NewRebuild,
  OutdatedPage,
  RangePage,
  RebuiltRows,
  RowDifference,
  RowsPage,
  SettledChanges,
  SettledCounts,
  ViewState,
} from '../../ports/view-rebuild.ts';
import { findTables } from './catalog.ts';
import type { Connection, Database } from './database.ts';
import type { DueDeliveries } from './due-deliveries.ts';
import { identifier } from './identifier.ts';
import { Pace, slices } from './pace.ts';
import { rename } from './rename.ts';
import type { StoreTime } from './store-time.ts';
import { nullOr, numberOf, textOf } from './values.ts';
import type { ViewRows } from './view-rows.ts';
import { fenceAll, readViewState } from './view-state.ts';
import { createView, viewValue } from './view-table.ts';

/** The names of the tables beside the view's. */
export function namesBeside(table: string): { readonly rebuilt: string; readonly former: string } {
  return { rebuilt: `${table}_rebuilt`, former: `${table}_former` };
}

/** The most rows of a page. A query of SQLite blocks the event loop. */
const PAGE_MAX = 2_000;

/** Makes the view's table anew beside the old one, and exchanges the two. Each step is one transaction. */
export class Rebuilds {
  readonly #database: Database;
  readonly #view: ViewRows;
  readonly #deliveries: DueDeliveries;
  readonly #time: StoreTime;
  readonly #table: string;
  readonly #rebuilt: string;
  readonly #former: string;

  constructor(database: Database, view: ViewRows, deliveries: DueDeliveries, time: StoreTime) {
    this.#database = database;
    this.#view = view;
    this.#deliveries = deliveries;
    this.#time = time;
    this.#table = view.definition.table;
    const { rebuilt, former } = namesBeside(this.#table);
    this.#rebuilt = rebuilt;
    this.#former = former;
  }

  async begin({ rebuildId, foldVersion, columns }: NewRebuild): Promise<void> {
    await this.#database.write((writer) => {
      const { rebuild, phase } = this.#state(writer);
      if (rebuild?.rebuildId === rebuildId) return;
      if (rebuild !== null || phase !== 'steady')
        throw refused(
          `The rebuild ${rebuild?.rebuildId ?? ''} is under way: switch to it or discard it first.`,
        );
      const tables = findTables(writer, [this.#rebuilt, this.#former]);
      if (tables.has(this.#former))
        throw new TributaryError(
          'table_names_taken',
          `The table ${quoted(this.#former)} is in the way: it was kept by an earlier rebuild, or another program made it. Drop or rename it.`,
        );
      const facts = tables.get(this.#rebuilt);
      if (facts !== undefined && !facts.isMarkedOurs)
        throw new TributaryError(
          'table_names_taken',
          `Another program has a table ${quoted(this.#rebuilt)}, which the rebuild needs for its own: rename it.`,
        );
      if (facts !== undefined) writer.execute(`DROP TABLE ${identifier(this.#rebuilt)}`);
      writer
        .statement(
          'UPDATE view_states SET rebuild_id = ?, rebuild_fold = ?, rebuild_columns = ?, report = NULL WHERE view_name = ?',
        )
        .run(rebuildId, foldVersion, columnsText(columns), this.#table);
      createView(writer, { ...this.#view.definition, table: this.#rebuilt, columns });
    });
  }

  async write({ rebuildId, epoch, rows }: RebuiltRows): Promise<boolean> {
    return this.#database.write(async (writer) => {
      const state = this.#state(writer);
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
        if (row === null) this.#keepColumns(writer, state, entityId, version);
        else insert.run(entityId, ...row.map(toSqlite), version);
        await pace.pass(1);
      }
      return true;
    });
  }

  /** Copies the columns of the present row of an entity that cannot be folded. */
  #keepColumns(writer: Connection, { columns, rebuild }: ViewState, entityId: string, version: number): void {
    const names = commonColumns(columns, rebuild?.columns ?? []).map(({ column }) => identifier(column.name));
    const { key } = this.#view;
    writer
      .statement(`
        INSERT OR REPLACE INTO ${identifier(this.#rebuilt)} (${[key, ...names, 'version'].join(', ')})
        SELECT ${[key, ...names].join(', ')}, ? FROM ${this.#view.table} WHERE ${key} = ?`)
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
          WHERE p.${key} > ? AND p.${key} <= ? AND r.version IS NOT p.version`)
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
      const { columns, rebuild } = this.#state(reader);
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
      return { compared: end.count, differences, through };
    });
  }

  #differing(reader: Connection, older: Side, newer: Side, { after, through }: Range): RowDifference[] {
    const { key } = this.#view;
    const differ = commonColumns(older.columns, newer.columns).map(
      ({ column: { name } }) => `o.${identifier(name)} IS NOT n.${identifier(name)}`,
    );
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

  async noteBuilt(rebuildId: string, report: JsonObject): Promise<void> {
    await this.#database.write((writer) =>
      writer
        .statement('UPDATE view_states SET report = ? WHERE view_name = ? AND rebuild_id = ?')
        .run(JSON.stringify(report), this.#table, rebuildId),
    );
  }

  async discard(rebuildId: string): Promise<boolean> {
    return this.#database.write((writer) => {
      const { changes } = writer
        .statement(
          `UPDATE view_states SET ${FORGET} WHERE view_name = ? AND rebuild_id = ? AND phase = 'steady'`,
        )
        .run(this.#table, rebuildId);
      if (Number(changes) === 0) return false;
      writer.execute(`DROP TABLE IF EXISTS ${identifier(this.#rebuilt)}`);
      return true;
    });
  }

  async beginSwitch(rebuildId: string): Promise<number | null> {
    return this.#database.write((writer) => {
      const { rebuild, phase, epoch } = this.#state(writer);
      if (rebuild?.rebuildId !== rebuildId || phase === 'settling') return null;
      if (phase === 'switching') return epoch;
      writer.statement("UPDATE view_states SET phase = 'switching' WHERE view_name = ?").run(this.#table);
      fenceAll(writer, this.#table);
      return epoch + 1;
    });
  }

  async takeBackSwitch(epoch: number): Promise<boolean> {
    await this.#database.write((writer) =>
      writer
        .statement(
          "UPDATE view_states SET phase = 'steady', epoch = epoch + 1 WHERE view_name = ? AND phase = 'switching' AND epoch = ?",
        )
        .run(this.#table, epoch),
    );
    return true;
  }

  /** SQLite has one writer, so nobody is waited for. */
  async exchange(asked: { rebuildId: string; epoch: number; waitSeconds: number }): Promise<void> {
    await this.#database.write((writer) => {
      const { phase, epoch, rebuild } = this.#state(writer);
      if (phase === 'settling' && rebuild?.rebuildId === asked.rebuildId) return;
      if (phase !== 'switching' || epoch !== asked.epoch)
        throw refused('The switch was taken back meanwhile.');
      rename(writer, this.#table, this.#former);
      rename(writer, this.#rebuilt, this.#table);
      writer
        .statement(`
          UPDATE view_states SET fold_version = rebuild_fold, awaited_fold = NULL, former_columns = view_columns,
            view_columns = rebuild_columns, phase = 'settling', epoch = epoch + 1
          WHERE view_name = ?`)
        .run(this.#table);
    });
  }

  async settle({ rebuildId, changes }: SettledChanges): Promise<SettledCounts | null> {
    return this.#database.write(async (writer) => {
      const { phase, rebuild } = this.#state(writer);
      if (phase !== 'settling' || rebuild?.rebuildId !== rebuildId) return null;
      writer.statement('UPDATE view_states SET beat = beat + 1 WHERE view_name = ?').run(this.#table);
      const { key, table } = this.#view;
      const select = writer.statement(`SELECT version FROM ${table} WHERE ${key} = ?`);
      const nowMs = this.#time.now(writer);
      const pace = new Pace();
      let due = 0;
      const stale: string[] = [];
      for (const { entityId, version, delivery, isNew } of changes) {
        const row = select.get(entityId);
        if (row === undefined || numberOf(row.version) !== version) stale.push(entityId);
        else
          due += this.#deliveries.makeDue(
            writer,
            { entityId, version, fromVersion: isNew ? 0 : version, delivery },
            nowMs,
          );
        await pace.pass(1);
      }
      return { due, stale };
    });
  }

  async ledgerOf(entityIds: readonly string[], targets: readonly string[]): Promise<LedgerPlace[]> {
    const found: LedgerPlace[] = [];
    for (const slice of slices(entityIds)) {
      await this.#database.read((reader) => {
        const select = reader.statement(
          'SELECT due_version FROM deliveries WHERE target = ? AND entity_id = ?',
        );
        for (const entityId of slice) {
          for (const target of targets) {
            const row = select.get(target, entityId);
            if (row !== undefined) found.push({ target, entityId, dueVersion: numberOf(row.due_version) });
          }
        }
      });
    }
    return found;
  }

  async endSettling(rebuildId: string): Promise<void> {
    await this.#database.write((writer) =>
      writer
        .statement(
          `UPDATE view_states SET ${FORGET}, phase = 'steady', epoch = epoch + 1
          WHERE view_name = ? AND rebuild_id = ? AND phase = 'settling'`,
        )
        .run(this.#table, rebuildId),
    );
  }

  async dropFormer(): Promise<void> {
    await this.#database.write((writer) => {
      if (this.#state(writer).phase !== 'steady') return;
      if (findTables(writer, [this.#former]).get(this.#former)?.isMarkedOurs === true)
        writer.execute(`DROP TABLE ${identifier(this.#former)}`);
    });
  }

  #state(connection: Connection): ViewState {
    return readViewState(connection, this.#table);
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

const FORGET =
  'rebuild_id = NULL, rebuild_fold = NULL, rebuild_columns = NULL, former_columns = NULL, report = NULL';

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

function refused(message: string): TributaryError {
  return new TributaryError('rebuild_refused', message);
}
