import type { RawValue } from '../../../src/core/adoption/index.ts';
import type { MemoryDatabase } from '../../../src/testing/memory-store/database.ts';
import { type ForeignColumn, ForeignTable } from '../../../src/testing/memory-store/foreign-table.ts';
import { ViewTable } from '../../../src/testing/memory-store/view-table.ts';
import { dropTable, type RawRow, type RawTable, rawTable, renameTable } from './raw-tables.ts';

/**
 * Runs one statement that bypasses the store, as a database client would. It knows the few forms of SQL that tests use,
 * and throws for every other.
 */
export function runRawSql(database: MemoryDatabase, sql: string): RawRow[] {
  const words = new Words(sql);
  switch (words.name().toUpperCase()) {
    case 'SELECT':
      return select(database, words);
    case 'DELETE':
      words.take('FROM');
      return change(database, words, (table, rows) => {
        for (const row of rows) table.delete(row);
      });
    case 'UPDATE':
      return update(database, words);
    case 'INSERT':
      words.take('INTO');
      return insert(database, words);
    case 'DROP':
      return drop(database, words);
    case 'CREATE':
      return create(database, words);
    case 'ALTER':
      words.take('TABLE');
      return alter(database, words);
    default:
      throw words.unknown();
  }
}

/** The tokens of a statement: names, numbers, texts in single quotes, and single characters. */
class Words {
  readonly #sql: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(sql: string) {
    this.#sql = sql;
    this.#tokens = sql.match(/'(?:[^']|'')*'|[A-Za-z_]\w*|-?\d+|\S/g) ?? [];
  }

  get next(): string {
    return this.#tokens[this.#at] ?? '';
  }

  name(): string {
    const { next } = this;
    this.#at++;
    return next;
  }

  /** Takes the word if it comes next. Answers whether it did. */
  maybe(word: string): boolean {
    if (this.next.toUpperCase() !== word) return false;
    this.#at++;
    return true;
  }

  take(word: string): void {
    if (!this.maybe(word)) throw this.unknown();
  }

  value(): RawValue {
    const word = this.name();
    if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
    if (/^-?\d+$/.test(word)) return Number(word);
    if (word.toUpperCase() === 'NULL') return null;
    throw this.unknown();
  }

  list<Item>(item: () => Item): Item[] {
    const items = [item()];
    while (this.maybe(',')) items.push(item());
    return items;
  }

  end(): void {
    this.maybe(';');
    if (this.next !== '') throw this.unknown();
  }

  unknown(): Error {
    return new Error(`The simulated database does not understand "${this.#sql}" at "${this.next}".`);
  }
}

/** A column, perhaps inside a CAST. */
function column(words: Words): { readonly name: string; readonly isText: boolean } {
  if (!words.maybe('CAST')) return { name: words.name(), isText: false };
  words.take('(');
  const name = words.name();
  words.take('AS');
  words.take('CHAR');
  words.take(')');
  return { name, isText: true };
}

function select(database: MemoryDatabase, words: Words): RawRow[] {
  const isMax = words.maybe('MAX');
  if (isMax) words.take('(');
  const columns = words.maybe('*')
    ? null
    : words.list(() => {
        const found = column(words);
        if (isMax) words.take(')');
        return { ...found, as: words.maybe('AS') ? words.name() : found.name };
      });
  words.take('FROM');
  const table = rawTable(database, words.name());
  const rows = where(table.rows(), words);
  if (words.maybe('ORDER')) {
    words.take('BY');
    const keys = words.list(() => words.name());
    rows.sort((left, right) => compareBy(keys, left, right));
  }
  words.end();
  if (columns === null) return rows;
  const shown = rows.map((row) => shownRow(row, columns, words));
  return isMax ? [shown.reduce(largest, { [columns[0]?.as ?? '']: null })] : shown;
}

function shownRow(
  row: RawRow,
  columns: readonly { readonly name: string; readonly isText: boolean; readonly as: string }[],
  words: Words,
): RawRow {
  return Object.fromEntries(
    columns.map(({ name, isText, as }) => {
      if (!(name in row)) throw words.unknown();
      const value = row[name] ?? null;
      return [as, isText && value !== null ? String(value) : value];
    }),
  );
}

function largest(most: RawRow, row: RawRow): RawRow {
  const [value] = Object.values(row);
  const [least] = Object.values(most);
  return least === null || Number(value) > Number(least) ? row : most;
}

function compareBy(keys: readonly string[], left: RawRow, right: RawRow): number {
  for (const key of keys) {
    const [a, b] = [left[key] ?? null, right[key] ?? null];
    if (a === b) continue;
    if (a === null || (b !== null && a < b)) return -1;
    return 1;
  }
  return 0;
}

