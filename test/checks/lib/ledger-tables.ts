/** Reads and watches the tables of deliveries with plain SQL. Shares no code with the product. */
import { DatabaseSync } from 'node:sqlite';
import mysql from 'mysql2/promise';

export interface LedgerCounts {
  readonly pending: number;
  readonly delivered: number;
  readonly dead: number;
}

export interface Standing {
  /** `pending`, `delivered` or `dead`. */
  readonly status: string;
  /** The last error; empty if there was none. */
  readonly reason: string;
  readonly attempts: number;
}

type Row = Readonly<Record<string, unknown>>;

const LOCK_PATIENCE_MS = 20_000;
/** The next attempt of a dead delivery, which puts it at the end of the index. */
const DEAD_AT_MS = Date.UTC(9999, 11, 31);

export class LedgerTables {
  readonly #url: string;
  #sqlite: DatabaseSync | null = null;
  #mysql: mysql.Connection | null = null;

  /** `databaseUrl` is `mysql://...` or `sqlite:file`. */
  constructor(databaseUrl: string) {
    this.#url = databaseUrl;
  }

  async counts(): Promise<LedgerCounts> {
    const counts = { pending: 0, delivered: 0, dead: 0 };
    for (const row of await this.#rows('SELECT status, COUNT(*) AS n FROM deliveries GROUP BY status'))
      counts[String(row.status) as keyof LedgerCounts] = Number(row.n);
    return counts;
  }

  /** Returns every entity that has a delivery. */
  async entities(): Promise<string[]> {
    return (await this.#rows('SELECT DISTINCT entity_id FROM deliveries')).map((row) => text(row.entity_id));
  }

  /** Returns the status of each entity's delivery, and the number of its attempts for all versions. */
  async standings(): Promise<Map<string, Standing>> {
    const attempts = new Map<string, number>();
    for (const row of await this.#rows(
      'SELECT entity_id, COUNT(*) AS n FROM delivery_attempts GROUP BY entity_id',
    ))
      attempts.set(text(row.entity_id), Number(row.n));
    const found = new Map<string, Standing>();
    for (const row of await this.#rows('SELECT entity_id, status, last_error FROM deliveries')) {
      const id = text(row.entity_id);
      const reason = row.last_error === null ? '' : text(row.last_error);
      found.set(id, { status: text(row.status), reason, attempts: attempts.get(id) ?? 0 });
    }
    return found;
  }

  async attemptCount(): Promise<number> {
    const [row] = await this.#rows('SELECT COUNT(*) AS n FROM delivery_attempts');
    return Number(row?.n);
  }

  /** Returns all rows of both tables for each entity, as one text. */
  async snapshot(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const table of ['deliveries', 'delivery_attempts']) {
      for (const row of await this.#rows(`SELECT * FROM ${table}`)) {
        const id = text(row.entity_id);
        const facts = Object.entries(row).map(([name, value]) => `${name}=${text(value)}`);
        found.set(id, `${found.get(id) ?? ''}${facts.sort().join(' ')}\n`);
      }
    }
    // The attempts of one entity have no fixed sequence, so the lines are sorted.
    for (const [id, lines] of found) found.set(id, lines.split('\n').sort().join('\n'));
    return found;
  }

  /**
   * Makes the due deliveries dead that are not being sent. Their last answer is 422 if the entity id ends with `endOf422`,
   * else 400. order-sync itself makes no delivery dead if its target refuses every state.
   */
  async giveUp(endOf422: string): Promise<void> {
    const ends422 = this.#isSqlite
      ? `CAST(entity_id AS TEXT) LIKE '%${endOf422}'`
      : `CONVERT(entity_id USING utf8mb4) LIKE '%${endOf422}'`;
    await this.#run(
      `UPDATE deliveries SET status = 'dead', is_retry = 0, attempts = 1, next_attempt_at = ${DEAD_AT_MS}, ` +
        `last_status = CASE WHEN ${ends422} THEN 422 ELSE 400 END, last_error = 'The check gave it up.' ` +
        `WHERE status = 'pending' AND leased_until <= ${Date.now()}`,
    );
  }

  /** Creates a trigger that records each delivery that turns from dead to due. */
  async watchRedrives(): Promise<void> {
    await this.#run('CREATE TABLE check_redrives (entity_id VARBINARY(255))');
    await this.#run(
      this.#isSqlite
        ? "CREATE TRIGGER check_redrive AFTER UPDATE ON deliveries WHEN OLD.status = 'dead' AND NEW.status <> 'dead' " +
            'BEGIN INSERT INTO check_redrives VALUES (NEW.entity_id); END'
        : 'CREATE TRIGGER check_redrive AFTER UPDATE ON deliveries FOR EACH ROW ' +
            "IF OLD.status = 'dead' AND NEW.status <> 'dead' THEN INSERT INTO check_redrives VALUES (NEW.entity_id); END IF",
    );
  }

  /** Returns how many times each entity was redriven since `watchRedrives`. */
  async redrivesSeen(): Promise<Map<string, number>> {
    const rows = await this.#rows('SELECT entity_id, COUNT(*) AS n FROM check_redrives GROUP BY entity_id');
    return new Map(rows.map((row) => [text(row.entity_id), Number(row.n)]));
  }

  async unwatchRedrives(): Promise<void> {
    await this.#run('DROP TRIGGER check_redrive');
  }

  async close(): Promise<void> {
    this.#sqlite?.close();
    await this.#mysql?.end();
  }

  get #isSqlite(): boolean {
    return this.#url.startsWith('sqlite:');
  }

  async #rows(sql: string): Promise<readonly Row[]> {
    if (this.#isSqlite) return this.#sqliteDatabase().prepare(sql).all();
    const [rows] = await (await this.#mysqlConnection()).query<mysql.RowDataPacket[]>(sql);
    return rows;
  }

  async #run(sql: string): Promise<void> {
    if (this.#isSqlite) this.#sqliteDatabase().exec(sql);
    else await (await this.#mysqlConnection()).query(sql);
  }

  #sqliteDatabase(): DatabaseSync {
    this.#sqlite ??= new DatabaseSync(this.#url.slice('sqlite:'.length), { timeout: LOCK_PATIENCE_MS });
    return this.#sqlite;
  }

  async #mysqlConnection(): Promise<mysql.Connection> {
    this.#mysql ??= await mysql.createConnection({ uri: this.#url, charset: 'utf8mb4' });
    return this.#mysql;
  }
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}
