/** Where the story is played: real Kafka with a server, or everything embedded. */
import { randomBytes } from 'node:crypto';
import { Admin } from '@platformatic/kafka';
import { openEmbeddedLog } from '../../../src/adapters/embedded-log/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import {
  createDatabase,
  type DatabaseAddress,
  type KafkaAddress,
  startServices,
} from '../../services/index.ts';
import type { RunningCheck } from '../lib/command.ts';
import { createTopics, type Place as LogPlace, Publisher } from '../lib/kafka-client.ts';
import type { RawRecord, Topics } from '../oracle.ts';

export const PARTITIONS = 2;

export interface Place {
  readonly name: string;
  readonly topics: Topics;
  /** The settings of order-sync that depend on the place. */
  readonly settings: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  readonly folder: string;
  /** Publishes records, and resolves with their places in the same sequence. */
  publish(records: readonly RawRecord[]): Promise<LogPlace[]>;
  /** Deletes the records of a partition below this offset, as retention does. */
  deleteBelow(topic: string, partition: number, offset: bigint): Promise<void>;
}

export async function embeddedPlace(check: RunningCheck): Promise<Place> {
  const folder = check.temporaryFolder();
  const log = openEmbeddedLog({ dataDir: folder, clock: systemClock });
  check.defer(() => log.close());
  const topics = { order: 'order_events', payment: 'payment_events' };
  await log.createTopics(Object.values(topics).map((topic) => ({ topic, partitions: PARTITIONS })));
  const producer = log.producer();
  check.defer(() => producer.close());
  return {
    name: 'embedded',
    topics,
    settings: { ORDER_SYNC_PARTITIONS: String(PARTITIONS) },
    databaseUrl: `sqlite:${folder}/order-sync.sqlite`,
    folder,
    publish: (records) => producer.append(records),
    deleteBelow: (topic, partition, offset) => log.deleteRecords({ topic, partition }, offset),
  };
}

export async function kafkaPlace(check: RunningCheck, server: 'mariadb' | 'mysql'): Promise<Place> {
  const services = await startServices({ kafka: true, [server]: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  return kafkaPlaceOn(check, services.kafka, services[server]);
}

/** Topics and a database of their own on servers that run. */
export async function kafkaPlaceOn(
  check: RunningCheck,
  { brokers }: Pick<KafkaAddress, 'brokers'>,
  server: Pick<DatabaseAddress, 'name' | 'url'>,
): Promise<Place> {
  const database = await createDatabase(server.url);
  check.defer(() => database.drop());
  const suffix = randomBytes(4).toString('hex');
  const topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map(Object.values(topics).map((topic) => [topic, PARTITIONS]));
  await createTopics(brokers, partitions);
  const publisher = new Publisher(brokers, partitions);
  check.defer(() => publisher.close());
  return {
    name: `kafka and ${server.name}`,
    topics,
    settings: {
      KAFKA_BROKERS: brokers.join(','),
      ORDER_TOPIC: topics.order,
      PAYMENT_TOPIC: topics.payment,
      ORDER_SYNC_GROUP: `check-${suffix}`,
      ORDER_SYNC_SESSION_TIMEOUT_MS: '6000',
    },
    databaseUrl: database.url,
    folder: check.temporaryFolder(),
    publish: (records) => publisher.publish(records),
    async deleteBelow(topic, partition, offset) {
      const admin = new Admin({ clientId: 'check-admin', bootstrapBrokers: [...brokers] });
      try {
        await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset }] }] });
      } finally {
        await admin.close();
      }
    },
  };
}
