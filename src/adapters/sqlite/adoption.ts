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
} from '../../core/adoption/index.ts';
import type { AdoptedEntity, MigrationOptions } from '../../ports/migration.ts';
import { describeTable, type TableFacts } from './catalog.ts';
import type { Connection } from './database.ts';
import { identifier } from './identifier.ts';
import { insertEvents } from './journal.ts';
import { Pace } from './pace.ts';
import { type SqliteRow, textOf } from './values.ts';
import { ViewRows } from './view-rows.ts';

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
export async function examineTable(
  connection: Connection,
  options: MigrationOptions,
  facts: TableFacts,
  namesNeeded: readonly string[],
): Promise<Examined> {
  const { view, adopt, choices = NO_CHOICES } = options;
  const found = describeTable(connection, view, facts, namesNeeded);
  const { findings: structure, isReadable } = examineStructure(view, found, choices);
  const findings = [...structure];
  const { notes } = found;
  const { table } = view;
  if (adopt === null) {
    findings.push({
      code: 'no_adoption',
      problem: 'this domain, or this command, takes no tables over',
      remedy: 'Rename the table; or, for the orders of order-sync, start order-sync on it once.',
    });
    return { report: { table, verdict: 'refuse', findings, notes, ...NO_ROWS }, reading: null };
  }
  if (!isReadable)
    return { report: { table, verdict: 'refuse', findings, notes, ...NO_ROWS }, reading: null };
  const reader = new RowReader<AdoptedEntity>(view, found, adopt, choices);
  const reading = { found, reader };
  let rows = 0;
  await readRows(connection, options, reading, found.name, (row) => {
    rows++;
    reader.read(row);
  });
  findings.push(...reader.findings());
  if (!found.isKeyUnique) {
    const key = identifier((columnNamed(found, view.keyColumn) as FoundColumn).name);
    const ids = connection
      .statement(
        `SELECT CAST(${key} AS TEXT) AS id FROM ${identifier(found.name)} WHERE length(CAST(${key} AS BLOB)) > 0 ` +
          `GROUP BY CAST(${key} AS BLOB) HAVING count(*) > 1 ORDER BY 1 LIMIT ${DOUBLED_NAMED + 1}`,
      )
      .all()
      .map((row) => textOf(row.id));
    if (ids.length > 0)
      findings.push(doubledIds(view.keyColumn, ids.slice(0, DOUBLED_NAMED), ids.length > DOUBLED_NAMED));
  }
  const verdict = findings.length === 0 ? 'take' : 'refuse';
  return { report: { table, verdict, findings, notes, rows, deliveries: reader.deliveries }, reading };
}

/**
 * Copies the rows of the table `from` into the view, with their events and deliveries. Resolves with the number of
 * rows.
 */
export async function copyRows(
  writer: Connection,
  options: MigrationOptions,
  reading: Reading,
  from: string,
): Promise<number> {
  const { reader } = reading;
  const view = new ViewRows(options.view);
  reader.restart();
  let count = 0;
  await readRows(writer, options, reading, from, (raw) => {
    const adopted = reader.read(raw);
    if (adopted === null) throw notAdoptable({ table: options.view.table, findings: reader.findings() });
    const { entityId, events, row } = adopted;
    const version = events.length;
    insertEvents(writer, { fromVersion: 0, events });
    view.overwrite(writer, { entityId, fromVersion: 0, version, row, events });
    for (const target of options.targets)
      adoptDelivery(writer, target, entityId, version, adopted, options.nowMs);
    count++;
  });
  return count;
}

/** Writes the ledger's row of an adopted entity. */
function adoptDelivery(
  writer: Connection,
  target: string,
  entityId: string,
  version: number,
  { delivery }: AdoptedEntity,
  nowMs: number,
): void {
  if (delivery === 'none') return;
  const isSent = delivery === 'sent';
  writer
    .statement(`
      INSERT INTO deliveries (
        target, entity_id, due_version, status, attempts, delivered_version, next_attempt_at, due_since
      ) VALUES (?, ?, ?, ?, 0, ?, ?, ?)`)
    .run(
      target,
      entityId,
      version,
      isSent ? 'delivered' : 'pending',
      isSent ? version : null,
      isSent ? null : nowMs,
      nowMs,
    );
}

/** Reads all rows in one scan of the table, in the sequence in which they are stored. */
async function readRows(
  connection: Connection,
  { view }: MigrationOptions,
  { found, reader }: Reading,
  from: string,
  onRow: (row: RawRow) => void,
): Promise<void> {
  const key = identifier((columnNamed(found, view.keyColumn) as FoundColumn).name);
  const columns = view.columns.map(({ name }) => columnNamed(found, name) as FoundColumn);
  const values = [...columns, ...reader.marks.map(({ column }) => column)];
  const list = values.map(({ name }, index) => `${identifier(name)} AS "value ${index}"`);
  // The driver would replace bytes that are no UTF-8 by other characters, so the ids are read as bytes.
  const rows = connection.statement(
    `SELECT typeof(${key}) AS "id type", ${key} AS "id itself", CAST(${key} AS BLOB) AS "id bytes", ${list.join(', ')} ` +
      `FROM ${identifier(from)}`,
  );
  const pace = new Pace();
  for (const row of rows.iterate()) {
    const read = values.map((_, index) => row[`value ${index}`] ?? null);
    onRow({ id: rawId(row), values: read.slice(0, columns.length), marks: read.slice(columns.length) });
    await pace.pass(1);
  }
}

function rawId(row: SqliteRow): RawRow['id'] {
  const isBytes = row['id type'] === 'text' || row['id type'] === 'blob';
  return (isBytes ? row['id bytes'] : row['id itself']) ?? null;
}
