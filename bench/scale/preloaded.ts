/** Topics that are filled before anything is measured, and what must become of them. */
import { randomBytes } from 'node:crypto';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import { drainWorkload } from '../../test/checks/lib/drain-workload.ts';
import { createTopics, endOffsets, Publisher } from '../../test/checks/lib/kafka-client.ts';
import { Oracle, type RawRecord, type Topics } from '../../test/checks/oracle.ts';

const RECORDS_PER_REQUEST = 5_000;

export interface Preloaded {
  readonly brokers: readonly string[];
  readonly topics: Topics;
  readonly ends: ReadonlyMap<string, bigint>;
  readonly events: number;
  readonly oracle: Oracle;
}

/** Fills two topics with this many partitions each. */
export async function preload(
  check: RunningCheck,
  brokers: readonly string[],
  events: number,
  partitionCount: number,
): Promise<Preloaded> {
  const suffix = randomBytes(4).toString('hex');
  const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, partitionCount],
    [topics.payment, partitionCount],
  ]);
  await createTopics(brokers, partitions);
  const publisher = new Publisher(brokers, partitions);
  const close = check.defer(() => publisher.close());
  const oracle = new Oracle(topics);
  let batch: RawRecord[] = [];
  const flush = async () => {
    check.signal.throwIfAborted();
    await publisher.publish(batch);
    batch = [];
  };
  for (const record of drainWorkload(events, topics)) {
    oracle.add(record);
    if (batch.push(record) === RECORDS_PER_REQUEST) await flush();
  }
  if (batch.length > 0) await flush();
  await close();
  check.progress(`${events} records of ${oracle.orderCount} orders are in ${2 * partitionCount} partitions`);
  return { brokers, topics, ends: await endOffsets(brokers, partitions), events, oracle };
}
