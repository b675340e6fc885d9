import type { RawValue } from '../../../src/core/adoption/index.ts';
import type { ViewValue } from '../../../src/core/domain.ts';
import { keyOfPart } from '../../../src/ports/holds.ts';
import type { MemoryDatabase } from '../../../src/testing/memory-store/database.ts';
import type { DeliveryRow } from '../../../src/testing/memory-store/delivery-row.ts';
import { ForeignTable } from '../../../src/testing/memory-store/foreign-table.ts';
import { OWN_TABLES } from '../../../src/testing/memory-store/migration.ts';
import { NEW_ROW } from '../../../src/testing/memory-store/reconciliation.ts';
import type { JobRow, Schema } from '../../../src/testing/memory-store/schema.ts';
import { setViewState } from '../../../src/testing/memory-store/view-state.ts';
import { ViewTable } from '../../../src/testing/memory-store/view-table.ts';

/** A row by the names of its columns in MySQL. */
export type RawRow = Record<string, RawValue>;

/** A table as a client of the database sees it. */
export interface RawTable {
  /** The names of all columns, for an INSERT that names none. */
  readonly columns: readonly string[];
  rows(): RawRow[];
  update(row: RawRow, parts: RawRow): void;
  delete(row: RawRow): void;
  insert(row: RawRow): void;
}

/** Throws if there is no such table. */
export function rawTable(database: MemoryDatabase, name: string): RawTable {
  const found = database.tables.get(name);
  if (found instanceof ViewTable) return viewTable(found);
  if (found instanceof ForeignTable) return foreignTable(database, found);
  const { schema } = database;
  if (schema === null || schema.dropped.has(name)) throw noTable(name);
  const make = TABLES[name];
  if (make !== undefined) return { ...FIXED, ...make(schema) };
  if (OWN_TABLES.includes(name)) return { ...FIXED, rows: () => [] };
  throw noTable(name);
}

function noTable(name: string): Error {
  return new Error(`The simulated database has no table ${name}.`);
}

const refuse = () => {
  throw new Error('The simulated database does not change this table by a statement of a client.');
};

const FIXED: RawTable = { columns: [], rows: () => [], update: refuse, delete: refuse, insert: refuse };

function viewTable(table: ViewTable): RawTable {
  const { keyColumn, columns } = table;
  const plainValue = (value: ViewValue) => (typeof value === 'boolean' ? Number(value) : value);
  const put = (id: string, raw: RawRow) => {
    const row = columns.map(({ name, type }): ViewValue => {
      const value = raw[name] ?? null;
      if (type === 'boolean') return Number(value ?? 0) !== 0;
      return value as ViewValue;
    });
    table.put(id, row, Number(raw.version));
  };
  return {
    columns: [keyColumn, ...columns.map(({ name }) => name), 'version'],
    rows: () =>
      table.ids.list.map((id) => {
        const { row, version } = table.get(id) ?? { row: table.emptyRow(), version: 0 };
        const values = columns.map(({ name }, index) => [name, plainValue(row[index] ?? null)]);
        return { [keyColumn]: id, ...Object.fromEntries(values), version };
      }),
    update: (row, parts) => put(String(row[keyColumn]), { ...row, ...parts }),
    delete: (row) => table.delete(String(row[keyColumn])),
    insert: (row) => put(String(row[keyColumn]), row),
  };
}

function foreignTable(database: MemoryDatabase, table: ForeignTable): RawTable {
  const [over] = table.over;
  const { rows } = over === undefined ? table : (database.tables.get(over) as ForeignTable);
  return {
    columns: table.columns.map(({ name }) => name),
    rows: () => [...rows],
    update: (row, parts) => Object.assign(row, parts),
    delete: (row) => rows.splice(rows.indexOf(row), 1),
    insert: (row) => rows.push(row),
  };
}

type MakeTable = (schema: Schema) => Partial<RawTable>;

