/** The log to which a scenario publishes: Kafka through its client library, or the embedded log. */
import { Producer } from '@platformatic/kafka';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openEventLog } from '../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { partitionOf } from '../lib/kafka-client.ts';
import type { RawRecord } from '../oracle.ts';

export interface ScenarioLog {
  /** Names the queue of a record. Appends of one queue wait for each other; appends of two queues do not. */
  queueOf(record: RawRecord): string;
  /** Appends records of one queue, waits until all are acknowledged, and returns the ends by `topic/partition`. */
  append(queue: string, records: readonly RawRecord[]): Promise<ReadonlyMap<string, bigint>>;
  close(): Promise<void>;
}

export interface KafkaLogOptions {
  /** The protocol's `acks`: -1 for all in-sync replicas, 1 for the leader only. */
  readonly acks?: number;
}

/** Each partition is a queue, so a partition without a leader delays no other partition. */
export function kafkaLog(
  brokers: readonly string[],
  partitions: ReadonlyMap<string, number>,
  { acks = -1 }: KafkaLogOptions = {},
): ScenarioLog {
  const producers = new Map<string, Producer<Buffer, Buffer, Buffer, Buffer>>();
  // The library has no metadata of a topic while one of its partitions has no leader, so each queue has its own producer.
  const producerOf = (queue: string) => {
    // The producer is not idempotent. A record that is published twice is a duplicate, which the check accepts.
    const producer =
      producers.get(queue) ??
      new Producer<Buffer, Buffer, Buffer, Buffer>({
        clientId: 'check',
        bootstrapBrokers: [...brokers],
        retries: 0,
        timeout: 5_000,
        connectTimeout: 5_000,
        acks,
      });
    producers.set(queue, producer);
    return producer;
  };
  return {
    queueOf: ({ topic, key }) => `${topic}/${partitionOf(key, partitions.get(topic) ?? 1)}`,
    async append(queue, records) {
      const [topic = '', partition] = queue.split('/');
      const { offsets } = await producerOf(queue).send({
        messages: records.map((record) => ({
          topic,
          partition: Number(partition),
          key: record.key as Buffer,
          value: record.value as Buffer,
          headers: new Map(record.headers.map(([name, value]) => [Buffer.from(name), value as Buffer])),
        })),
      });
      const base = offsets?.[0]?.offset;
      if (base === undefined || base < 0n) {
        throw new Error(`The broker did not say where it put records of ${queue}`);
      }
      return new Map([[queue, base + BigInt(records.length)]]);
    },
    async close() {
      await Promise.all([...producers.values()].map((producer) => producer.close(true).catch(() => {})));
    },
  };
}

/** The embedded log is one file, so it has one queue. */
export async function embeddedLog(
  folder: string,
  partitions: ReadonlyMap<string, number>,
): Promise<ScenarioLog> {
  const { values } = loadSettings('order-sync', { env: { TRIBUTARY_DATA_DIR: folder } });
  const log = await openEventLog(values, systemClock, () => {}, { clientId: 'check' });
  await log.createTopics([...partitions].map(([topic, count]) => ({ topic, partitions: count })));
  const producer = log.producer();
  return {
    queueOf: () => 'embedded',
    async append(_queue, records) {
      const ends = new Map<string, bigint>();
      for (const { topic, partition, offset } of await producer.append(records)) {
        ends.set(`${topic}/${partition}`, offset + 1n);
      }
      return ends;
    },
    async close() {
      await producer.close();
      await log.close();
    },
  };
}
