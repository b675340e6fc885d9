import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../ports/logger.ts';
import { namesOf } from './connection-names.ts';
import { isRightMissing } from './refusals.ts';
import { textOf } from './values.ts';

/** Errors of a server that lets this user make no triggers: a missing right, a binary log, or TiDB. */
const NO_TRIGGERS = /TRIGGER|SUPER|not supported|log_bin_trust/i;

/**
 * Makes triggers that refuse every change of a journaled event. Where the server lets the user make none, only the
 * grants protect the journal (INSERT and SELECT).
 */
export async function protectJournal(connection: PoolConnection, logger: Logger): Promise<void> {
  for (const verb of ['UPDATE', 'DELETE']) {
    const name = namesOf(connection).of(`journal_segments_no_${verb.toLowerCase()}`);
    if (await hasTrigger(connection, name)) continue;
    try {
      await connection.query(
        `CREATE TRIGGER ${name} BEFORE ${verb} ON journal_segments FOR EACH ROW ` +
          "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The journal is immutable: events are only ever added.'",
      );
    } catch (error) {
      if (isThere(error)) continue;
      if (!NO_TRIGGERS.test(messageOf(error))) throw error;
      logger(
        'warn',
        'The server lets us make no triggers, so only grants keep journal_segments from being changed.',
      );
      return;
    }
  }
}

/**
 * Warns if this user may change the journal and sees no trigger that prevents it. A user without the right TRIGGER sees
 * no triggers at all.
 */
export async function warnOfUnprotected(connection: PoolConnection, logger: Logger): Promise<void> {
  const name = namesOf(connection).of('journal_segments_no_update');
  if (await hasTrigger(connection, name)) return;
  try {
    await connection.query('EXPLAIN UPDATE journal_segments SET entity_id = entity_id WHERE FALSE');
  } catch (error) {
    if (isRightMissing(error)) return;
    throw error;
  }
  logger(
    'warn',
    'Nothing keeps this user from changing journal_segments: run "order-sync migrate", which makes triggers, or grant ' +
      'SELECT and INSERT alone (docs/operations.md, "Users and grants").',
  );
}

const TRIGGER_EXISTS = 1359;

/** Whether the server says that it has the trigger, which a proxy may have hidden when it was asked for it. */
function isThere(error: unknown): boolean {
  return (
    (error as { errno?: unknown }).errno === TRIGGER_EXISTS ||
    /trigger already exists/i.test(messageOf(error))
  );
}

async function hasTrigger(connection: PoolConnection, name: string): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW TRIGGERS');
  return rows.some((row) => textOf(row[0]) === name);
}
