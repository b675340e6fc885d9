import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import {
  type Attachment,
  type Finding,
  type FoundColumn,
  type FoundTable,
  isSameName,
  OWN_DATABASE,
  type ValueFamily,
  VIEW_MARK,
  type ViewShape,
} from '../../core/adoption/index.ts';
import { quoted } from '../../core/text.ts';
import { namesOf } from './connection-names.ts';
import { identifier } from './identifier.ts';
import { textOf } from './values.ts';

/** What the catalog says of a table as a whole. */
export interface TableFacts {
  readonly name: string;
  /** `table`, or what else it is, such as `a view`. */
  readonly kind: string;
  readonly isVersioned: boolean;
  readonly engine: string;
  readonly comment: string;
  readonly isPartitioned: boolean;
}

/**
 * The name of the database. Queries of the information schema pass it as a value, because MariaDB searches all
 * databases if they call DATABASE().
 */
export async function databaseName(connection: PoolConnection): Promise<string> {
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT DATABASE()');
  return textOf(row?.[0]);
}

/**
 * Finds the tables and views that have one of these names, by the names as given. It asks by SHOW, because a proxy answers that
 * for the tables that it distributes, and knows no information schema. A proxy tells names and kinds alone.
 */
export async function findTables(
  connection: PoolConnection,
  names: readonly string[],
): Promise<Map<string, TableFacts>> {
  if (names.length === 0) return new Map();
  const [[setting]] = await connection.query<RowDataPacket[]>('SELECT @@lower_case_table_names');
  const isExact = Number(setting?.[0]) === 0;
  const [rows] = await connection.query<RowDataPacket[]>('SHOW FULL TABLES');
  const found = new Map<string, TableFacts>();
  let statuses: Map<string, TableStatus> | null = null;
  for (const row of rows) {
    const shown = textOf(row[0]);
    const name = names.find((one) => (isExact ? one === shown : isSameName(one, shown)));
    if (name === undefined) continue;
    statuses ??= await tableStatuses(connection);
    const type = textOf(row[1]);
    const status = statuses.get(shown);
    const isVersioned = type === 'SYSTEM VERSIONED';
    found.set(name, {
      name: shown,
      kind: type === 'BASE TABLE' || isVersioned ? 'table' : `a ${type.toLowerCase()}`,
      isVersioned,
      engine: status?.engine ?? '',
      comment:
        type === 'BASE TABLE' && !namesOf(connection).isOwn(shown) ? await commentOf(connection, shown) : '',
      isPartitioned: status?.isPartitioned ?? false,
    });
  }
  return found;
}