function where(rows: RawRow[], words: Words): RawRow[] {
  if (!words.maybe('WHERE')) return rows;
  const { name } = column(words);
  words.take('=');
  const value = words.value();
  return rows.filter((row) => row[name] === value);
}

function change(
  database: MemoryDatabase,
  words: Words,
  work: (table: RawTable, rows: readonly RawRow[]) => void,
): RawRow[] {
  const table = rawTable(database, words.name());
  const rows = where(table.rows(), words);
  words.end();
  work(table, rows);
  return [];
}

function update(database: MemoryDatabase, words: Words): RawRow[] {
  const table = rawTable(database, words.name());
  words.take('SET');
  const settings = words.list(() => {
    const name = words.name();
    words.take('=');
    if (words.next !== name) {
      const value = words.value();
      return { name, of: () => value };
    }
    words.name();
    words.take('+');
    const more = Number(words.value());
    return { name, of: (row: RawRow) => Number(row[name]) + more };
  });
  const rows = where(table.rows(), words);
  words.end();
  for (const row of rows)
    table.update(row, Object.fromEntries(settings.map(({ name, of }) => [name, of(row)])));
  return [];
}

function insert(database: MemoryDatabase, words: Words): RawRow[] {
  const table = rawTable(database, words.name());
  const names = words.maybe('(') ? words.list(() => words.name()) : table.columns;
  if (names !== table.columns) words.take(')');
  if (words.maybe('SELECT')) {
    // Only constants are selected; what stands for a column is left out.
    const values = words.list(() => {
      if (/^['\d]/.test(words.next)) return words.value();
      words.name();
      return null;
    });
    table.insert(Object.fromEntries(names.map((name, index) => [name, values[index] ?? null])));
    return [];
  }
  words.take('VALUES');
  const rows = words.list(() => {
    words.take('(');
    const values = words.list(() => words.value());
    words.take(')');
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? null]));
  });
  words.end();
  for (const row of rows) table.insert(row);
  return [];
}

function drop(database: MemoryDatabase, words: Words): RawRow[] {
  const isView = words.maybe('VIEW');
  if (!isView) words.take('TABLE');
  const mayBeMissing = words.maybe('IF');
  if (mayBeMissing) words.take('EXISTS');
  dropTable(database, words.name(), { isView, mayBeMissing });
  words.end();
  return [];
}

function create(database: MemoryDatabase, words: Words): RawRow[] {
  if (words.maybe('INDEX')) return [];
  if (words.maybe('VIEW')) {
    const name = words.name();
    for (const word of ['AS', 'SELECT', '*', 'FROM']) words.take(word);
    const over = words.name();
    const { columns } = database.tables.get(over) as ForeignTable;
    database.tables.set(name, new ForeignTable(columns, [], 'view', [over]));
    return [];
  }
  words.take('TABLE');
  const name = words.name();
  words.take('(');
  const columns = words.list(() => columnOf(words));
  words.take(')');
  database.tables.set(name, new ForeignTable(columns));
  return [];
}

function columnOf(words: Words): ForeignColumn {
  const name = words.name();
  let type = '';
  let isKey = false;
  let hasDefault = false;
  while (words.next !== ',' && words.next !== ')') {
    if (words.maybe('(')) {
      type += `(${words.name()})`;
      words.take(')');
    } else if (words.maybe('PRIMARY')) {
      words.take('KEY');
      isKey = true;
    } else if (words.maybe('DEFAULT')) {
      words.name();
      hasDefault = true;
    } else type += words.name();
  }
  return { name, type, isKey, hasDefault };
}

function alter(database: MemoryDatabase, words: Words): RawRow[] {
  const name = words.name();
  const table = database.tables.get(name);
  if (table === undefined) throw words.unknown();
  if (words.maybe('RENAME')) {
    words.take('TO');
    renameTable(database, name, words.name());
    return [];
  }
  const isAdded = words.maybe('ADD');
  if (!isAdded) words.take('DROP');
  words.take('COLUMN');
  const column = words.name();
  if (table instanceof ForeignTable) {
    const type = words.name();
    words.take('DEFAULT');
    const value = words.value();
    for (const row of table.rows) row[column] = value;
    const columns = [...table.columns, { name: column, type, isKey: false, hasDefault: true }];
    database.tables.set(name, new ForeignTable(columns, table.rows));
    return [];
  }
  const kept = table.columns.map((one, index) => ({ one, index })).filter(({ one }) => one.name !== column);
  const columns = kept.map(({ one }) => one);
  const altered = new ViewTable(
    table.keyColumn,
    isAdded ? [...columns, { name: column, type: 'text' }] : columns,
  );
  for (const [id, { row, version }] of table.rows) {
    const values = kept.map(({ index }) => row[index] ?? null);
    altered.put(id, isAdded ? [...values, null] : values, version);
  }
  database.tables.set(name, altered);
  return [];
}
