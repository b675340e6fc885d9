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

/** The tables of an application, each an outbox as docs/sources.md has it. */
export const OUTBOX = 'outbox';
/** The second one has the events whose arrays hold values of one type. */
export const UNIFORM_OUTBOX = 'outbox_uniform';

/** Whether no array in the body mixes types. Kafka Connect has no type for such an array. */
export function isUniform({ body }: Written): boolean {
  return !/\[\d[^\]]*\{/.test(body);
}

/** Writes events into both tables. */
export class Outbox {
  readonly #connection: mysql.Connection;

  private constructor(connection: mysql.Connection) {
    this.#connection = connection;
  }

  static async make(url: string): Promise<Outbox> {
    const connection = await mysql.createConnection({ uri: url, charset: 'utf8mb4' });
    for (const table of [OUTBOX, UNIFORM_OUTBOX])
      await connection.query(`CREATE TABLE ${table} (
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
    for (const event of events) {
      await this.#insert(OUTBOX, event);
      if (isUniform(event)) await this.#insert(UNIFORM_OUTBOX, event);
    }
  }

  async #insert(table: string, { id, orderId, topic, body }: Written): Promise<void> {
    const type = (JSON.parse(body) as { readonly eventType: string }).eventType;
    await this.#connection.execute(
      `INSERT INTO ${table} (id, aggregatetype, aggregateid, type, payload) VALUES (?, ?, ?, ?, ?)`,
      [id, `${topic}_events`, orderId, type, body],
    );
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }
}
