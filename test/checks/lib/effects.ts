/** Records every change of an order in order-mgt's database with a trigger of the check. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';

export interface EffectFigures {
  /** The number of changes of orders at the target. */
  effects: number;
  /** The number of orders that were changed at the target. */
  orders_sent: number;
  /** The number of orders that were changed at the target more than once. */
  states_sent_again: number;
  /** The number of states with two effects, of states with two delivery ids, and of effects without a receipt. */
  double_effects: number;
  /** The number of changes that did not raise the version of the order. */
  versions_fallen: number;
}

const LOCK_PATIENCE_MS = 20_000;

export class Effects {
  readonly #database: DatabaseSync;
  #last: StatementSync | undefined;

  /** Creates the trigger. order-mgt must have made the file, and no state may have been delivered yet. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: LOCK_PATIENCE_MS });
    this.#database.exec(`
      CREATE TABLE check_effects (position INTEGER PRIMARY KEY, order_id TEXT, before INTEGER, version INTEGER);
      CREATE TRIGGER check_insert AFTER INSERT ON orders BEGIN
        INSERT INTO check_effects (order_id, before, version) VALUES (NEW.order_id, NULL, NEW.version); END;
      CREATE TRIGGER check_update AFTER UPDATE ON orders BEGIN
        INSERT INTO check_effects (order_id, before, version) VALUES (NEW.order_id, OLD.version, NEW.version); END;
      CREATE TRIGGER check_delete AFTER DELETE ON orders BEGIN
        INSERT INTO check_effects (order_id, before, version) VALUES (OLD.order_id, OLD.version, 0); END;`);
  }

  /** Returns the number of effects so far. */
  count(): number {
    this.#last ??= this.#database.prepare('SELECT COALESCE(MAX(position), 0) AS n FROM check_effects');
    return Number(this.#last.get()?.n);
  }

  figures(): EffectFigures {
    const twice = (table: string, columns: string) =>
      this.#count(
        `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${table} GROUP BY ${columns} HAVING COUNT(*) > 1)`,
      );
    // Each effect must have the receipt that was stored with it. Versions must rise in the sequence of the receipts.
    const unlike = this.#count(`
      SELECT (SELECT COUNT(*) FROM (SELECT order_id, version FROM check_effects EXCEPT
          SELECT order_id, version FROM deliveries_received WHERE effect = 'applied'))
        + (SELECT COUNT(*) FROM (SELECT order_id, version FROM deliveries_received WHERE effect = 'applied' EXCEPT
          SELECT order_id, version FROM check_effects)) AS n`);
    return {
      effects: this.#count('SELECT COUNT(*) AS n FROM check_effects'),
      orders_sent: this.#count('SELECT COUNT(DISTINCT order_id) AS n FROM check_effects'),
      states_sent_again: twice('check_effects', 'order_id'),
      double_effects:
        twice('check_effects', 'order_id, version') +
        twice('deliveries_received', 'order_id, version') +
        unlike,
      versions_fallen:
        this.#count(
          'SELECT COUNT(*) AS n FROM check_effects WHERE before IS NOT NULL AND version <= before',
        ) +
        this.#count(`
          SELECT COUNT(*) AS n FROM (
            SELECT version, LAG(version) OVER (PARTITION BY order_id ORDER BY sequence) AS before
            FROM deliveries_received WHERE effect = 'applied')
          WHERE version <= before`),
    };
  }

  close(): void {
    this.#database.close();
  }

  #count(sql: string): number {
    return Number(this.#database.prepare(sql).get()?.n);
  }
}
