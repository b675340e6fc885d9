import { TributaryError } from '../../core/errors.ts';
import type { GroupDecision } from '../../ports/store-identity.ts';
import { addAudit } from './audit.ts';
import type { Connection } from './database.ts';
import { textOf } from './values.ts';

export function readStoreId(reader: Connection): string {
  const row = reader.statement('SELECT store_id FROM store_identity').get();
  if (row !== undefined) return textOf(row.store_id);
  throw new TributaryError(
    'store_refused',
    'The table store_identity is empty: put its row back from a backup, so that the members of a group know this database.',
  );
}

export function noteGroupTaken(writer: Connection, decision: GroupDecision): void {
  const { group, formerStore, decidedBy, reason, decidedAtMs } = decision;
  writer
    .statement(
      'INSERT INTO group_decisions (group_name, former_store, decided_by, reason, decided_at) VALUES (?, ?, ?, ?, ?)',
    )
    .run(group, formerStore, decidedBy, reason, decidedAtMs);
  const details = { formerStore };
  addAudit(writer, { action: 'group_taken', subject: group, details, decidedBy, reason, decidedAtMs });
}
