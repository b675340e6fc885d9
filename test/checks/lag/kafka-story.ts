/** A story on Kafka, with the client library alone: at each of its points the check knows the oldest record of each partition. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Producer } from '@platformatic/kafka';
import { TransactionalProducer } from '../aborted/transactional-producer.ts';
import type { RunningCheck } from '../lib/command.ts';
import type { Program } from '../lib/programs.ts';
import { waitFor } from '../lib/waiting.ts';
import type { Answers, Expected } from './answers.ts';
import { authorisedEvent, createdEvent } from './events.ts';

/** The partitions of the topic of orders, whose records have the producer's time. */
const BACKLOG = 0;
// Partition 1 stays idle.
const ABORTED = 2;
const OPEN = 3;
const CUT = 4;
/** The partitions of the topic of payments, which is compacted and whose records have the broker's time. */
const APPENDED = 0;
const COMPACTED = 1;

const ORDER_PARTITIONS = 5;
const PAYMENT_PARTITIONS = 2;
const HOUR_MS = 3_600_000;
const WAIT_MS = 60_000;
/** The broker looks for something to compact every 15 s. */
const COMPACTION_MS = 90_000;

export interface KafkaPlace {
  readonly check: RunningCheck;
  readonly brokers: readonly string[];
  readonly topics: { readonly order: string; readonly payment: string };
  readonly orderSync: Program;
  readonly answers: Answers;
}

type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>;

export async function makeTopics({ brokers, topics }: Pick<KafkaPlace, 'brokers' | 'topics'>): Promise<void> {
  const admin = new Admin({ clientId: 'check-lag', bootstrapBrokers: [...brokers] });
  try {
    await admin.createTopics({ topics: [topics.order], partitions: ORDER_PARTITIONS, replicas: 1 });
    const configs = {
      'message.timestamp.type': 'LogAppendTime',
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.001',
      'delete.retention.ms': '100',
      'segment.ms': '500',
      'max.compaction.lag.ms': '1000',
    };
    await admin.createTopics({
      topics: [topics.payment],
      partitions: PAYMENT_PARTITIONS,
      replicas: 1,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    });
  } finally {
    await admin.close();
  }
}

/** Plays the story. order-sync has not been started yet, and runs at the end. */
export async function playOnKafka(place: KafkaPlace): Promise<void> {
  const story = new Story(place);
  try {
    await story.play();
  } finally {
    await story.close();
  }
}

class Story {
  readonly #place: KafkaPlace;
  readonly #producer: RawProducer;
  readonly #admin: Admin;
  #orders = 0;

