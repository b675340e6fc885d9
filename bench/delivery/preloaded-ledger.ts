/** Copies a ledger of due states into a table of its own, so that every run begins with the same states. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';

const LOCK_PATIENCE_MS = 20_000;

export class PreloadedLedger {
  readonly #url: string;

  /** `url` is `mysql://...` or `sqlite:file`. No program may use the database while a method runs. */
  constructor(url: string) {
    this.#url = url;
  }

  /** Copies the ledger as it is now. */
  async keep(): Promise<void> {
    await this.#run(['CREATE TABLE bench_deliveries AS SELECT * FROM deliveries']);
  }

  /** Puts back the first `count` deliveries of the copy, and deletes all attempts. */
  async restore(count: number): Promise<void> {
    await this.#run([
      'DELETE FROM deliveries',
      'DELETE FROM delivery_attempts',
      `INSERT INTO deliveries SELECT * FROM bench_deliveries ORDER BY entity_id LIMIT ${count}`,
    ]);
  }

  /** Counts the deliveries that are not delivered, and the attempts. */
  async left(): Promise<{ unsettled: number; attempts: number }> {
    const unsettled = await this.#count("SELECT COUNT(*) AS n FROM deliveries WHERE status <> 'delivered'");
    return { unsettled, attempts: await this.#count('SELECT COUNT(*) AS n FROM delivery_attempts') };
  }

  async #run(statements: readonly string[]): Promise<void> {
    if (this.#url.startsWith('sqlite:')) {
      const database = this.#sqlite();
      for (const sql of statements) database.exec(sql);
      database.close();
      return;
    }
    const connection = await mysql.createConnection(this.#url);
    // TRUNCATE leaves InnoDB nothing to purge. After a DELETE the purge would slow the next run.
    for (const sql of statements) await connection.query(sql.replace(/^DELETE FROM/, 'TRUNCATE TABLE'));
    await connection.end();
  }

  async #count(sql: string): Promise<number> {
    if (this.#url.startsWith('sqlite:')) {
      const database = this.#sqlite();
      const n = Number(database.prepare(sql).get()?.n);
      database.close();
      return n;
    }
    const connection = await mysql.createConnection(this.#url);
    const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
    await connection.end();
    return Number(rows[0]?.n);
  }

  #sqlite(): DatabaseSync {
    return new DatabaseSync(this.#url.slice('sqlite:'.length), { timeout: LOCK_PATIENCE_MS });
  }
}
