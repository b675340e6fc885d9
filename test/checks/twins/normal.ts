/**
 * Makes answers of the same meaning the same. Each function stands for something that a port leaves open, and says where.
 */
import { comparePartitions } from '../../../src/core/offset.ts';
import type { SequenceKey } from '../../../src/core/sequence.ts';
import type { AuditEntry } from '../../../src/ports/audit.ts';
import type { Checkpoint } from '../../../src/ports/checkpoints.ts';
import type { CommitOutcome, EntityChange } from '../../../src/ports/commit.ts';
import type { ClaimedDelivery } from '../../../src/ports/delivery-claims.ts';
import type { Hold } from '../../../src/ports/holds.ts';
import type { JournaledEvent } from '../../../src/ports/journal.ts';
import type { LongJournal } from '../../../src/ports/long-journals.ts';
import type { EntityRecord } from '../../../src/ports/verification.ts';
import type { LedgerPlace, SettledCounts } from '../../../src/ports/view-rebuild.ts';

export function keyOf({
  position,
  occurredAtMs,
  cautionRank,
  eventId,
  contentHash,
}: SequenceKey): SequenceKey {
  return { position, occurredAtMs, cautionRank, eventId, contentHash };
}

/** `PartitionOwnership.acquire` and `Checkpoints.checkpoints` answer in any sequence. */
export function checkpoints(answered: readonly Checkpoint[]): Checkpoint[] {
  return [...answered].sort(comparePartitions);
}

/** Holds of the same millisecond come in any sequence (`Holds.listHolds`). */
export function holds(listed: readonly Hold[]): unknown {
  return new Set(listed);
}

/** Names come in any sequence (`Senders.readSenders`). */
export function senders(read: readonly string[]): unknown {
  return new Set(read);
}

/** Entries come in any sequence (`ViewRebuild.ledgerOf`). */
export function ledgerPlaces(read: readonly LedgerPlace[]): unknown {
  return new Set(read);
}

/** The ids that were left out come in any sequence (`SettledCounts.stale`). */
export function settledCounts(counts: SettledCounts | null): unknown {
  return counts === null ? null : { ...counts, stale: new Set(counts.stale) };
}

/**
 * The keys come in any sequence, and an index that is behind may know later events (`LongJournal.known`), so they are
 * compared if the index goes up to `version`.
 */
export function longJournal(found: LongJournal, version: number): unknown {
  return { ...found, known: found.version === version ? new Set(found.known) : 'open' };
}

/** Of an entity with more events than wanted, any number above that is right (`Journal.readJournals`). */
export function journals(
  read: ReadonlyMap<string, readonly JournaledEvent[]>,
  maxEvents = Number.POSITIVE_INFINITY,
): unknown {
  return new Map([...read].map(([id, events]) => [id, events.length > maxEvents ? 'more' : events]));
}

/** Each store has an id of its own (`StoreIdentity.storeId`), so only its form is compared. */
export function storeId(id: string): unknown {
  return /^[0-9a-f-]{36}$/.test(id);
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

/**
 * A delivery that was due at the same version and moment before may be counted or not (`CommitOutcome.deliveriesDue`).
 * Parked entities come in any sequence (`CommitOutcome.parked`).
 */
export function commitOutcome(outcome: CommitOutcome, changes: readonly EntityChange[]): unknown {
  if (outcome.kind === 'stale' && outcome.parked !== undefined)
    return { ...outcome, parked: new Set(outcome.parked) };
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
