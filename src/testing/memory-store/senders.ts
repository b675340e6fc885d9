import type { Connection, Transaction } from './connection.ts';
import { compareTexts } from './quarantine-table.ts';

const KEPT_MS = 7 * 24 * 60 * 60_000;

function sendersOf(transaction: Transaction, target: string): Map<string, number> {
  return new Map(transaction.schema.senders.get(target));
}

export function noteSender(connection: Connection, target: string, sender: string): Promise<void> {
  return connection.transaction(async (transaction) => {
    await transaction.statement('note a sender');
    await transaction.lock(`senders of ${target}`);
    const nowMs = transaction.nowMs();
    const senders = sendersOf(transaction, target);
    for (const [name, notedAtMs] of senders) if (notedAtMs < nowMs - KEPT_MS) senders.delete(name);
    senders.set(sender, nowMs);
    const { schema } = transaction;
    transaction.write(() => schema.senders.set(target, senders));
  });
}

/** The one that was noted last comes first. */
export function readSenders(connection: Connection, target: string): Promise<string[]> {
  return connection.read('read the senders', ({ senders }) =>
    [...(senders.get(target) ?? [])]
      .sort(([name, at], [otherName, otherAt]) => otherAt - at || compareTexts(name, otherName))
      .map(([sender]) => sender),
  );
}

export function forgetSender(connection: Connection, target: string, sender: string): Promise<void> {
  return connection.write('forget a sender', async (transaction) => {
    await transaction.lock(`senders of ${target}`);
    const senders = sendersOf(transaction, target);
    senders.delete(sender);
    const { schema } = transaction;
    transaction.write(() => schema.senders.set(target, senders));
  });
}
