import { compareUtf8 } from '../../core/text.ts';
import type { ClaimedDelivery, DeliverySettlement } from '../../ports/delivery-claims.ts';
import type { Connection } from './connection.ts';
import { DEAD_AT_MS, type DeliveryRow, DONE_AT_MS } from './delivery-row.ts';
import type { TargetLedger } from './ledger-table.ts';
import { deliveryLock } from './lock-names.ts';

/**
 * Records attempts and ends their claims. Each group of settlements has a transaction of its own, which locks its rows by
 * id.
 */
export async function settle(
  connection: Connection,
  settlements: readonly DeliverySettlement[],
): Promise<void> {
  if (settlements.length === 0) return;
  const nowMs = connection.nowMs();
  // `retryAtMs` is by this process's clock.
  const aheadMs = nowMs - connection.clock.now();
  const sorted = [...settlements].sort((a, b) => compareUtf8(a.delivery.entityId, b.delivery.entityId));
  for (const group of groupsOf(sorted)) {
    await connection.transaction(async (transaction) => {
      const sent = transaction.statement('settle deliveries');
      if (sent !== undefined) await sent;
      for (const { delivery } of group) {
        const locked = transaction.lock(deliveryLock(delivery.target, delivery.entityId));
        if (locked !== undefined) await locked;
      }
      const recorded = transaction.statement('record attempts');
      if (recorded !== undefined) await recorded;
      const { ledgers } = transaction.schema;
      transaction.write(() => {
        for (const settlement of group) {
          const ledger = ledgers.of(settlement.delivery.target);
          const row = ledger.get(settlement.delivery.entityId);
          if (row !== undefined) moveOn(ledger, row, settlement, nowMs, aheadMs);
          recordAttempt(ledger, settlement);
        }
      });
    });
  }
}

/** Those that were delivered by claimant, target and status, and all others together. */
function groupsOf(settlements: readonly DeliverySettlement[]): Iterable<readonly DeliverySettlement[]> {
  if (settlements.length === 1) return [settlements];
  return Map.groupBy(settlements, ({ next, error, status, delivery }) =>
    next === 'delivered' && error === null ? `${status} ${delivery.claimant} ${delivery.target}` : '',
  ).values();
}

/**
 * Moves a delivery on after an attempt. If another claimant has it, only the delivered version may rise. If a newer
 * version became due meanwhile, it is due at once.
 */
function moveOn(
  ledger: TargetLedger,
  row: DeliveryRow,
  settlement: DeliverySettlement,
  nowMs: number,
  aheadMs: number,
): void {
  const { delivery, next, status, error } = settlement;
  const isDelivered = next === 'delivered';
  // A version beyond the due one is of a history that the store has lost.
  const isRaised = isDelivered && delivery.version <= row.dueVersion;
  const deliveredVersion = isRaised ? Math.max(row.deliveredVersion, delivery.version) : row.deliveredVersion;
  if (!hasClaim(row, delivery)) {
    ledger.change(row, { deliveredVersion });
    return;
  }
  const ended = {
    deliveredVersion,
    lastStatus: status ?? 0,
    lastError: error,
    claimant: null,
    leasedUntil: 0,
  };
  if (row.dueVersion > delivery.version) {
    ledger.change(row, { ...ended, nextAttemptAt: nowMs });
    return;
  }
  if (isDelivered || next === 'dead') {
    const nextAttemptAt = isDelivered ? DONE_AT_MS : DEAD_AT_MS;
    ledger.change(row, { ...ended, status: next, isRetry: false, nextAttemptAt });
    return;
  }
  ledger.change(row, {
    ...ended,
    status: 'pending',
    isRetry: true,
    nextAttemptAt: Math.floor(next.retryAtMs + aheadMs),
    attempts: row.attempts - Number(next.isCounted === false),
  });
}

/**
 * Whether the row's claim is this one. The claimant's name alone is not enough, because it may have claimed the delivery
 * again. The attempt tells the two apart; a newer version that came meanwhile has no attempts.
 */
function hasClaim(row: DeliveryRow, { claimant, version, attempt }: ClaimedDelivery): boolean {
  if (row.claimant !== claimant) return false;
  return row.dueVersion === version
    ? row.attempts === attempt
    : row.dueVersion > version && row.attempts === 0;
}

function recordAttempt(ledger: TargetLedger, settlement: DeliverySettlement): void {
  const { delivery, attemptedAtMs, deliveryId, verdict, status, latencyMs, answer, error } = settlement;
  const { version, attempt, entityId } = delivery;
  const done = { version, attempt, attemptedAtMs, deliveryId, verdict, status, latencyMs, answer, error };
  ledger.addAttempt(entityId, done);
}

/** Gives back claims that were not used. A newer version that became due meanwhile is due at once. */
export async function release(connection: Connection, deliveries: readonly ClaimedDelivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  const nowMs = connection.nowMs();
  await connection.transaction(async (transaction) => {
    await transaction.statement('give deliveries back');
    const sorted = [...deliveries].sort((a, b) => compareUtf8(a.entityId, b.entityId));
    for (const { target, entityId } of sorted) await transaction.lock(deliveryLock(target, entityId));
    const { ledgers } = transaction.schema;
    transaction.write(() => {
      for (const delivery of sorted) {
        const ledger = ledgers.of(delivery.target);
        const row = ledger.get(delivery.entityId);
        if (row === undefined || !hasClaim(row, delivery)) continue;
        const isNewer = row.dueVersion > delivery.version;
        ledger.change(row, {
          nextAttemptAt: isNewer ? nowMs : row.nextAttemptAt,
          attempts: isNewer ? row.attempts : row.attempts - 1,
          claimant: null,
          leasedUntil: 0,
        });
      }
    });
  });
}

/** Prolongs claims by id, with one statement for each claimant and target, outside a transaction. */
export async function renew(
  connection: Connection,
  deliveries: readonly ClaimedDelivery[],
  leaseMs: number,
): Promise<void> {
  const sorted = [...deliveries].sort((a, b) => compareUtf8(a.entityId, b.entityId));
  const groups = Map.groupBy(sorted, ({ target, claimant }) => `${target} ${claimant}`);
  for (const group of groups.values()) {
    await connection.write('renew deliveries', async (transaction) => {
      for (const { target, entityId } of group) await transaction.lock(deliveryLock(target, entityId));
      const leasedUntil = transaction.nowMs() + leaseMs;
      const { ledgers } = transaction.schema;
      transaction.write(() => {
        for (const { target, entityId, claimant } of group) {
          const ledger = ledgers.of(target);
          const row = ledger.get(entityId);
          if (row?.claimant === claimant) ledger.change(row, { leasedUntil });
        }
      });
    });
  }
}
