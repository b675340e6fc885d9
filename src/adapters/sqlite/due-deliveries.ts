import { lastTraceOf, packTrace } from '../../core/trace-context.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { Connection } from './database.ts';

/**
 * Makes a row due at its new version. Leaves a claim alone, whether or not its lease is over: the row keeps its place
 * in the index, where anybody may claim the new version when the lease is over. The right sides see the row as it was
 * before.
 */
const DUE_AGAIN = `
  due_version = ?3,
  status = 'pending',
  attempts = 0,
  is_retry = 0,
  due_since = ?4,
  trace = ?5,
  next_attempt_at = CASE WHEN claimed_by IS NULL THEN ?4 ELSE next_attempt_at END`;

const UPSERT_DUE = `
  INSERT INTO deliveries (target, entity_id, due_version, status, attempts, next_attempt_at, due_since, trace)
  VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?4, ?5)
  ON CONFLICT (target, entity_id) DO UPDATE SET ${DUE_AGAIN}`;

const UPDATE_DUE = `UPDATE deliveries SET ${DUE_AGAIN} WHERE target = ?1 AND entity_id = ?2`;

/** Writes the deliveries that a batch makes due, in the transaction of the batch. */
export class DueDeliveries {
  readonly #targets: readonly string[];

  constructor(targets: readonly string[]) {
    this.#targets = targets;
  }

  /** Makes the change's state due to the targets that it concerns. Answers to how many of them. */
  makeDue(
    writer: Connection,
    { delivery, entityId, fromVersion, version, events }: EntityChange,
    nowMs: number,
  ): number {
    if (!delivery.hasChanged) return 0;
    const trace = lastTraceOf(events);
    const packed = trace === undefined ? null : packTrace(trace);
    let due = 0;
    for (const target of this.#targets) {
      const qualifies = delivery.qualifiesFor.includes(target);
      // A new entity has no row in the ledger yet.
      if (!qualifies && fromVersion === 0) continue;
      const statement = writer.statement(qualifies ? UPSERT_DUE : UPDATE_DUE);
      due += Number(statement.run(target, entityId, version, nowMs, packed).changes);
    }
    return due;
  }
}
