import { lastTraceOf, packTrace } from '../../core/trace-context.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { Transaction } from './connection.ts';
import type { Ledgers, TargetLedger } from './ledger-table.ts';
import { deliveryLock } from './lock-names.ts';

/** The part of a change that deliveries need. */
export type DueChange = Pick<EntityChange, 'entityId' | 'fromVersion' | 'version' | 'delivery' | 'events'>;

/**
 * Makes the states of these changes due, in the transaction that writes their rows. Resolves with the number of
 * deliveries that become due.
 */
export async function makeDue(
  transaction: Transaction,
  targets: readonly string[],
  changes: readonly DueChange[],
): Promise<number> {
  const changed = changes.filter(({ delivery }) => delivery.hasChanged);
  if (changed.length === 0) return 0;
  const nowMs = transaction.nowMs();
  const replacing = changed.filter(({ delivery }) => delivery.replaces !== undefined);
  let count = 0;
  for (const target of targets) {
    if (replacing.length > 0) await recordReplaced(transaction, target, replacing);
    count += await makeDueTo(transaction, target, changed, nowMs);
  }
  return count;
}

async function makeDueTo(
  transaction: Transaction,
  target: string,
  changed: readonly DueChange[],
  nowMs: number,
): Promise<number> {
  const { ledgers } = transaction.schema;
  const qualifying: DueChange[] = [];
  const others: DueChange[] = [];
  for (const change of changed) {
    if (change.delivery.qualifiesFor.includes(target)) qualifying.push(change);
    // A new entity has no row in the ledger yet.
    else if (change.fromVersion > 0) others.push(change);
  }
  const due: DueChange[] = [];
  for (const list of [qualifying, others]) {
    if (list.length === 0) continue;
    const sent = transaction.statement('make states due');
    if (sent !== undefined) await sent;
    for (const change of list) {
      const { entityId } = change;
      if (list === others && ledgers.row(target, entityId) === undefined) continue;
      const locked = transaction.lock(deliveryLock(target, entityId));
      if (locked !== undefined) await locked;
      due.push(change);
    }
  }
  if (due.length > 0)
    transaction.write(() => {
      const ledger = ledgers.of(target);
      for (const change of due) putDue(ledger, target, change, nowMs);
    });
  return due.length;
}

/**
 * Makes a row due at its new version. Leaves a claim alone, whether or not its lease is over: the row keeps its place in
 * the index, where anybody may claim the new version when the lease is over.
 */
function putDue(ledger: TargetLedger, target: string, change: DueChange, nowMs: number): void {
  const { entityId, version: dueVersion } = change;
  const found = lastTraceOf(change.events);
  const trace = found === undefined ? null : packTrace(found);
  const row = ledger.get(entityId);
  const due = { dueVersion, status: 'pending', attempts: 0, isRetry: false, dueSince: nowMs, trace } as const;
  if (row !== undefined) {
    const nextAttemptAt = row.claimant === null ? nowMs : row.nextAttemptAt;
    ledger.change(row, { ...due, nextAttemptAt });
    return;
  }
  ledger.add({
    target,
    entityId,
    ...due,
    deliveredVersion: 0,
    nextAttemptAt: nowMs,
    leasedUntil: 0,
    claimant: null,
    lastStatus: 0,
    lastError: null,
  });
}

/**
 * Records that deliveries replace what a target may hold under the same version. Only of deliveries that are due at this
 * version, or were.
 */
async function recordReplaced(
  transaction: Transaction,
  target: string,
  changes: readonly DueChange[],
): Promise<void> {
  const { ledgers } = transaction.schema;
  await transaction.statement('record what is replaced');
  for (const { entityId, version, delivery } of changes) {
    const known = ledgers.row(target, entityId);
    if (known === undefined) continue;
    await transaction.lock(deliveryLock(target, entityId));
    if (known.dueVersion === version)
      transaction.write(() => replace(ledgers, target, entityId, version, delivery.replaces ?? ''));
  }
}

function replace(
  ledgers: Ledgers,
  target: string,
  entityId: string,
  version: number,
  replaces: string,
): void {
  const ledger = ledgers.of(target);
  const row = ledger.get(entityId);
  if (row !== undefined) ledger.change(row, { deliveredVersion: version });
  ledger.repairs.set(entityId, { version, replaces });
}
