import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { textOf } from './values.ts';

const KEPT_MS = 7 * 24 * 60 * 60_000;

export async function noteSender(
  connection: PoolConnection,
  target: string,
  sender: string,
  nowMs: number,
): Promise<void> {
  await connection.execute('DELETE FROM delivery_senders WHERE target = ? AND noted_at < ?', [
    target,
    nowMs - KEPT_MS,
  ]);
  await connection.execute(
    'INSERT INTO delivery_senders (target, sender, noted_at) VALUES (?, ?, ?) ' +
      'ON DUPLICATE KEY UPDATE noted_at = VALUES(noted_at)',
    [target, sender, nowMs],
  );
}

export async function readSenders(connection: PoolConnection, target: string): Promise<string[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT sender FROM delivery_senders WHERE target = ? ORDER BY noted_at DESC',
    [target],
  );
  return rows.map((row) => textOf(row[0]));
}

export async function forgetSender(
  connection: PoolConnection,
  target: string,
  sender: string,
): Promise<void> {
  await connection.execute('DELETE FROM delivery_senders WHERE target = ? AND sender = ?', [target, sender]);
}
