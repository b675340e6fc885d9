import { compareUtf8 } from '../../core/text.ts';
import type { DeliveryRepair, DueAgain, OwedState, RepairsDue } from '../../ports/reconciliation.ts';
import type { Connection, Transaction } from './connection.ts';
import type { DeliveryRow } from './delivery-row.ts';
import type { TargetLedger } from './ledger-table.ts';
import { deliveryLock, entityLock, tableLock } from './lock-names.ts';
import { isViewAt } from './view-state.ts';
import type { ViewLayout } from './view-table.ts';

export function listOwed(
  connection: Connection,
  layout: ViewLayout,
  page: { readonly target: string; readonly after: string | null; readonly limit: number },
): Promise<OwedState[]> {
  const { target, after, limit } = page;
  return connection.read('list what is owed', ({ ledgers }) => {
    const table = connection.database.viewTable(layout.view.table);
    const ledger = ledgers.get(target);
    const found: OwedState[] = [];
    if (ledger === undefined) return found;
    const { list } = ledger.ids;
    for (let index = ledger.ids.indexBehind(after); index < list.length; index++) {
      if (found.length >= Math.floor(limit)) break;
      const entityId = list[index] as string;
      const stored = table.get(entityId);
      if (stored === undefined) continue;
      const { status, dueVersion, deliveredVersion } = ledger.get(entityId) as DeliveryRow;
      const { row, version: viewVersion } = layout.read(table, stored);
      const versions = { dueVersion, deliveredVersion: deliveredVersion || null, viewVersion };
      found.push({ entityId, status, ...versions, row });
    }
    return found;
  });
}

export function makeDueAgain(
  connection: Connection,
  layout: ViewLayout,
  { target, delivered, viewEpoch }: DueAgain,
): Promise<number> {
  return connection.transaction(async (transaction) => {
    if (!(await isViewAt(transaction, layout.view.table, viewEpoch))) return 0;
    await transaction.statement('make deliveries due again');
    const nowMs = transaction.nowMs();
    const ledger = transaction.schema.ledgers.of(target);
    let due = 0;
    for (const { entityId, version } of [...delivered].sort((a, b) => compareUtf8(a.entityId, b.entityId))) {
      await transaction.lock(deliveryLock(target, entityId));
      const row = ledger.get(entityId);
      if (row?.status !== 'delivered' || row.deliveredVersion !== version) continue;
      transaction.write(() => ledger.change(row, dueAt(nowMs)));
      due++;
    }
    return due;
  });
}

function dueAt(nowMs: number) {
  return { status: 'pending', attempts: 0, isRetry: false, nextAttemptAt: nowMs, dueSince: nowMs } as const;
}

/** Locks the view's rows before the ledger's, as a commit does. */
export function makeRepairsDue(
  connection: Connection,
  layout: ViewLayout,
  { target, repairs, viewEpoch }: RepairsDue,
): Promise<number> {
  return connection.transaction(async (transaction) => {
    const { table: name } = layout.view;
    if (!(await isViewAt(transaction, name, viewEpoch))) return 0;
    await transaction.statement('lock rows');
    await transaction.lock(tableLock(name), 'shared');
    const sorted = [...repairs].sort((a, b) => compareUtf8(a.entityId, b.entityId));
    for (const { entityId } of sorted) await transaction.lock(entityLock(entityId));
    const table = connection.database.viewTable(name);
    const ledger = transaction.schema.ledgers.of(target);
    let due = 0;
    for (const repair of sorted) {
      const { entityId, was, version, replaces } = repair;
      if (was !== 'dead' && table.get(entityId)?.version !== version) continue;
      if (!(await makeRepairDue(transaction, ledger, target, repair))) continue;
      due++;
      if (replaces !== null) transaction.write(() => ledger.repairs.set(entityId, { version, replaces }));
    }
    return due;
  });
}

/** Makes one repair due. Answers false if the ledger no longer is as the repair says. */
async function makeRepairDue(
  transaction: Transaction,
  ledger: TargetLedger,
  target: string,
  { entityId, was, version, heldVersion }: DeliveryRepair,
): Promise<boolean> {
  await transaction.statement('make a repair due');
  await transaction.lock(deliveryLock(target, entityId));
  const due = { ...dueAt(transaction.nowMs()), dueVersion: version, deliveredVersion: heldVersion };
  const row = ledger.get(entityId);
  if (was === 'unrecorded') {
    if (row !== undefined) return false;
    transaction.write(() => ledger.add({ target, entityId, ...due, ...NEW_ROW }));
    return true;
  }
  if (row === undefined || !isAsSaid(row, was, version, heldVersion)) return false;
  transaction.write(() => ledger.change(row, due));
  return true;
}

function isAsSaid(row: DeliveryRow, was: 'dead' | 'behind', version: number, heldVersion: number): boolean {
  if (was === 'dead') return row.status === 'dead' && row.dueVersion === version;
  if (row.status === 'dead') return row.dueVersion < heldVersion;
  return row.status === 'delivered' && row.deliveredVersion < heldVersion;
}

/** The columns of a new row that nobody has claimed or tried. */
export const NEW_ROW = {
  leasedUntil: 0,
  claimant: null,
  lastStatus: 0,
  lastError: null,
  trace: null,
} as const;
