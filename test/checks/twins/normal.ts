/**
 * Makes answers of the same meaning the same. Each function stands for something that a port leaves open, and says where.
 */
import type { SequenceKey } from '../../../src/core/sequence.ts';
import type { AuditEntry } from '../../../src/ports/audit.ts';
import type { CommitOutcome, EntityChange } from '../../../src/ports/commit.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { EntityRecord } from '../../../src/ports/verification.ts';

export function keyOf({
  position,
  occurredAtMs,
  cautionRank,
  eventId,
  contentHash,
}: SequenceKey): SequenceKey {
  return { position, occurredAtMs, cautionRank, eventId, contentHash };
}

/** A copy of an object without some of its fields. */
export function without<Whole extends object, Field extends keyof Whole>(
  whole: Whole,
  ...fields: Field[]
): Omit<Whole, Field> {
  const rest = { ...whole };
  for (const field of fields) delete rest[field];
  return rest;
}

/** A delivery that was due at the same version and moment before may be counted or not (`CommitOutcome.deliveriesDue`). */
export function commitOutcome(outcome: CommitOutcome, changes: readonly EntityChange[]): unknown {
  const mayStay = changes.some(({ events, delivery }) => events.length === 0 && delivery.hasChanged);
  return outcome.kind === 'committed' && mayStay ? { kind: outcome.kind } : outcome;
}

/** A delivery's number is null in stores that find rows by target and id (`ClaimedDelivery.deliveryNumber`). */
export function claimedDelivery(delivery: ClaimedDelivery) {
  return without(delivery, 'deliveryNumber');
}

/** Only the store understands a mark (`LedgerEntry.mark`). What `mendLedger` does with it is compared instead. */
export function entityRecord(record: EntityRecord) {
  return {
    ...record,
    ledger: record.ledger.map((one) => ({
      ...one,
      entry: one.entry === null ? null : without(one.entry, 'mark'),
    })),
  };
}

/** The numbers of audit entries rise, and may leave numbers out (`AuditEntry.auditId`). */
export function auditEntry(entry: AuditEntry) {
  return without(entry, 'auditId');
}
