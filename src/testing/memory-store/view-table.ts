import type { ViewShape } from '../../core/adoption/index.ts';
import type { ViewColumn, ViewRow, ViewValue } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { columnsText } from '../../core/view-columns.ts';
import type { StoredRow } from '../../ports/store.ts';
import { SortedIds } from './sorted-ids.ts';

/** A table with the rows of a view: the view's own, one that a rebuild makes, or one that was put aside. */
export class ViewTable {
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
  /** Equal columns have equal texts. */
  readonly columnsText: string;
  readonly rows: Map<string, StoredRow>;
  readonly ids: SortedIds;

  constructor(
    keyColumn: string,
    columns: readonly ViewColumn[],
    rows = new Map<string, StoredRow>(),
    ids = new SortedIds(),
  ) {
    this.keyColumn = keyColumn;
    this.columns = columns;
    this.columnsText = columnsText(columns);
    this.rows = rows;
    this.ids = ids;
  }

  get(entityId: string): StoredRow | undefined {
    return this.rows.get(entityId);
  }

  /** Writes the values of all columns. */
  put(entityId: string, row: ViewRow, version: number): void {
    if (!this.rows.has(entityId)) this.ids.add(entityId);
    this.rows.set(entityId, { row, version });
  }

  /** Writes the version alone. A row that is missing gets empty columns. */
  putVersion(entityId: string, version: number): void {
    this.put(entityId, this.rows.get(entityId)?.row ?? this.emptyRow(), version);
  }

  delete(entityId: string): boolean {
    if (!this.rows.delete(entityId)) return false;
    this.ids.delete(entityId);
    return true;
  }

  /** A boolean column is false by default, and the others are NULL. */
  emptyRow(): ViewRow {
    return this.columns.map(({ type }) => (type === 'boolean' ? false : null));
  }

  clone(): ViewTable {
    return new ViewTable(this.keyColumn, this.columns, new Map(this.rows), this.ids.clone());
  }
}

/** The places of the program's columns in a table, or `same` if the table has exactly these columns. */
type Places = 'same' | readonly number[];

/** How one program reads and writes the view's table, which may have other columns than the program's. */
export class ViewLayout {
  readonly view: ViewShape;
  readonly columnsText: string;
  #lacking: ReadonlySet<string> = new Set();
  #known: { readonly columnsText: string; readonly places: Places } | null = null;

  constructor(view: ViewShape) {
    this.view = view;
    this.columnsText = columnsText(view.columns);
  }

  /** Called with the columns that the table has by its record. */
  learn(columns: readonly ViewColumn[]): void {
    const names = new Set(columns.map(({ name }) => name));
    this.#lacking = new Set(this.view.columns.map(({ name }) => name).filter((name) => !names.has(name)));
  }

  /** Whether the table has all of the program's columns, as far as the program knows. */
  get isWhole(): boolean {
    return this.#lacking.size === 0;
  }

  /**
   * The row by the program's columns. A column that the program knows to be missing is NULL. Throws `store_failed` for any
   * other missing column.
   */
  read(table: ViewTable, stored: StoredRow): StoredRow {
    const places = this.#placesIn(table);
    if (places === 'same') return stored;
    const { columns } = this.view;
    const row = places.map((place, index): ViewValue => {
      if (place !== -1) return stored.row[place] as ViewValue;
      const name = columns[index]?.name ?? '';
      if (!this.#lacking.has(name)) throw unknownColumn(name);
      return null;
    });
    return { row, version: stored.version };
  }

  /** Writes a row of the program's columns. Throws `store_failed` if the table lacks one of them. */
  write(table: ViewTable, entityId: string, row: ViewRow, version: number): void {
    const places = this.#placesIn(table);
    if (places === 'same') {
      table.put(entityId, row, version);
      return;
    }
    const values = [...(table.get(entityId)?.row ?? table.emptyRow())];
    for (const [index, place] of places.entries()) values[place] = row[index] as ViewValue;
    table.put(entityId, values, version);
  }

  /** Throws `store_failed` if the table lacks one of the program's columns. */
  requireAll(table: ViewTable): void {
    const places = this.#placesIn(table);
    if (places === 'same') return;
    const missing = places.indexOf(-1);
    if (missing !== -1) throw unknownColumn(this.view.columns[missing]?.name ?? '');
  }

  #placesIn(table: ViewTable): Places {
    if (this.#known?.columnsText === table.columnsText) return this.#known.places;
    const places =
      table.columnsText === this.columnsText
        ? 'same'
        : this.view.columns.map(({ name }) => table.columns.findIndex((column) => column.name === name));
    this.#known = { columnsText: table.columnsText, places };
    return places;
  }
}

function unknownColumn(name: string): TributaryError {
  return new TributaryError(
    'store_failed',
    `The simulated database failed at a statement: unknown column ${name}.`,
  );
}
