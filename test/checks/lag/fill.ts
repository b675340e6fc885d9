/** Fills the ledger with deliveries by plain SQL, to see how fast a status is that has much to count. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';

/** One statement doubles the rows, so that a million takes 20 statements. */
const FIRST_ROWS = 1;

export async function fillLedger(databaseUrl: string, target: string, rows: number): Promise<void> {
  if (databaseUrl.startsWith('sqlite:')) fillSqlite(databaseUrl.slice('sqlite:'.length), target, rows);
  else await fillMysql(databaseUrl, target, rows);
}

const LATER_MS = Date.UTC(9000, 0, 1);

/** Retries of the far future, so that the delivery loop leaves them alone. */
function fillSqlite(file: string, target: string, rows: number): void {
  const database = new DatabaseSync(file, { timeout: 60_000 });
  try {
    database.exec('BEGIN IMMEDIATE');
    database
      .prepare(`
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
        INSERT INTO deliveries (target, entity_id, due_version, status, attempts, is_retry, next_attempt_at, due_since)
        SELECT ?2, 'filled-' || n, 1, 'pending', 1, 1, ?3, ?4 FROM numbers`)
      .run(rows, target, LATER_MS, Date.now());
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

async function fillMysql(url: string, target: string, rows: number): Promise<void> {
  const connection = await mysql.createConnection({ uri: url });
  try {
    await connection.query('CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY)');
    await connection.query('CREATE TEMPORARY TABLE copies (n INT PRIMARY KEY)');
    await connection.query(`INSERT INTO numbers VALUES (${FIRST_ROWS})`);
    for (let count = FIRST_ROWS; count < rows; count *= 2) {
      // A temporary table cannot be read and written, or read twice, in one statement.
      await connection.query('INSERT INTO copies SELECT n + ? FROM numbers WHERE n + ? <= ?', [
        count,
        count,
        rows,
      ]);
      await connection.query('INSERT INTO numbers SELECT n FROM copies');
      await connection.query('DELETE FROM copies');
    }
    await connection.query(
      'INSERT INTO deliveries (target, entity_id, due_version, status, attempts, is_retry, next_attempt_at, due_since) ' +
        "SELECT ?, CONCAT('filled-', n), 1, 'pending', 1, 1, ?, ? FROM numbers",
      [target, LATER_MS, Date.now()],
    );
  } finally {
    await connection.end();
  }
}
