/** A real order-sync and order-mgt on Kafka, with many orders that are journaled and delivered. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createDatabase, startServices } from '../../services/index.ts';
import type { RunningCheck } from '../lib/command.ts';
import { createTopics, Publisher } from '../lib/kafka-client.ts';
import { LedgerTables } from '../lib/ledger-tables.ts';
import { Program } from '../lib/programs.ts';
import { waitFor } from '../lib/waiting.ts';
import { Feeder, isReady } from './feeder.ts';

const PARTITIONS = 4;
const PATIENCE_MS = 60 * 60_000;

export interface DeliveredOrders {
  readonly orderSync: Program;
  /** Has published the orders, and publishes more. */
  readonly feeder: Feeder;
  /** The settings of order-sync. */
  readonly settings: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  /** The database of order-mgt. */
  readonly targetUrl: string;
}

/** Resolves when everything is delivered. The programs run on until the end of the check. */
export async function deliveredOrders(
  check: RunningCheck,
  { database, orders }: { readonly database: 'mariadb' | 'mysql' | 'sqlite'; readonly orders: number },
): Promise<DeliveredOrders> {
  const startedAt = performance.now();
  const folder = check.temporaryFolder();
  const services = await startServices({
    kafka: { heap: '1g' },
    ...(database === 'sqlite' ? {} : { [database]: true }),
  });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const { brokers } = services.kafka;
  const databaseUrl = await databaseOf(check, database, folder, services);
  const suffix = randomBytes(4).toString('hex');
  const topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map(Object.values(topics).map((topic) => [topic, PARTITIONS]));
  await createTopics(brokers, partitions);

  const targetUrl = `sqlite:${join(folder, 'order-mgt.sqlite')}`;
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_DATABASE_URL: targetUrl,
  });
  target.start();
  await target.ready();
  const settings = {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${suffix}`,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
    // A sweep would heal the target before a verification looks.
    ORDER_SYNC_RECONCILE_EVERY_MS: '0',
    LOG_LEVEL: 'error',
  };
  const orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, settings);
  orderSync.start();
  await orderSync.ready();

  const publisher = new Publisher(brokers, partitions);
  check.defer(() => publisher.close());
  const feeder = new Feeder(publisher, topics);
  check.progress(`Publishing ${orders} orders`);
  await feeder.fill(check, orders);
  const ledger = new LedgerTables(databaseUrl);
  check.defer(() => ledger.close());
  const ready = Array.from({ length: orders }, (_, index) => index).filter(isReady).length;
  await waitFor(
    { what: `${ready} deliveries`, pauseMs: 2_000, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => {
      orderSync.assertRunning();
      const { delivered, pending } = await ledger.counts();
      return delivered === ready && pending === 0 ? true : undefined;
    },
  );
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  check.progress(`${feeder.published} events are journaled and delivered (${seconds} s)`);
  return { orderSync, feeder, settings, databaseUrl, targetUrl };
}

async function databaseOf(
  check: RunningCheck,
  name: 'mariadb' | 'mysql' | 'sqlite',
  folder: string,
  services: Awaited<ReturnType<typeof startServices>>,
): Promise<string> {
  if (name === 'sqlite') return `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const database = await createDatabase(services[name].url);
  check.defer(() => database.drop());
  return database.url;
}
