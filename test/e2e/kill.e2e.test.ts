import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openEmbeddedLog } from '../../src/adapters/embedded-log/index.ts';
import { openKafkaLog } from '../../src/adapters/kafka/index.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import { createDatabase, services } from '../services/context.ts';
import { freePort } from '../services/index.ts';
import { orderAt, Program, type Settings, testFolder, WAITING } from './programs.ts';
import { expectedOrders, publications, recordOf } from './stories.ts';

type Row = Readonly<Record<string, unknown>>;

interface Scenario {
  readonly folder: string;
  readonly log: EventLog;
  readonly topics: { readonly orders: string; readonly payments: string };
  readonly settings: Settings;
  readonly orders: number;
  readonly kills: number;
  query(sql: string): Promise<Row[]>;
}

/** Publishes under the feet of an order-sync that is killed again and again, and compares what is left of it. */
async function surviveKills({
  folder,
  log,
  topics,
  settings,
  orders,
  kills,
  query,
}: Scenario): Promise<void> {
  const [syncPort, mgtPort] = [await freePort(), await freePort()];
  const mgt = new Program('order-mgt', {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_PORT: String(mgtPort),
    LOG_LEVEL: 'warn',
  });
  await mgt.ready(mgtPort);
  const startSync = () =>
    new Program('order-sync', {
      TRIBUTARY_DATA_DIR: folder,
      ORDER_SYNC_PORT: String(syncPort),
      ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${mgtPort}/api/orders`,
      // Small enough that a kill finds batches and deliveries under way.
      ORDER_SYNC_BATCH_EVENTS: '20',
      ORDER_SYNC_DELIVERY_CONCURRENCY: '8',
      ORDER_SYNC_DELIVERY_DEADLINE_MS: '1000',
      LOG_LEVEL: 'warn',
      ...settings,
    });

  const { facts, arrivals } = publications(orders);
  const producer = log.producer();
  const journaled = async () =>
    Number((await query('SELECT COUNT(*) AS found FROM event_journal'))[0]?.found);
  let sync = await startSync().ready(syncPort);
  const share = Math.ceil(arrivals.length / (kills + 1));
  for (let kill = 0; kill <= kills; kill++) {
    const before = await journaled();
    const part = arrivals.slice(kill * share, (kill + 1) * share);
    for (let from = 0; from < part.length; from += 50) {
      await producer.append(part.slice(from, from + 50).map((fact) => recordOf(fact, topics)));
    }
    if (kill === kills) break;
    // It has begun to work on this part, and has by no means finished.
    await vi.waitFor(async () => expect(await journaled()).toBeGreaterThan(before), WAITING);
    await sync.kill();
    sync = startSync();
  }
  await producer.close();

  const expected = expectedOrders(facts);
  await vi.waitFor(async () => expect(await journaled()).toBe(facts.length), WAITING);
  const pending = "SELECT COUNT(*) AS found FROM deliveries WHERE status <> 'delivered'";
  await vi.waitFor(async () => expect(Number((await query(pending))[0]?.found)).toBe(0), WAITING);

  const rows = await query('SELECT * FROM orders');
  expect(rows.map(plain).sort(byOrderId)).toEqual([...expected].sort(byOrderId));
  const twice = 'SELECT event_id FROM event_journal GROUP BY entity_id, event_id HAVING COUNT(*) > 1';
  expect(await query(twice)).toEqual([]);
  expect(await query('SELECT * FROM quarantine')).toEqual([]);
  for (const order of expected) {
    const found = await orderAt(mgtPort, order.order_id);
    // An order that is ready no more was perhaps never sent: then the target need not know of it.
    if (order.ready_to_send)
      expect(found, order.order_id).toMatchObject({ ...order, version: expect.any(Number) });
    else if (found !== null) expect(found, order.order_id).toMatchObject({ ready_to_send: false });
  }
  expect(await sync.stop()).toBe(143);
  expect(await mgt.stop()).toBe(143);
}

/** A row as JSON would show it, whatever a driver makes of bytes and booleans. */
function plain(row: Row): Row {
  const text = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value);
  return {
    order_id: text(row.order_id),
    order_status: text(row.order_status),
    payment_status: text(row.payment_status),
    review_status: text(row.review_status),
    ready_to_send: Number(row.ready_to_send) === 1,
    version: Number(row.version),
  };
}

function byOrderId(left: { order_id?: unknown }, right: { order_id?: unknown }): number {
  return String(left.order_id) < String(right.order_id) ? -1 : 1;
}

describe('order-sync, killed again and again under load', () => {
  it('loses and doubles nothing on the embedded log and SQLite', async () => {
    const folder = await testFolder();
    const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
    onTestFinished(() => log.close());
    const topics = { orders: 'order_events', payments: 'payment_events' };
    await log.createTopics([
      { topic: topics.orders, partitions: 4 },
      { topic: topics.payments, partitions: 3 },
    ]);
    const query = async (sql: string) => {
      const database = new DatabaseSync(join(folder, 'order-sync.sqlite'), {
        readOnly: true,
        timeout: 10_000,
      });
      try {
        return database.prepare(sql).all() as Row[];
      } finally {
        database.close();
      }
    };
    await surviveKills({ folder, log, topics, settings: {}, orders: 1_400, kills: 4, query });
  });

  const database = (['mariadb', 'mysql'] as const).find((name) => !services().lacks(name)) ?? 'mariadb';
  it.skipIf(services().lacks('kafka', database))(
    `loses and doubles nothing on Kafka and ${database}`,
    async () => {
      const folder = await testFolder();
      const { brokers } = services().kafka;
      const log = openKafkaLog({ brokers, clock: systemClock, logger: () => undefined });
      onTestFinished(() => log.close());
      const unique = systemClock.uuid();
      const topics = { orders: `kill-orders-${unique}`, payments: `kill-payments-${unique}` };
      await log.createTopics([
        { topic: topics.orders, partitions: 4 },
        { topic: topics.payments, partitions: 3 },
      ]);
      const place = await createDatabase(services()[database].url);
      onTestFinished(() => place.drop());
      const connection = await createConnection({ uri: place.url });
      onTestFinished(() => connection.end());
      const settings = {
        KAFKA_BROKERS: brokers.join(','),
        DATABASE_URL: place.url,
        ORDER_TOPIC: topics.orders,
        PAYMENT_TOPIC: topics.payments,
        ORDER_SYNC_GROUP: `kill-${unique}`,
        ORDER_SYNC_SESSION_TIMEOUT_MS: '6000',
      };
      const query = async (sql: string) => (await connection.query<RowDataPacket[]>(sql))[0];
      await surviveKills({ folder, log, topics, settings, orders: 1_400, kills: 2, query });
    },
  );
});