/** The tables that tests look at or change, each as far as they do. */
const TABLES: Readonly<Record<string, MakeTable>> = {
  schema_migrations: ({ migrations }) => ({
    rows: () => migrations.map((row) => ({ ...row })),
    delete: (row) => {
      migrations.splice(
        migrations.findIndex(({ version }) => version === row.version),
        1,
      );
    },
    insert: ({ version, name }) => migrations.push({ version: Number(version), name: String(name) }),
  }),
  deliveries: deliveriesTable,
  delivery_attempts: ({ ledgers }) => ({
    rows: () =>
      [...ledgers.byTarget].flatMap(([target, { attempts }]) =>
        [...attempts].flatMap(([entity_id, list]) =>
          list.map(({ version, attempt, verdict, status, error }) => {
            return { target, entity_id, version, attempt, verdict, status, error };
          }),
        ),
      ),
  }),
  checkpoints: ({ checkpoints }) => ({
    rows: () =>
      [...checkpoints.values()].map(({ topic, partition, nextOffset, epoch }) => {
        return { topic, partition_id: partition, next_offset: nextOffset, epoch };
      }),
  }),
  checkpoint_decisions: ({ resumed }) => ({
    rows: () =>
      resumed.map(({ topic, partition, fromOffset, toOffset, haltReason, decidedBy, reason }, index) => {
        const place = { decision_id: index + 1, topic, partition_id: partition };
        const offsets = { from_offset: fromOffset, to_offset: toOffset };
        return { ...place, ...offsets, halt_reason: haltReason, decided_by: decidedBy, reason };
      }),
  }),
  group_decisions: ({ groupDecisions }) => ({
    rows: () =>
      groupDecisions.map(({ group, formerStore, decidedBy, reason, decidedAtMs }, index) => {
        const decision = { decided_by: decidedBy, reason, decided_at: decidedAtMs };
        return { decision_id: index + 1, group_name: group, former_store: formerStore, ...decision };
      }),
  }),
  view_records: ({ viewRecords }) => ({
    rows: () => [...viewRecords].map(([view_name, { state }]) => ({ view_name, state })),
  }),
  view_states: (schema) => ({
    rows: () => [...schema.viewStates].map(([view_name, { state }]) => ({ view_name, phase: state.phase })),
    update: (row, { phase }) =>
      setViewState(schema, String(row.view_name), { phase: phase === 'settling' ? phase : 'steady' }),
  }),
  jobs: ({ jobs }) => ({
    rows: () => [...jobs.values()].map(({ jobId }) => ({ job_id: jobId })),
    update: (row, parts) => {
      const known = jobs.get(String(row.job_id)) as JobRow;
      jobs.set(known.jobId, { ...known, ...(parts as Partial<JobRow>) });
    },
  }),
  holds: ({ sortedHolds }) => ({
    rows: () =>
      sortedHolds.map(({ part }) => {
        const [kind, name, partition_id] = keyOfPart(part);
        return { kind, name, partition_id };
      }),
  }),
  journal_index: ({ longEntities }) => ({
    rows: () => [...longEntities.keys()].map((entity_id) => ({ entity_id })),
    delete: ({ entity_id }) => {
      const entity = longEntities.get(String(entity_id));
      if (entity === undefined) return;
      entity.extent = null;
      entity.clearEvents();
    },
  }),
  event_journal: ({ journal }) => ({
    rows: () =>
      journal.ids.list.flatMap((entity_id) =>
        (journal.get(entity_id)?.events ?? []).map((event) => ({
          entity_id,
          sequence_position: event.position,
          event_id: event.eventId,
          event_type: event.eventType,
          revision: event.revision,
          time_occurred: timeText(event.occurredAtMs),
          time_observed: timeText(event.observedAtMs),
          topic: event.topic,
          partition_id: event.partition,
          record_offset: event.offset,
          data: event.data,
          trace_parent: event.trace?.traceParent ?? null,
          trace_state: event.trace?.traceState ?? null,
        })),
      ),
  }),
};

/** As MySQL prints a DATETIME(3). */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

function deliveriesTable({ ledgers }: Schema): Partial<RawTable> {
  const rowOf = ({ target, entity_id }: RawRow) =>
    ledgers.row(String(target), String(entity_id)) as DeliveryRow;
  return {
    rows: () =>
      [...ledgers.byTarget.values()].flatMap(({ rows }) =>
        [...rows.values()].map((row) => ({
          target: row.target,
          entity_id: row.entityId,
          due_version: row.dueVersion,
          status: row.status,
          attempts: row.attempts,
          is_retry: Number(row.isRetry),
          delivered_version: row.deliveredVersion,
          next_attempt_at: row.nextAttemptAt,
          leased_until: row.leasedUntil,
          claimed_by: row.claimant,
          due_since: row.dueSince,
          last_status: row.lastStatus,
          last_error: row.lastError,
          trace: row.trace,
        })),
      ),
    update: (raw, parts) => {
      const row = rowOf(raw);
      const { leased_until = row.leasedUntil, attempts = row.attempts } = parts;
      ledgers.of(row.target).change(row, { leasedUntil: Number(leased_until), attempts: Number(attempts) });
    },
    delete: (raw) => ledgers.of(String(raw.target)).delete(rowOf(raw)),
    insert: (raw) =>
      ledgers.of(String(raw.target)).add({
        ...NEW_ROW,
        target: String(raw.target),
        entityId: String(raw.entity_id),
        dueVersion: Number(raw.due_version),
        status: raw.status as DeliveryRow['status'],
        attempts: Number(raw.attempts),
        isRetry: false,
        deliveredVersion: 0,
        nextAttemptAt: Number(raw.next_attempt_at),
        dueSince: Number(raw.due_since),
      }),
  };
}

export function dropTable(
  { tables, schema }: MemoryDatabase,
  name: string,
  { isView, mayBeMissing }: { readonly isView: boolean; readonly mayBeMissing: boolean },
): void {
  if (tables.delete(name)) return;
  const isOwn = OWN_TABLES.includes(name) || name === 'schema_migrations';
  if (!isView && schema !== null && isOwn) schema.dropped.add(name);
  else if (!mayBeMissing) throw noTable(name);
}

export function renameTable({ tables }: MemoryDatabase, from: string, to: string): void {
  const table = tables.get(from);
  if (table === undefined) throw noTable(from);
  tables.delete(from);
  tables.set(to, table);
}
