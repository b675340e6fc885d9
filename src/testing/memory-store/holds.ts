import type { Decision } from '../../ports/audit.ts';
import { type Hold, type HoldPart, keyOfPart, partName } from '../../ports/holds.ts';
import type { Connection } from './connection.ts';

export function listHolds(connection: Connection): Promise<Hold[]> {
  return connection.read('list the holds', ({ sortedHolds }) => [...sortedHolds]);
}

export function hold(connection: Connection, part: HoldPart, decision: Decision): Promise<boolean> {
  const key = JSON.stringify(keyOfPart(part));
  const { decidedBy: heldBy, reason, decidedAtMs: heldAtMs } = decision;
  return connection.transaction(async (transaction) => {
    await transaction.statement('put a part on hold');
    await transaction.lock(`hold ${key}`);
    const { schema } = transaction;
    if (schema.holds.has(key)) return false;
    transaction.write(() => {
      schema.putHold(key, { part, heldBy, reason, heldAtMs });
      schema.addAudit({ action: 'held', subject: partName(part), details: { part }, ...decision });
    });
    return true;
  });
}

export function release(connection: Connection, part: HoldPart, decision: Decision): Promise<boolean> {
  const key = JSON.stringify(keyOfPart(part));
  return connection.transaction(async (transaction) => {
    await transaction.statement('release a part');
    await transaction.lock(`hold ${key}`);
    const { schema } = transaction;
    if (!schema.holds.has(key)) return false;
    transaction.write(() => {
      schema.deleteHold(key);
      schema.addAudit({ action: 'released', subject: partName(part), details: { part }, ...decision });
    });
    return true;
  });
}
