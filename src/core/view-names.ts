import type { ViewShape } from './adoption/table.ts';
import type { ViewColumn } from './domain.ts';
import { TributaryError } from './errors.ts';
import type { StoreNaming, TableNames } from './table-names.ts';
import { quoted } from './text.ts';

/** MySQL takes names of 64 characters, and the names beside a table end in up to 10 more, such as `_altered_5`. */
const TABLE_MAX = 54;
const COLUMN_MAX = 64;

/** Why this can be no name of a table or a column, as the end of a sentence; null if it can. */
export function nameFault(name: string, kind: 'table' | 'column'): string | null {
  const most = kind === 'table' ? TABLE_MAX : COLUMN_MAX;
  const length = [...name].length;
  if (length === 0 || length > most) return `needs 1 to ${most} characters`;
  // MySQL takes no characters beyond the Basic Multilingual Plane, and no blank at the end.
  if (!name.isWellFormed() || /[\p{Cc}\u{10000}-\u{10ffff}]/u.test(name))
    return 'has a character that no database takes in a name';
  if (name.trim() !== name) return 'begins or ends with a blank';
  // The driver of MySQL takes a question mark for the place of a value, in quotes too.
  if (name.includes('?')) return 'has a question mark';
  // A server may keep each table in a file of its name.
  if (kind === 'table' && /[/\\]/.test(name)) return 'has a slash';
  if (kind === 'table' && /^[\w$]+\.[\w$]+$/.test(name))
    return 'names a database in front of the table: write the database into DATABASE_URL, and the table alone here';
  if (/^sqlite_/i.test(name)) return 'begins with sqlite_, which SQLite keeps for itself';
  return null;
}

/** The lists of columns in the record of a view. */
interface RecordedColumns {
  readonly columns: readonly ViewColumn[];
  readonly rebuild: {
    readonly columns: readonly ViewColumn[];
    readonly formerColumns: readonly ViewColumn[] | null;
  } | null;
}

/**
 * Names the view's table and its columns. A domain and its pipeline know a view by the domain's names. A store keeps it under
 * the names of the settings, and turns one into the other where it is asked and where it answers.
 */
export class ViewNames {
  readonly #table: string | undefined;
  readonly #theirs: ReadonlyMap<string, string>;
  readonly #ours: ReadonlyMap<string, string>;

  constructor({ viewTable, viewColumns = new Map() }: StoreNaming = {}) {
    this.#table = viewTable;
    this.#theirs = viewColumns;
    this.#ours = new Map([...viewColumns].map(([ours, theirs]) => [theirs, ours]));
  }

