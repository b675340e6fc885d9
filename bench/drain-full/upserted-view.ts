/** The table that the weaker peers write: a row for each order, in which the event that arrives last wins. */
import mysql from 'mysql2/promise';
import { drainWorkload } from '../../test/checks/lib/drain-workload.ts';
import { partitionOf } from '../../test/checks/lib/kafka-client.ts';
import type { PreloadedTopics } from '../../test/checks/lib/preloaded-topics.ts';

interface Row extends mysql.RowDataPacket {
  readonly orderId: string;
  readonly orderStatus: string | null;
  readonly paymentStatus: string | null;
}

type Last = Pick<Row, 'orderId'> & Partial<Pick<Row, 'orderStatus' | 'paymentStatus'>>;

const TABLE = `CREATE TABLE orders (
  orderId VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  eventType VARCHAR(20) NULL,
  orderStatus VARCHAR(64) NULL,
  paymentStatus VARCHAR(64) NULL,
  \`timestamp\` VARCHAR(40) NULL
) ENGINE = InnoDB`;

export class UpsertedView {
  readonly #pool: mysql.Pool;
  readonly #preloaded: PreloadedTopics;
  /** What the last record of each partition says. When the table has all of it, every record is in the table. */
  readonly #last: readonly Last[];

  private constructor(pool: mysql.Pool, preloaded: PreloadedTopics) {
    this.#pool = pool;
    this.#preloaded = preloaded;
    const last = new Map<string, Last>();
    for (const { topic, key, value } of drainWorkload(preloaded.events, preloaded.topics)) {
      last.set(`${topic}/${partitionOf(key, preloaded.partitions)}`, JSON.parse(String(value)));
    }
    this.#last = [...last.values()];
  }

  static async create(url: string, preloaded: PreloadedTopics): Promise<UpsertedView> {
    const pool = mysql.createPool({ uri: url, connectionLimit: 1 });
    await pool.query(TABLE);
    return new UpsertedView(pool, preloaded);
  }

  async hasRows(): Promise<boolean> {
    const [rows] = await this.#pool.query<Row[]>('SELECT orderId FROM orders LIMIT 1');
    return rows.length > 0;
  }

  async isComplete(): Promise<boolean> {
    const [rows] = await this.#pool.query<Row[]>('SELECT * FROM orders WHERE orderId IN (?)', [
      this.#last.map(({ orderId }) => orderId),
    ]);
    const byId = new Map(rows.map((row) => [row.orderId, row]));
    return this.#last.every(({ orderId, orderStatus, paymentStatus }) => {
      const row = byId.get(orderId);
      if (row === undefined) return false;
      return orderStatus === undefined
        ? row.paymentStatus === paymentStatus
        : row.orderStatus === orderStatus;
    });
  }

  /** The orders whose two statuses differ from those of the oracle, or that are missing. */
  async countWrong(): Promise<number> {
    const { oracle } = this.#preloaded;
    const [rows] = await this.#pool.query<Row[]>('SELECT orderId, orderStatus, paymentStatus FROM orders');
    const right = rows.filter(({ orderId, orderStatus, paymentStatus }) => {
      const expected = oracle.expectedOrder(orderId);
      return expected?.orderStatus === orderStatus && expected.paymentStatus === paymentStatus;
    });
    return Math.max(rows.length, oracle.orderCount) - right.length;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
