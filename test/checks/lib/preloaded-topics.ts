import { randomBytes } from 'node:crypto';
import { Oracle, type RawRecord, type Topics } from '../oracle.ts';
import type { RunningCheck } from './command.ts';
import { drainWorkload } from './drain-workload.ts';
import { createTopics, endOffsets, Publisher } from './kafka-client.ts';

/** Two topics that hold all records before anybody reads them. */
export interface FullTopics {
  readonly brokers: readonly string[];
  readonly topics: Topics;
  readonly partitions: number;
  readonly events: number;
  /** The end of each partition, by `topic/partition`. */
  readonly ends: ReadonlyMap<string, bigint>;
}

export interface PreloadedTopics extends FullTopics {
  /** What has to come of the records. */
  readonly oracle: Oracle;
}

const RECORDS_PER_REQUEST = 5_000;

type Workload = (events: number, topics: Topics) => Iterable<RawRecord>;

/** Publishes `events` records of the workload into two new topics, and works out what has to come of them. */
export async function preloadTopics(
  check: RunningCheck,
  brokers: readonly string[],
  events: number,
  partitions: number,
  workload: Workload = drainWorkload,
): Promise<PreloadedTopics> {
  const topics = newTopics();
  const oracle = new Oracle(topics);
  const full = await fillTopics(check, brokers, events, partitions, watched(workload, oracle), topics);
  check.progress(`${oracle.orderCount} orders have to come of them`);
  return { ...full, oracle };
}

function newTopics(): Topics {
  const suffix = randomBytes(4).toString('hex');
  return { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
}

/** Hands each record to the oracle too. */
function watched(workload: Workload, oracle: Oracle): Workload {
  return function* (events, topics) {
    for (const record of workload(events, topics)) {
      if (oracle.add(record) === null) throw new Error('The workload holds a record that is no event');
      yield record;
    }
  };
}

/** Publishes `events` records of the workload into new topics, without a memory of them. */
export async function fillTopics(
  check: RunningCheck,
  brokers: readonly string[],
  events: number,
  partitions: number,
  workload: Workload = drainWorkload,
  topics: Topics = newTopics(),
): Promise<FullTopics> {
  const counts = new Map([
    [topics.order, partitions],
    [topics.payment, partitions],
  ]);
  await createTopics(brokers, counts);
  const publisher = new Publisher(brokers, counts);
  const close = check.defer(() => publisher.close());
  let bytes = 0;
  let batch: RawRecord[] = [];
  for (const record of workload(events, topics)) {
    bytes += record.value?.length ?? 0;
    batch.push(record);
    if (batch.length < RECORDS_PER_REQUEST) continue;
    check.signal.throwIfAborted();
    await publisher.publish(batch);
    batch = [];
  }
  if (batch.length > 0) await publisher.publish(batch);
  const ends = await endOffsets(brokers, counts);
  await close();
  const published = [...ends.values()].reduce((sum, end) => sum + end, 0n);
  if (published !== BigInt(events)) throw new Error(`The log holds ${published} records, not ${events}`);
  check.progress(`${events} records published, ${Math.round(bytes / events)} bytes each`);
  return { brokers, topics, partitions, events, ends };
}