  /** The view as the store keeps it. Throws `setting_invalid` if a name is given to no column, or cannot be one. */
  stored<Shape extends ViewShape>(view: Shape): Shape {
    const { table, keyColumn, columns } = view;
    const known = [keyColumn, ...columns.map(({ name }) => name)];
    for (const [ours, theirs] of this.#theirs) {
      if (!known.includes(ours))
        throw invalid(
          `There is no column ${JSON.stringify(ours)} to be named: the columns are ${known.join(', ')}.`,
        );
      refuse(theirs, 'column');
    }
    if (this.#table !== undefined) refuse(this.#table, 'table');
    const named = known.map((name) => this.#stored(name).toLowerCase());
    const twice = named.find((name, index) => name === 'version' || named.indexOf(name) !== index);
    if (twice !== undefined && this.#theirs.size > 0)
      throw invalid(
        `Two columns of the table would be called ${JSON.stringify(twice)}: each column needs a name of its own, and "version" is one that the view has already.`,
      );
    return {
      ...view,
      table: this.#table ?? table,
      keyColumn: this.#stored(keyColumn),
      columns: this.storedColumns(columns),
    };
  }

  storedColumns(columns: readonly ViewColumn[]): readonly ViewColumn[] {
    // The same list gives the same text at once (`columnsText`).
    if (this.#theirs.size === 0) return columns;
    return columns.map((column) => ({ ...column, name: this.#stored(column.name) }));
  }

  /** The columns of a table by the domain's names. A column that the settings name otherwise is none that the domain knows. */
  known(columns: readonly ViewColumn[]): readonly ViewColumn[] {
    if (this.#ours.size === 0) return columns;
    return columns.map((column) => {
      const { name } = column;
      const other = this.#theirs.has(name) ? `${name} (of the table)` : name;
      return { ...column, name: this.#ours.get(name) ?? other };
    });
  }

  /** The same conditions on columns of the table. */
  storedConditions<Condition extends { readonly columns: readonly string[] }>(
    conditions: readonly Condition[],
  ): readonly Condition[] {
    if (this.#theirs.size === 0) return conditions;
    return conditions.map((condition) => ({
      ...condition,
      columns: condition.columns.map((name) => this.#stored(name)),
    }));
  }

  /** The record of the view by the domain's names. */
  knownState<State extends RecordedColumns>(state: State): State {
    if (this.#ours.size === 0) return state;
    const { rebuild } = state;
    return {
      ...state,
      columns: this.known(state.columns),
      rebuild: rebuild && {
        ...rebuild,
        columns: this.known(rebuild.columns),
        formerColumns: rebuild.formerColumns && this.known(rebuild.formerColumns),
      },
    };
  }

  /**
   * Refuses other names for the columns of a table that has its names already. `state`: the record of the view by the domain's
   * names, as far as the settings know them. If a newer fold has other columns, a rebuild names them.
   */
  refuseRenamed(
    view: ViewShape,
    state: RecordedColumns & { readonly foldVersion: number },
    fold: number,
  ): void {
    const { columns } = state;
    const isRenamed =
      this.#theirs.size > 0 &&
      fold === state.foldVersion &&
      columns.length === view.columns.length &&
      columns.every(({ type }, index) => type === view.columns[index]?.type) &&
      columns.some(({ name }, index) => name !== view.columns[index]?.name);
    if (!isRenamed) return;
    const asked = this.storedColumns(view.columns).map(({ name }) => name);
    throw new TributaryError(
      'store_refused',
      `The table ${quoted(this.#table ?? view.table)} has the columns ${columns.map(({ name }) => name).join(', ')}, and by the settings they would be ` +
        `${asked.join(', ')}. Columns keep the names of the first start: set ORDER_SYNC_COLUMNS as it was then.`,
    );
  }

  #stored(name: string): string {
    return this.#theirs.get(name) ?? name;
  }
}

function refuse(name: string, kind: 'table' | 'column'): void {
  const fault = nameFault(name, kind);
  if (fault !== null) throw invalid(`${JSON.stringify(name)} cannot be the name of a ${kind}: it ${fault}.`);
}

function invalid(message: string): TributaryError {
  return new TributaryError('setting_invalid', message);
}

/** Refuses a view that a start would make beside another view of the same tables. Null if none is recorded. */
export function refuseOtherView(table: string, recorded: string | null): void {
  if (recorded === null) return;
  throw new TributaryError(
    'store_refused',
    `The tables of this store belong to the view ${quoted(recorded)}, and this program's view is ${quoted(table)}. For order-sync: ` +
      `set ORDER_SYNC_TABLE to ${quoted(recorded)}, or keep the two apart by another ORDER_SYNC_TABLE_PREFIX or another DATABASE_URL.`,
  );
}

/** Refuses a view whose name or columns clash with names that the store needs. */
export function refuseReservedNames({ table, keyColumn, columns }: ViewShape, names: TableNames): void {
  if (names.isOwn(table))
    throw new TributaryError(
      'domain_invalid',
      `The view cannot be called ${table}: the store has a table of that name. For order-sync: set ORDER_SYNC_TABLE to another name, ` +
        'or give the other tables a prefix by ORDER_SYNC_TABLE_PREFIX.',
    );
  const all = [keyColumn, ...columns.map((column) => column.name)].map((name) => name.toLowerCase());
  const clash = all.find((name, index) => name === 'version' || all.indexOf(name) !== index);
  if (clash !== undefined)
    throw new TributaryError(
      'domain_invalid',
      `The view ${table} cannot have a second column called ${clash}.`,
    );
}
