import { UNKNOWN_LEADER_EPOCH } from '../../../../src/ports/event-log.ts';
// Runs a group member in a process of its own, for tests that kill it. Prints each call of its listener as a line of
// JSON. Arguments: brokers, group, topics (comma-separated), and the session timeout in ms if it is another one.

import { openKafkaLog } from '../../../../src/adapters/kafka/index.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { partitionName, type TopicPartition } from '../../../../src/core/offset.ts';
import { quickOptions } from '../harness.ts';

const [brokers, group, topics, sessionMs] = process.argv.slice(2) as [string, string, string, string?];
const limits = { maxRecords: 1_000, maxBytes: 1 << 20 };

const log = openKafkaLog({
  brokers: brokers.split(','),
  clock: systemClock,
  logger: (level, message) => process.stderr.write(`${level} ${message}\n`),
  ...quickOptions,
  ...(sessionMs === undefined ? {} : { sessionTimeoutMs: Number(sessionMs) }),
});
const consumer = log.consumer({ group, topics: topics.split(','), maxBufferedBytes: 1 << 20 });
const held = new Map<string, TopicPartition>();

function tell(kind: string, details: object): void {
  process.stdout.write(`${JSON.stringify({ kind, ...details })}\n`);
}

function dropAll(kind: string, partitions: readonly TopicPartition[]): void {
  for (const partition of partitions) held.delete(partitionName(partition));
  tell(kind, { partitions: partitions.map(partitionName) });
}

await consumer.start({
  assigned: async (partitions) => {
    for (const partition of partitions) held.set(partitionName(partition), partition);
    consumer.follow(
      partitions.map(({ topic, partition, startOffset }) => ({
        topic,
        partition,
        offset: startOffset,
        leaderEpoch: UNKNOWN_LEADER_EPOCH,
      })),
    );
    tell('assigned', { partitions: partitions.map(partitionName) });
  },
  revoked: async (partitions) => dropAll('revoked', partitions),
  lost: async (partitions) => dropAll('lost', partitions),
  halted: async (fault) => tell('halted', { detail: fault.detail }),
});

for (;;) {
  // The held partitions may change at any moment, so a take waits for at most 100 ms.
  const taken = await consumer.take([...held.values()], limits, AbortSignal.timeout(100));
  for (const fetched of taken) {
    tell('took', { partition: partitionName(fetched), records: fetched.records.length });
  }
  if (held.size === 0) await systemClock.sleep(20);
}
