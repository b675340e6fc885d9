import {
  type AdoptionReport,
  columnNamed,
  doubledIds,
  examineStructure,
  type FoundColumn,
  type FoundTable,
  NO_CHOICES,
  NO_ROWS,
  notAdoptable,
  type RawRow,
  RowReader,
  type ViewShape,
} from '../../core/adoption/index.ts';
import type { AdoptedEntity, MigrationOptions } from '../../ports/migration.ts';
import type { MemoryDatabase } from './database.ts';
import { DONE_AT_MS } from './delivery-row.ts';
import { ForeignTable } from './foreign-table.ts';
import { NEW_ROW } from './reconciliation.ts';
import type { Schema } from './schema.ts';
import { ViewTable } from './view-table.ts';

/** The most doubled ids that one finding names. */
const DOUBLED_NAMED = 5;

/** What was found out about another program's table, and how to read its rows. */
export interface Examined {
  readonly report: AdoptionReport;
  /** Null if the rows cannot be read. */
  readonly reading: Reading | null;
}

interface Reading {
  readonly found: FoundTable;
  readonly reader: RowReader<AdoptedEntity>;
}

/** Reads another program's table and all of its rows. Changes nothing. */
export function examineTable(
  database: MemoryDatabase,
  options: MigrationOptions,
  table: ForeignTable,
  namesNeeded: readonly string[],
): Examined {
  const { view, adopt, choices = NO_CHOICES } = options;
  const found = describeTable(database, view, table, namesNeeded);
  const { findings: structure, isReadable } = examineStructure(view, found, choices);
  const findings = [...structure];
  const { notes } = found;
  const unread = { table: view.table, verdict: 'refuse', findings, notes, ...NO_ROWS } as const;
  if (adopt === null) {
    findings.push({
      code: 'no_adoption',
      problem: 'this domain, or this command, takes no tables over',
      remedy: 'Rename the table.',
    });
    return { report: unread, reading: null };
  }
  if (!isReadable) return { report: unread, reading: null };
  const reader = new RowReader<AdoptedEntity>(view, found, adopt, choices);
  const reading = { found, reader };
  const rows = rowsOf(table, view, reading);
  for (const row of rows) reader.read(row);
  findings.push(...reader.findings());
  const doubled = found.isKeyUnique ? [] : doubledOf(rows);
  if (doubled.length > 0)
    findings.push(
      doubledIds(view.keyColumn, doubled.slice(0, DOUBLED_NAMED), doubled.length > DOUBLED_NAMED),
    );
  const verdict = findings.length === 0 ? 'take' : 'refuse';
  const { deliveries } = reader;
  return {
    report: { table: view.table, verdict, findings, notes, rows: rows.length, deliveries },
    reading,
  };
}

function describeTable(
  database: MemoryDatabase,
  { table: name, keyColumn }: ViewShape,
  table: ForeignTable,
  namesNeeded: readonly string[],
): FoundTable {
  const attachments = [...database.tables].flatMap(([other, found]) =>
    found instanceof ForeignTable && found.over.includes(name)
      ? [{ kind: 'view', name: other } as const]
      : [],
  );
  return {
    name,
    kind: table.kind === 'table' ? 'table' : 'a view',
    findings: [],
    columns: table.columns.map((column) => ({
      name: column.name,
      type: column.type,
      family: 'untyped',
      isGenerated: false,
      defaultValue: null,
    })),
    isKeyUnique: table.columns.some((column) => column.isKey && column.name === keyColumn),
    attachments: table.kind === 'table' ? attachments : [],
    namesTaken: namesNeeded.filter((needed) => database.tables.has(needed)),
    notes: [],
    isMarkedOurs: false,
  };
}

function rowsOf(table: ForeignTable, view: ViewShape, { found, reader }: Reading): RawRow[] {
  const nameOf = (name: string) => (columnNamed(found, name) as FoundColumn).name;
  const key = nameOf(view.keyColumn);
  const columns = view.columns.map(({ name }) => nameOf(name));
  return table.rows.map((row) => ({
    id: row[key] ?? null,
    values: columns.map((name) => row[name] ?? null),
    marks: reader.marks.map(({ column }) => row[column.name] ?? null),
  }));
}

/** The ids that several rows have. */
function doubledOf(rows: readonly RawRow[]): string[] {
  const ids = rows.flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
  return [...Map.groupBy(ids, (id) => id)].filter(([, same]) => same.length > 1).map(([id]) => id);
}

/**
 * Takes another program's table over in one step: keeps it under another name, and makes the view from its rows, with
 * their events and deliveries. Answers the number of rows.
 */
export function takeOver(
  database: MemoryDatabase,
  schema: Schema,
  options: MigrationOptions,
  reading: Reading,
  from: ForeignTable,
): number {
  const { view } = options;
  const { reader } = reading;
  reader.restart();
  const adopted = rowsOf(from, view, reading).map((raw) => reader.read(raw));
  const table = new ViewTable(view.keyColumn, view.columns);
  for (const one of adopted) {
    if (one === null) throw notAdoptable({ table: view.table, findings: reader.findings() });
    const { entityId, events, row, delivery } = one;
    schema.journal.add(entityId, 0, events);
    table.put(entityId, row, events.length);
    for (const target of options.targets)
      adoptDelivery(schema, target, entityId, events.length, delivery, options.nowMs);
  }
  const originalName = `${view.table}_original`;
  database.tables.set(originalName, from);
  database.tables.set(view.table, table);
  schema.viewRecords.set(view.table, { state: 'finished', originalName });
  return adopted.length;
}

function adoptDelivery(
  { ledgers }: Schema,
  target: string,
  entityId: string,
  version: number,
  delivery: AdoptedEntity['delivery'],
  nowMs: number,
): void {
  if (delivery === 'none') return;
  const isSent = delivery === 'sent';
  ledgers.of(target).add({
    ...NEW_ROW,
    target,
    entityId,
    dueVersion: version,
    status: isSent ? 'delivered' : 'pending',
    attempts: 0,
    isRetry: false,
    deliveredVersion: isSent ? version : 0,
    nextAttemptAt: isSent ? DONE_AT_MS : nowMs,
    dueSince: nowMs,
  });
}
