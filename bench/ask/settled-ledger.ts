/** Settles the deliveries of a loaded ledger by two statements, because sending a million states is another question. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';

/** Makes all deliveries delivered, except one in `deadEvery`, which is dead. */
export async function settleAll(url: string, deadEvery: number): Promise<void> {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length));
    database.exec(
      `UPDATE deliveries SET status = 'dead', next_attempt_at = ${Date.UTC(9999, 11, 31)}, attempts = 1, last_status = 422
      WHERE delivery_number % ${deadEvery} = 0`,
    );
    database.exec(
      "UPDATE deliveries SET status = 'delivered', next_attempt_at = NULL, attempts = 1, delivered_version = due_version WHERE status = 'pending'",
    );
    database.exec('ANALYZE');
    database.close();
    return;
  }
  const connection = await mysql.createConnection(url);
  await connection.query(
    `UPDATE deliveries SET status = 'dead', next_attempt_at = ${Date.UTC(9999, 11, 31)}, attempts = 1, last_status = 422
    WHERE CRC32(entity_id) % ${deadEvery} = 0`,
  );
  await connection.query(
    `UPDATE deliveries SET status = 'delivered', next_attempt_at = ${Date.UTC(9999, 11, 31) + 1}, attempts = 1,
    delivered_version = due_version WHERE status = 'pending'`,
  );
  await connection.end();
}
