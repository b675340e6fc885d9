import type { Decision } from '../../ports/audit.ts';
import { type Hold, type HoldPart, keyOfPart, partName, partOfKey } from '../../ports/holds.ts';
import { addAudit } from './audit.ts';
import type { Connection } from './database.ts';
import { numberOf, textOf } from './values.ts';

export function listHolds(reader: Connection): Hold[] {
  const rows = reader.statement('SELECT * FROM holds ORDER BY held_at, kind, name, partition_id').all();
  return rows.map((row) => ({
    part: partOfKey(textOf(row.kind), textOf(row.name), numberOf(row.partition_id)),
    heldBy: textOf(row.held_by),
    reason: textOf(row.reason),
    heldAtMs: numberOf(row.held_at),
  }));
}

/** Runs inside a transaction. Answers whether the part was not on hold before. */
export function hold(writer: Connection, part: HoldPart, decision: Decision): boolean {
  const { decidedBy, reason, decidedAtMs } = decision;
  const { changes } = writer
    .statement(
      'INSERT INTO holds (kind, name, partition_id, held_by, reason, held_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    .run(...keyOfPart(part), decidedBy, reason, decidedAtMs);
  if (Number(changes) === 0) return false;
  addAudit(writer, { action: 'held', subject: partName(part), details: { part }, ...decision });
  return true;
}

/** Runs inside a transaction. Answers whether the part was on hold. */
export function release(writer: Connection, part: HoldPart, decision: Decision): boolean {
  const { changes } = writer
    .statement('DELETE FROM holds WHERE kind = ? AND name = ? AND partition_id = ?')
    .run(...keyOfPart(part));
  if (Number(changes) === 0) return false;
  addAudit(writer, { action: 'released', subject: partName(part), details: { part }, ...decision });
  return true;
}