/** The comment of a table. SHOW TABLE STATUS of MySQL 8.0 at times tells a warning about another table in its place. */
async function commentOf(connection: PoolConnection, table: string): Promise<string> {
  const [[row]] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE ${identifier(table)}`);
  const comment = /^\).*\bCOMMENT='((?:[^']|'')*)'/m.exec(textOf(row?.[1]))?.[1] ?? '';
  return comment.replaceAll("''", "'");
}

/** What SHOW TABLE STATUS tells of a table. */
export interface TableStatus {
  readonly engine: string;
  /** When the table was made; empty if it is not told. */
  readonly createdAt: string;
  readonly isPartitioned: boolean;
}

/** The tables of the database, by the names that the server shows. */
export async function tableStatuses(connection: PoolConnection): Promise<Map<string, TableStatus>> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW TABLE STATUS');
  return new Map(
    rows.map((row) => [
      textOf(row[0]),
      {
        engine: textOf(row[1] ?? ''),
        createdAt: textOf(row[11] ?? ''),
        isPartitioned: /partitioned/i.test(textOf(row[16] ?? '')),
      },
    ]),
  );
}

/** A column as the server shows it. */
export interface ShownColumn {
  readonly name: string;
  /** The type with its sizes, such as `decimal(10,2)` or `bigint(20)`. */
  readonly type: string;
  readonly collation: string;
  readonly isNullable: boolean;
  /** `PRI` for a column of the primary key. */
  readonly key: string;
  readonly hasDefault: boolean;
  readonly extra: string;
}

/** Reads the columns of a table or view. */
export async function showColumns(connection: PoolConnection, table: string): Promise<ShownColumn[]> {
  const [rows] = await connection.query<RowDataPacket[]>(`SHOW FULL COLUMNS FROM ${identifier(table)}`);
  return rows.map((row) => ({
    name: textOf(row[0]),
    type: textOf(row[1]).toLowerCase(),
    collation: textOf(row[2] ?? ''),
    isNullable: textOf(row[3]) === 'YES',
    key: textOf(row[4]),
    hasDefault: row[5] !== null,
    extra: textOf(row[6]),
  }));
}

/** Describes another program's table for its adoption. `namesNeeded` are the names that the adoption will use. */
export async function describeTable(
  connection: PoolConnection,
  view: ViewShape,
  facts: TableFacts,
  namesNeeded: readonly string[],
): Promise<FoundTable> {
  const database = await databaseName(connection);
  const { name } = facts;
  const columns = await columnsOf(connection, database, name);
  const indexes = await indexesOf(connection, database, name);
  return {
    name,
    kind: facts.kind,
    findings: storageFindings(facts),
    columns,
    isKeyUnique: indexes.some(
      ({ isUnique, columns: [first, ...others] }) =>
        isUnique && others.length === 0 && first !== undefined && isSameName(first, view.keyColumn),
    ),
    attachments: facts.kind === 'table' ? await attachmentsOf(connection, database, name) : [],
    namesTaken: [...(await findTables(connection, namesNeeded)).keys()],
    notes: notesOf(facts, indexes),
    isMarkedOurs: facts.comment === VIEW_MARK,
  };
}

const OWN_ENGINES = [
  'InnoDB',
  'MyISAM',
  'Aria',
  'MEMORY',
  'ARCHIVE',
  'CSV',
  'RocksDB',
  'ROCKSDB',
  'TokuDB',
  '',
];

function storageFindings({ engine, isVersioned }: TableFacts): Finding[] {
  const findings: Finding[] = [];
  if (!OWN_ENGINES.includes(engine)) {
    findings.push({
      code: 'engine',
      problem: `its rows are kept by the engine ${quoted(engine)}, elsewhere than in this database`,
      remedy: `Copy the table into one of InnoDB, or ${OWN_DATABASE}.`,
    });
  }
  if (isVersioned) {
    findings.push({
      code: 'system_versioned',
      problem:
        'the database keeps the history of its rows (SYSTEM VERSIONING), which would end with the renamed table',
      remedy: 'ALTER TABLE ... DROP SYSTEM VERSIONING, if nobody needs that any more.',
    });
  }
  return findings;
}

function notesOf({ engine, isPartitioned }: TableFacts, indexes: readonly Index[]): string[] {
  const notes: string[] = [];
  const others = indexes.filter(({ name }) => name !== 'PRIMARY').map(({ name }) => quoted(name));
  if (others.length > 0)
    notes.push(`its indexes ${others.join(', ')} stay with the renamed table, and the view has none of them`);
  if (isPartitioned) notes.push('it is partitioned, and the view is not');
  if (engine !== '' && engine !== 'InnoDB')
    notes.push(`its engine is ${engine}, and the view is kept by InnoDB`);
  return notes;
}

const FAMILIES: Readonly<Record<string, ValueFamily>> = {
  char: 'text',
  varchar: 'text',
  tinytext: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  enum: 'enum',
  set: 'enum',
  tinyint: 'integer',
  smallint: 'integer',
  mediumint: 'integer',
  int: 'integer',
  bigint: 'integer',
  decimal: 'decimal',
  float: 'float',
  double: 'float',
  bit: 'bits',
  binary: 'padded bytes',
  varbinary: 'bytes',
  tinyblob: 'bytes',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
  uuid: 'uuid',
  datetime: 'moment',
  json: 'json',
};

async function columnsOf(
  connection: PoolConnection,
  database: string,
  table: string,
): Promise<FoundColumn[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT column_name, column_type, data_type, extra, column_default, generation_expression ' +
      'FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position',
    [database, table],
  );
  return rows.map(columnOf).filter((column) => column !== null);
}

function columnOf(row: RowDataPacket): FoundColumn | null {
  const name = textOf(row[0]);
  const extra = textOf(row[3] ?? '');
  // A server can be set to add this hidden column to tables without a primary key.
  if (name === 'my_row_id' && /INVISIBLE/i.test(extra) && /auto_increment/i.test(extra)) return null;
  return {
    name,
    type: textOf(row[1]),
    family: FAMILIES[textOf(row[2]).toLowerCase()] ?? 'other',
    isGenerated: /(VIRTUAL|STORED|PERSISTENT) GENERATED/i.test(extra) || textOf(row[5] ?? '') !== '',
    defaultValue: row[4] === null || row[4] === undefined ? null : textOf(row[4]),
  };
}

interface Index {
  readonly name: string;
  readonly isUnique: boolean;
  /** The columns in their sequence; undefined stands for an expression. */
  readonly columns: readonly (string | undefined)[];
}

async function indexesOf(connection: PoolConnection, database: string, table: string): Promise<Index[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT index_name, non_unique, column_name FROM information_schema.statistics ' +
      'WHERE table_schema = ? AND table_name = ? ORDER BY index_name, seq_in_index',
    [database, table],
  );
  return [...Map.groupBy(rows, (row) => textOf(row[0]))].map(([name, parts]) => ({
    name,
    isUnique: Number(parts[0]?.[1]) === 0,
    columns: parts.map((row) => (row[2] === null ? undefined : textOf(row[2]))),
  }));
}

/** The triggers that protect our own journal, and those of other pipelines. */
const OWN_TRIGGER = /journal_segments_no_(update|delete)$/;

async function attachmentsOf(
  connection: PoolConnection,
  database: string,
  table: string,
): Promise<Attachment[]> {
  const ask = async (sql: string, values: string[]): Promise<RowDataPacket[]> =>
    (await connection.query<RowDataPacket[]>(sql, values))[0];
  const found: Attachment[] = [];
  const triggers = await ask(
    'SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers WHERE trigger_schema = ?',
    [database],
  );
  for (const [name, on, body] of triggers.map(
    (row) => [textOf(row[0]), textOf(row[1]), textOf(row[2] ?? '')] as const,
  )) {
    if (isSameName(on, table)) found.push({ kind: 'trigger', name });
    else if (!OWN_TRIGGER.test(name) && names(body, table))
      found.push({ kind: 'trigger of another table', name: `${name} of ${on}` });
  }
  const constraints = await ask(
    'SELECT DISTINCT constraint_name, table_schema, table_name, referenced_table_schema, referenced_table_name ' +
      'FROM information_schema.key_column_usage WHERE referenced_table_name IS NOT NULL AND ' +
      '((table_schema = ? AND table_name = ?) OR (referenced_table_schema = ? AND referenced_table_name = ?))',
    [database, table, database, table],
  );
  for (const row of constraints) {
    const [constraint, schema, from, toSchema, to] = row.map((value: unknown) => textOf(value)) as string[];
    const isOwn = schema === database && isSameName(from ?? '', table);
    const place = schema === database ? from : `${schema}.${from}`;
    const target = toSchema === database ? to : `${toSchema}.${to}`;
    if (isOwn) found.push({ kind: 'foreign key of it', name: `${constraint} to ${target}` });
    else found.push({ kind: 'foreign key to it', name: `${constraint} of ${place}` });
  }
  const inDefinition = `\`${database}\`.\`${table}\``.toLowerCase();
  const views = await ask(
    'SELECT table_schema, table_name, view_definition FROM information_schema.views ' +
      "WHERE table_schema NOT IN ('sys', 'mysql', 'information_schema', 'performance_schema')",
    [],
  );
  for (const [schema, name, body] of views.map(
    (row) => row.map((value: unknown) => textOf(value ?? '')) as string[],
  )) {
    if ((body ?? '').toLowerCase().includes(inDefinition))
      found.push({ kind: 'view', name: schema === database ? (name ?? '') : `${schema}.${name}` });
  }
  const routines = await ask(
    'SELECT routine_name, routine_definition FROM information_schema.routines WHERE routine_schema = ?',
    [database],
  );
  for (const row of routines)
    if (names(textOf(row[1] ?? ''), table)) found.push({ kind: 'routine', name: textOf(row[0]) });
  const events = await ask(
    'SELECT event_name, event_definition FROM information_schema.events WHERE event_schema = ?',
    [database],
  );
  for (const row of events)
    if (names(textOf(row[1] ?? ''), table)) found.push({ kind: 'event', name: textOf(row[0]) });
  return found;
}

/** Whether a text of SQL has the table's name as a word of its own. */
function names(sql: string, table: string): boolean {
  const word = table.replaceAll(/[^\w]/g, '\\$&');
  return new RegExp(`(^|[^\\w$])${word}($|[^\\w$])`, 'i').test(sql);
}
