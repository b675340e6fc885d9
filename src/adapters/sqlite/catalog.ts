import {
  type Attachment,
  type FoundColumn,
  type FoundTable,
  isSameName,
  VIEW_MARK,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { quoted } from '../../core/text.ts';
import type { Connection } from './database.ts';
import { nullOr, numberOf, type SqliteRow, textOf } from './values.ts';

/** What the catalog says of a table as a whole. SQLite ignores case when it compares names. */
export interface TableFacts {
  readonly name: string;
  /** `table`, or what else it is, such as `a view`. */
  readonly kind: string;
  readonly isMarkedOurs: boolean;
}

/** Finds the tables and views that have one of these names, by the names as given. */
export function findTables(connection: Connection, names: readonly string[]): Map<string, TableFacts> {
  const select = connection.statement(
    "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
  );
  const found = new Map<string, TableFacts>();
  for (const name of names) {
    const row = select.get(name);
    if (row !== undefined) found.set(name, factsOf(row));
  }
  return found;
}

function factsOf(row: SqliteRow): TableFacts {
  const sql = nullOr(row.sql, textOf) ?? '';
  const isVirtual = /^\s*CREATE\s+VIRTUAL\s/i.test(sql);
  const kind = isVirtual ? 'a virtual table' : row.type === 'view' ? 'a view' : 'table';
  return { name: textOf(row.name), kind, isMarkedOurs: sql.includes(VIEW_MARK) };
}

export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly isFilled: boolean;
  readonly isGenerated: boolean;
  readonly defaultValue: string | null;
  /** The column's number in the primary key, from 1; 0 if it is not part of the key. */
  readonly keyPlace: number;
}

/** The columns of a table in their sequence, with those that `SELECT *` hides. */
export function columnsOf(connection: Connection, table: string): CatalogColumn[] {
  const rows = connection
    .statement('SELECT name, type, "notnull" AS required, dflt_value, pk, hidden FROM pragma_table_xinfo(?)')
    .all(table);
  return rows.map((row) => {
    const defaultValue = nullOr(row.dflt_value, textOf);
    const isGenerated = numberOf(row.hidden) > 1;
    return {
      name: textOf(row.name),
      type: textOf(row.type),
      isFilled: numberOf(row.required) === 0 || defaultValue !== null || isGenerated,
      isGenerated,
      defaultValue,
      keyPlace: numberOf(row.pk),
    };
  });
}

/** Describes another program's table for its adoption. `namesNeeded` are the names that the adoption will use. */
export function describeTable(
  connection: Connection,
  view: ViewShape,
  facts: TableFacts,
  namesNeeded: readonly string[],
): FoundTable {
  const { name } = facts;
  const columns = columnsOf(connection, name);
  const indexes = indexesOf(connection, name);
  const primary = columns.filter(({ keyPlace }) => keyPlace > 0).map((column) => column.name);
  const uniqueKeys = [primary, ...indexes.filter(({ isUnique }) => isUnique).map((index) => index.columns)];
  return {
    name,
    kind: facts.kind,
    findings: [],
    columns: columns.map(toFoundColumn),
    isKeyUnique:
      isTyped(columns.find((column) => isSameName(column.name, view.keyColumn))) &&
      uniqueKeys.some(([first, ...others]) => others.length === 0 && isSameName(first ?? '', view.keyColumn)),
    attachments: facts.kind === 'table' ? attachmentsOf(connection, name) : [],
    namesTaken: [...findTables(connection, namesNeeded).keys()],
    notes: notesOf(indexes),
    isMarkedOurs: facts.isMarkedOurs,
  };
}

function toFoundColumn({ name, type, isGenerated, defaultValue }: CatalogColumn): FoundColumn {
  return { name, type: type === '' ? 'no type' : type, family: 'untyped', isGenerated, defaultValue };
}

/** Whether the column's type turns a number and its text into the same value, so that a unique key tells ids apart. */
function isTyped(column: CatalogColumn | undefined): boolean {
  return column !== undefined && /CHAR|TEXT|CLOB|INT/i.test(column.type);
}

interface Index {
  readonly name: string;
  readonly isUnique: boolean;
  readonly isMade: boolean;
  readonly columns: readonly string[];
}

function indexesOf(connection: Connection, table: string): Index[] {
  const rows = connection
    .statement('SELECT name, "unique" AS is_unique, origin, partial FROM pragma_index_list(?)')
    .all(table);
  return rows.map((row) => ({
    name: textOf(row.name),
    isUnique: numberOf(row.is_unique) === 1 && numberOf(row.partial) === 0,
    isMade: row.origin === 'c',
    columns: connection
      .statement('SELECT name FROM pragma_index_info(?)')
      .all(textOf(row.name))
      .map((column) => nullOr(column.name, textOf) ?? ''),
  }));
}

function notesOf(indexes: readonly Index[]): string[] {
  const made = indexes.filter(({ isMade }) => isMade).map(({ name }) => quoted(name));
  return made.length === 0
    ? []
    : [`its indexes ${made.join(', ')} stay with the renamed table, and the view has none of them`];
}

/** The triggers that protect our own journal, and those of other pipelines. */
const OWN_TRIGGER = /event_journal_refuses_(update|delete)$/;

function attachmentsOf(connection: Connection, table: string): Attachment[] {
  const found: Attachment[] = [];
  const objects = connection
    .statement(
      "SELECT name, type, tbl_name, sql FROM sqlite_master WHERE type IN ('trigger', 'view', 'table')",
    )
    .all();
  for (const row of objects) {
    const name = textOf(row.name);
    const on = textOf(row.tbl_name);
    const isNamed = names(nullOr(row.sql, textOf) ?? '', table);
    if (row.type === 'trigger' && isSameName(on, table)) found.push({ kind: 'trigger', name });
    else if (row.type === 'trigger' && isNamed && !OWN_TRIGGER.test(name))
      found.push({ kind: 'trigger of another table', name: `${name} of ${on}` });
    else if (row.type === 'view' && isNamed) found.push({ kind: 'view', name });
    if (row.type === 'table') found.push(...foreignKeys(connection, name, table));
  }
  return found;
}

function foreignKeys(connection: Connection, from: string, table: string): Attachment[] {
  const targets = connection
    .statement('SELECT DISTINCT "table" AS target FROM pragma_foreign_key_list(?)')
    .all(from)
    .map((row) => textOf(row.target));
  if (isSameName(from, table))
    return targets.map((target): Attachment => ({ kind: 'foreign key of it', name: `to ${target}` }));
  return targets
    .filter((target) => isSameName(target, table))
    .map((): Attachment => ({ kind: 'foreign key to it', name: `of ${from}` }));
}

/** Whether a text of SQL has the table's name as a word of its own. */
function names(sql: string, table: string): boolean {
  const word = table.replaceAll(/[^\w]/g, '\\$&');
  return new RegExp(`(^|[^\\w$])${word}($|[^\\w$])`, 'i').test(sql);
}