  constructor(place: KafkaPlace) {
    this.#place = place;
    const { brokers } = place;
    this.#producer = new Producer({
      clientId: 'check-lag',
      bootstrapBrokers: [...brokers],
      idempotent: true,
    });
    this.#admin = new Admin({ clientId: 'check-lag', bootstrapBrokers: [...brokers] });
  }

  async close(): Promise<void> {
    await this.#producer.close();
    await this.#admin.close();
  }

  async play(): Promise<void> {
    await this.#beforeTheFirstStart();
    await this.#backlogWhileStopped();
    await this.#tails();
    await this.#halt();
  }

  /** Nobody has begun with any partition. */
  async #beforeTheFirstStart(): Promise<void> {
    const { answers, orderSync } = this.#place;
    await this.#orderAt(BACKLOG, Date.now() - 2 * HOUR_MS);
    await this.#orderAt(BACKLOG, Date.now());
    await this.#orderAt(CUT, Date.now() - 1_000);
    await this.#payment(APPENDED);
    // The store has no schema before the first start, so only a started order-sync can be asked.
    orderSync.start();
    await orderSync.ready();
    await this.#untilDrained();
    await answers.compare('after the first start', this.#allRead(), { isRunning: true, verdict: 'ok' });
  }

  async #backlogWhileStopped(): Promise<void> {
    const { answers, orderSync, check } = this.#place;
    await orderSync.stop();
    const oldMs = Date.now() - HOUR_MS;
    await this.#orderAt(BACKLOG, oldMs);
    for (let count = 0; count < 50; count++) await this.#orderAt(BACKLOG, Date.now());
    // A record batch that is longer than the share of one partition in a look.
    const largeMs = Date.now() - 10 * 60_000;
    await this.#orderAt(CUT, largeMs, 300_000);
    const paidMs = await this.#payment(APPENDED);
    await sleep(1_500, undefined, { signal: check.signal });
    const expected = this.#allRead({
      [`order/${BACKLOG}`]: { oldestMs: oldMs, clock: 'create' },
      [`order/${CUT}`]: { oldestMs: largeMs, clock: 'create' },
      [`payment/${APPENDED}`]: { oldestMs: paidMs, clock: 'log_append' },
    });
    await answers.compare('a backlog while order-sync is stopped', expected, {
      isRunning: false,
      verdict: 'ok',
    });
    orderSync.start();
    await orderSync.ready();
    await this.#untilDrained();
    await answers.compare('the backlog is read', this.#allRead(), { isRunning: true, verdict: 'ok' });
  }

  /** Aborted transactions and gaps of compaction at the end, and an open transaction. */
  async #tails(): Promise<void> {
    const { answers, check, orderSync, brokers, topics } = this.#place;
    await orderSync.stop();
    const compactedMs = await this.#compact();
    const aborting = new TransactionalProducer(brokers, `check-lag-aborting-${process.pid}`);
    check.defer(() => aborting.close());
    for (let round = 0; round < 3; round++) {
      await aborting.begin();
      await aborting.send(this.#ordersFor(ABORTED, 200));
      await aborting.send([
        { topic: topics.payment, partition: COMPACTED, ...authorisedEvent('lag-aborted') },
      ]);
      await aborting.abort();
    }
    const name = `check-lag-open-${process.pid}`;
    const open = new TransactionalProducer(brokers, name);
    check.defer(() => open.close());
    await open.begin();
    const openedMs = Date.now();
    await open.send(this.#ordersFor(OPEN, 3));
    await this.#orderAt(OPEN, Date.now() - 5_000);
    await sleep(1_500, undefined, { signal: check.signal });
    const transaction = { records: 4, sinceMs: openedMs, transactionalId: name };
    const waiting = { [`order/${OPEN}`]: { oldestMs: null, transaction } };
    await answers.compare(
      'aborted tails, compaction and an open transaction, while order-sync is stopped',
      this.#allRead({ ...waiting, [`payment/${COMPACTED}`]: { oldestMs: compactedMs, clock: 'log_append' } }),
      { isRunning: false, verdict: 'ok' },
    );
    orderSync.start();
    await orderSync.ready();
    await this.#untilDrained();
    await answers.compare('the same with all of it read', this.#allRead(waiting), {
      isRunning: true,
      verdict: 'ok',
    });
    await open.commit();
    await this.#untilDrained();
    await answers.compare('the transaction is committed', this.#allRead(), {
      isRunning: true,
      verdict: 'ok',
    });
  }

  /** Retention takes records that were not read, which halts their partition; what the log still has waits. */
  async #halt(): Promise<void> {
    const { answers, orderSync, topics } = this.#place;
    await orderSync.stop();
    await this.#orderAt(CUT, Date.now() - 4 * HOUR_MS);
    const leftMs = Date.now() - 3 * HOUR_MS;
    const leftOffset = await this.#orderAt(CUT, leftMs);
    await this.#admin.deleteRecords({
      topics: [{ name: topics.order, partitions: [{ partition: CUT, offset: leftOffset }] }],
    });
    orderSync.start();
    await waitFor(
      { what: 'the partition to halt', pauseMs: 250, timeoutMs: WAIT_MS, signal: this.#place.check.signal },
      async () => {
        const answer = await fetch(`http://127.0.0.1:${orderSync.port}/readyz`).catch(() => null);
        const text = (await answer?.text()) ?? '';
        return text.includes(`${topics.order}/${CUT}`) ? true : undefined;
      },
    );
    const expected = this.#allRead({
      [`order/${CUT}`]: { oldestMs: leftMs, clock: 'create', isHalted: true },
    });
    await answers.compare('a partition is halted', expected, { isRunning: true, verdict: 'needs_attention' });
  }

  /** What is expected of each partition: everything is read, apart from `others`, by `order/0` or `payment/1`. */
  #allRead(others: Readonly<Record<string, Omit<Expected, 'name'>>> = {}): Expected[] {
    const { order, payment } = this.#place.topics;
    const partitions = (kind: string, topic: string, count: number) =>
      Array.from({ length: count }, (_, partition) => ({
        name: `${topic}/${partition}`,
        ...(others[`${kind}/${partition}`] ?? { oldestMs: null }),
      }));
    return [
      ...partitions('order', order, ORDER_PARTITIONS),
      ...partitions('payment', payment, PAYMENT_PARTITIONS),
    ];
  }

  async #untilDrained(): Promise<void> {
    const { answers, check } = this.#place;
    const names = this.#allRead().map(({ name }) => name);
    await waitFor(
      { what: 'order-sync to read everything', pauseMs: 250, timeoutMs: WAIT_MS, signal: check.signal },
      async () => ((await answers.isDrained(names)) ? true : undefined),
    );
  }

  #ordersFor(partition: number, count: number) {
    const { order } = this.#place.topics;
    return Array.from({ length: count }, () => ({
      topic: order,
      partition,
      ...createdEvent(`lag-${++this.#orders}`),
    }));
  }

  /** Publishes one order with this timestamp, and a note of this length in it. Resolves with its offset. */
  async #orderAt(partition: number, timestampMs: number, noteBytes = 0): Promise<bigint> {
    const { key, value } = createdEvent(`lag-${++this.#orders}`);
    const long = { ...(JSON.parse(value.toString()) as object), note: 'x'.repeat(noteBytes) };
    const message = {
      topic: this.#place.topics.order,
      partition,
      key,
      value: noteBytes === 0 ? value : Buffer.from(JSON.stringify(long)),
      timestamp: BigInt(timestampMs),
    };
    const { offsets } = await this.#producer.send({ messages: [message] });
    return offsets?.[0]?.offset ?? -1n;
  }

  /** Publishes one payment, and resolves with the moment of that. The broker gives it its own time. */
  async #payment(partition: number, orderId = `lag-${++this.#orders}`): Promise<number> {
    await this.#producer.send({
      messages: [{ topic: this.#place.topics.payment, partition, ...authorisedEvent(orderId) }],
    });
    return Date.now();
  }

  /**
   * Publishes the same keys again and again until the broker has compacted the partition, and resolves with the moment of
   * the oldest record that is left.
   */
  async #compact(): Promise<number> {
    const { check } = this.#place;
    for (let round = 0; round < 20; round++) await this.#payment(COMPACTED, 'lag-compacted');
    // The next record makes a new segment, and only closed segments are compacted.
    await sleep(1_000, undefined, { signal: check.signal });
    const keptMs = await this.#payment(COMPACTED, 'lag-compacted');
    await sleep(1_000, undefined, { signal: check.signal });
    await this.#payment(COMPACTED, 'lag-kept');
    const full = await this.#bytesOf(COMPACTED);
    await waitFor(
      {
        what: 'the broker to compact the partition',
        pauseMs: 500,
        timeoutMs: COMPACTION_MS,
        signal: check.signal,
      },
      // Of 22 records of one size, two are left.
      async () => ((await this.#bytesOf(COMPACTED)) * 6n < full ? true : undefined),
    );
    check.progress('The broker has compacted the partition');
    return keptMs;
  }

  async #bytesOf(partition: number): Promise<bigint> {
    const { payment } = this.#place.topics;
    const brokers = await this.#admin.describeLogDirs({
      topics: [{ name: payment, partitions: [partition] }],
    });
    const sizes = brokers.flatMap(({ results }) =>
      results.flatMap(({ topics }) =>
        topics.flatMap(({ partitions }) => partitions.map(({ partitionSize }) => partitionSize)),
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0n);
  }
}
