import { Admin } from '@platformatic/kafka';
import { type KafkaLogOptions, openKafkaLog } from '../../../src/adapters/kafka/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import type { TopicPartition } from '../../../src/core/offset.ts';
import type { EventLog } from '../../../src/ports/event-log.ts';

/** Short times, so that tests of lost members and of added partitions take seconds. */
export const quickOptions = {
  sessionTimeoutMs: 3_000,
  heartbeatIntervalMs: 200,
  rebalanceTimeoutMs: 10_000,
  metadataRefreshMs: 500,
  fetchMaxWaitMs: 100,
} as const;

export interface LogLine {
  readonly level: string;
  readonly message: string;
}

/** Opens a log on the brokers. `lines` collects the lines of its logger. */
export function openTestLog(
  brokers: readonly string[],
  options: Partial<KafkaLogOptions> = {},
  lines: LogLine[] = [],
): { log: EventLog; lines: LogLine[] } {
  const log = openKafkaLog({
    brokers,
    clock: systemClock,
    logger: (level, message) => {
      lines.push({ level, message });
    },
    ...quickOptions,
    ...options,
  });
  return { log, lines };
}

/** Does what an operator does to topics, by the library's own client. */
export class TopicOperator {
  readonly #admin: Admin;

  constructor(brokers: readonly string[]) {
    this.#admin = new Admin({ clientId: 'tests', bootstrapBrokers: [...brokers] });
  }

  async deleteRecords({ topic, partition }: TopicPartition, beforeOffset: bigint): Promise<void> {
    await this.#admin.deleteRecords({
      topics: [{ name: topic, partitions: [{ partition, offset: beforeOffset }] }],
    });
  }

  deleteTopic(topic: string): Promise<void> {
    return this.deleteTopics([topic]);
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.#admin.deleteTopics({ topics: [...topics] });
  }

  async growTopic(topic: string, partitions: number): Promise<void> {
    const { topics } = await this.#admin.metadata({ topics: [topic] });
    const existing = topics.get(topic)?.partitions ?? [];
    const brokerIds = [existing[0]?.leader ?? 0];
    const assignments = Array.from({ length: partitions - existing.length }, () => ({ brokerIds }));
    await this.#admin.createPartitions({ topics: [{ name: topic, count: partitions, assignments }] });
  }

  /** The end of the partition, including records of open transactions. */
  async lastOffset({ topic, partition }: TopicPartition): Promise<bigint> {
    const [listed] = await this.#admin.listOffsets({
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: -1n }] }],
    });
    return listed?.partitions[0]?.offset ?? -1n;
  }

  /** The folders in which the brokers keep their logs. */
  async logFolders(): Promise<string[]> {
    const brokers = await this.#admin.describeLogDirs({ topics: [] });
    return brokers.flatMap(({ results }) => results.map(({ logDir }) => logDir));
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }
}
