import { compareUtf8 } from '../../core/text.ts';
import type { StoredAttempt } from '../../ports/ledger.ts';
import {
  type EntityRecord,
  type LedgerEntry,
  type LedgerMend,
  type LedgerPlace,
  type LedgerRecord,
  RETRY_AHEAD_MAX_MS,
} from '../../ports/verification.ts';
import type { Connection, Transaction } from './connection.ts';
import { DEAD_AT_MS, type DeliveryRow, DONE_AT_MS } from './delivery-row.ts';
import { deliveryLock, entityLock, tableLock } from './lock-names.ts';
import { compareTexts } from './quarantine-table.ts';
import { NEW_ROW } from './reconciliation.ts';
import type { Schema } from './schema.ts';
import type { ViewLayout, ViewTable } from './view-table.ts';

/** A call reads no further entities once their journals have this many events. */
const EVENTS_MAX = 20_000;

/** The ids behind `after` of the journal, the view and the ledger, merged. Each is read by a statement of its own. */
export async function listEntities(
  connection: Connection,
  layout: ViewLayout,
  targets: readonly string[],
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<string[]> {
  const ids = new Set<string>();
  const add = async (name: string, list: (schema: Schema) => readonly string[]) => {
    for (const id of await connection.read(name, list)) ids.add(id);
  };
  await add('list entities of the journal', ({ journal }) => journal.ids.behind(after, limit));
  await add('list entities of the view', () =>
    connection.database.viewTable(layout.view.table).ids.behind(after, limit),
  );
  for (const target of targets)
    await add(
      'list entities of the ledger',
      ({ ledgers }) => ledgers.get(target)?.ids.behind(after, limit) ?? [],
    );
  return [...ids].sort(compareUtf8).slice(0, Math.floor(limit));
}

/** One statement, as of one moment. */
export async function readEntities(
  connection: Connection,
  layout: ViewLayout,
  targets: readonly string[],
  entityIds: readonly string[],
  maxEvents: number,
): Promise<EntityRecord[]> {
  if (entityIds.length === 0) return [];
  return connection.read('read entities', (schema) => {
    const table = connection.database.viewTable(layout.view.table);
    const nowMs = connection.nowMs();
    const records: EntityRecord[] = [];
    let events = 0;
    for (const entityId of entityIds) {
      if (events >= EVENTS_MAX) break;
      const version = schema.journal.lastVersion(entityId);
      const isShort = version <= maxEvents;
      if (isShort) events += version;
      const stored = table.get(entityId);
      records.push({
        entityId,
        version,
        journal: isShort ? [...(schema.journal.get(entityId)?.sorted ?? [])] : null,
        row: stored === undefined ? null : layout.read(table, stored),
        isParked: schema.parked.has(entityId),
        ledger: targets.map((target) => ledgerRecordOf(schema, target, entityId, nowMs)),
      });
    }
    return records;
  });
}

function ledgerRecordOf({ ledgers }: Schema, target: string, entityId: string, nowMs: number): LedgerRecord {
  const ledger = ledgers.get(target);
  const row = ledger?.get(entityId);
  const attempts = ledger?.attempts.get(entityId) ?? [];
  const accepted = attempts.filter(({ verdict }) => verdict === 'delivered').map(({ version }) => version);
  return {
    target,
    entry: row === undefined ? null : entryOf(row, attempts, nowMs),
    acceptedVersion: accepted.length === 0 ? null : Math.max(...accepted),
  };
}

function entryOf(row: DeliveryRow, attempts: readonly StoredAttempt[], nowMs: number): LedgerEntry {
  const { status, dueVersion, deliveredVersion, claimant } = row;
  const hasFailed = () =>
    attempts.some(({ version, verdict }) => version === dueVersion && verdict !== 'delivered');
  return {
    status,
    dueVersion,
    deliveredVersion: deliveredVersion || null,
    place: placeOf(row, nowMs),
    isClaimed: claimant !== null,
    hasFailed: status === 'dead' ? hasFailed() : null,
    mark: markOf(row),
  };
}

function placeOf({ nextAttemptAt, isRetry }: DeliveryRow, nowMs: number): LedgerPlace {
  if (nextAttemptAt === DONE_AT_MS) return 'none';
  if (nextAttemptAt < 0) return 'lost';
  if (!isRetry) return nextAttemptAt === DEAD_AT_MS ? 'dead' : nextAttemptAt < DEAD_AT_MS ? 'due' : 'lost';
  return nextAttemptAt <= nowMs + RETRY_AHEAD_MAX_MS ? 'due' : 'lost';
}

function markOf(row: DeliveryRow): string {
  const { status, dueVersion, deliveredVersion, attempts, isRetry, nextAttemptAt, claimant } = row;
  return [
    status,
    dueVersion,
    deliveredVersion,
    attempts,
    Number(isRetry),
    nextAttemptAt,
    claimant ?? '',
  ].join('|');
}

/** Locks the view's rows before the ledger's, both by id, as a commit does. */
export function mendLedger(
  connection: Connection,
  layout: ViewLayout,
  mends: readonly LedgerMend[],
): Promise<number> {
  return connection.transaction(async (transaction) => {
    const sorted = [...mends].sort(
      (a, b) => compareTexts(a.target, b.target) || compareUtf8(a.entityId, b.entityId),
    );
    const table = await lockRows(
      transaction,
      connection,
      layout,
      sorted.map(({ entityId }) => entityId),
    );
    let mended = 0;
    for (const mend of sorted) {
      if (table.get(mend.entityId)?.version !== mend.version) continue;
      if (await mendEntry(transaction, mend)) mended++;
    }
    return mended;
  });
}

async function lockRows(
  transaction: Transaction,
  connection: Connection,
  { view }: ViewLayout,
  entityIds: readonly string[],
): Promise<ViewTable> {
  await transaction.statement('lock rows');
  await transaction.lock(tableLock(view.table), 'shared');
  for (const entityId of [...new Set(entityIds)].sort(compareUtf8))
    await transaction.lock(entityLock(entityId));
  return connection.database.viewTable(view.table);
}

async function mendEntry(
  transaction: Transaction,
  { target, entityId, mark, becomes }: LedgerMend,
): Promise<boolean> {
  await transaction.statement('mend an entry');
  await transaction.lock(deliveryLock(target, entityId));
  const { status, dueVersion } = becomes;
  const deliveredVersion = becomes.deliveredVersion ?? 0;
  const nowMs = transaction.nowMs();
  const nextAttemptAt = status === 'pending' ? nowMs : status === 'dead' ? DEAD_AT_MS : DONE_AT_MS;
  const mended = { status, dueVersion, deliveredVersion, nextAttemptAt, isRetry: false };
  const ledger = transaction.schema.ledgers.of(target);
  const row = ledger.get(entityId);
  if ((row === undefined ? null : markOf(row)) !== mark) return false;
  if (row === undefined) {
    const added = { target, entityId, ...mended, attempts: 0, dueSince: nowMs, ...NEW_ROW };
    transaction.write(() => ledger.add(added));
    return true;
  }
  const isStillPending = status === 'pending' && row.status === 'pending';
  // A claim of the same version goes on, and its attempt is counted already.
  const goesOn = isStillPending && row.claimant !== null && row.dueVersion === dueVersion;
  const attempts = goesOn || status !== 'pending' ? row.attempts : 0;
  const dueSince = status === 'pending' ? nowMs : row.dueSince;
  const claim = isStillPending ? {} : { claimant: null, leasedUntil: 0 };
  transaction.write(() => ledger.change(row, { ...mended, attempts, dueSince, ...claim }));
  return true;
}

/** A commit locks the entity's row too, so no event comes between the look and the removal. */
export function removeUnjournaledRows(
  connection: Connection,
  layout: ViewLayout,
  entityIds: readonly string[],
): Promise<number> {
  return connection.transaction(async (transaction) => {
    const ids = [...new Set(entityIds)].sort(compareUtf8);
    const table = await lockRows(transaction, connection, layout, ids);
    await transaction.statement('remove rows');
    const { journal } = transaction.schema;
    const removed = ids.filter((id) => journal.lastVersion(id) === 0 && table.rows.has(id));
    transaction.write(() => {
      for (const id of removed) table.delete(id);
    });
    return removed.length;
  });
}
