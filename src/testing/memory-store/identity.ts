import type { GroupDecision } from '../../ports/store-identity.ts';
import type { Connection } from './connection.ts';

export function readStoreId(connection: Connection): Promise<string> {
  return connection.read('read the identity', ({ storeId }) => storeId);
}

export function noteGroupTaken(connection: Connection, decision: GroupDecision): Promise<void> {
  const { group, formerStore, decidedBy, reason, decidedAtMs } = decision;
  return connection.transaction(async (transaction) => {
    await transaction.statement('note the decision about a group');
    const { schema } = transaction;
    transaction.write(() => {
      schema.groupDecisions.push({ group, formerStore, decidedBy, reason, decidedAtMs });
      const details = { formerStore };
      schema.addAudit({ action: 'group_taken', subject: group, details, decidedBy, reason, decidedAtMs });
    });
  });
}
