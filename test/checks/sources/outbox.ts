import { randomUUID } from 'node:crypto';
import mysql from 'mysql2/promise';
import { tellStory } from '../lib/order-stories.ts';
import type { Random } from '../lib/random.ts';

/** An event that an application writes, with the id of its row in the outbox. */
export interface Written {
  readonly id: string;
  readonly orderId: string;
  readonly topic: 'order' | 'payment';
  /** The body as JSON. */
  readonly body: string;
}

/** Makes the events of some orders, in the sequence of a shop that works on many of them at once. */
export function writtenEvents(orders: number, random: Random): Written[] {
  const events = Array.from({ length: orders }, (_, number) => tellStory(number + 1, random)).flat();
  return random.shuffled(events).map(({ orderId, topic, fields }) => ({
    id: randomUUID(),
    orderId,
    topic,
    body: `{${fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`,
  }));
}

/** An outbox table, as docs/sources.md has it. */
export class Outbox {
  readonly #connection: mysql.Connection;

  private constructor(connection: mysql.Connection) {
    this.#connection = connection;
  }

  static async make(url: string): Promise<Outbox> {
    const connection = await mysql.createConnection({ uri: url, charset: 'utf8mb4' });
    await connection.query(`CREATE TABLE outbox (
      id            CHAR(36)     NOT NULL PRIMARY KEY,
      aggregatetype VARCHAR(255) NOT NULL,
      aggregateid   VARCHAR(255) NOT NULL,
      type          VARCHAR(255) NOT NULL,
      payload       JSON         NOT NULL
    ) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
    return new Outbox(connection);
  }

  /** Writes each event in a transaction of its own, as an application does. */
  async write(events: readonly Written[]): Promise<void> {
    for (const { id, orderId, topic, body } of events) {
      const type = (JSON.parse(body) as { readonly eventType: string }).eventType;
      await this.#connection.execute(
        'INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (?, ?, ?, ?, ?)',
        [id, `${topic}_events`, orderId, type, body],
      );
    }
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }
}
