import type { Connection } from './database.ts';
import { textOf } from './values.ts';

const KEPT_MS = 7 * 24 * 60 * 60_000;

export function noteSender(writer: Connection, target: string, sender: string, nowMs: number): void {
  writer
    .statement('DELETE FROM delivery_senders WHERE target = ? AND noted_at < ?')
    .run(target, nowMs - KEPT_MS);
  writer
    .statement(`
      INSERT INTO delivery_senders (target, sender, noted_at) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET noted_at = excluded.noted_at`)
    .run(target, sender, nowMs);
}

export function readSenders(reader: Connection, target: string): string[] {
  return reader
    .statement('SELECT sender FROM delivery_senders WHERE target = ? ORDER BY noted_at DESC')
    .all(target)
    .map((row) => textOf(row.sender));
}

export function forgetSender(writer: Connection, target: string, sender: string): void {
  writer.statement('DELETE FROM delivery_senders WHERE target = ? AND sender = ?').run(target, sender);
}
