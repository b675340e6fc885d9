/**
 * Writes transactions of several producers to the same partitions. Each producer writes one transaction after the other,
 * and aborts a fifth of them. Shares no code with `src/`.
 */

import { Random } from '../lib/random.ts';
import type { Topics } from '../oracle.ts';
import { type PlacedRecord, TransactionalProducer } from './transactional-producer.ts';

export interface LoadOptions {
  readonly brokers: readonly string[];
  readonly topics: Topics;
  readonly partitions: number;
  /** The number of events in committed and aborted transactions together. */
  readonly events: number;
  readonly seed: number;
  readonly producers: number;
  readonly abortRate: number;
  readonly signal: AbortSignal;
  progress(line: string): void;
}

/** The event ids of committed and of aborted transactions. */
export interface Written {
  readonly committed: ReadonlySet<string>;
  readonly aborted: ReadonlySet<string>;
  readonly transactions: { committed: number; aborted: number };
}

type Decision = 'commit' | 'abort';

const largestTransaction = 200;
const compressions = ['none', 'lz4', 'zstd', 'gzip'] as const;
/** A transaction of 6 MiB is larger than one fetch of order-sync. */
const hugeTransactionBytes = 6 * 1024 * 1024;
const hugeBodyBytes = 2_000;
const hugeSendRecords = 250;
const startMs = Date.UTC(2026, 0, 1);

export async function writeTransactions(options: LoadOptions): Promise<Written> {
  const load = new TransactionLoad(options);
  try {
    await load.run();
    return load.written;
  } finally {
    await load.close();
  }
}

class TransactionLoad {
  readonly #options: LoadOptions;
  readonly #producers: readonly TransactionalProducer[];
  readonly #committed = new Set<string>();
  readonly #aborted = new Set<string>();
  readonly #transactions = { committed: 0, aborted: 0 };
  #nextEvent = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#producers = Array.from({ length: options.producers }, (_, index) => {
      const id = `${options.topics.order}-${index}`;
      return new TransactionalProducer(options.brokers, id, compressions[index % compressions.length]);
    });
  }

  get written(): Written {
    return { committed: this.#committed, aborted: this.#aborted, transactions: this.#transactions };
  }

  async run(): Promise<void> {
    const { seed, events, progress } = this.#options;
    const [first, second] = this.#producers as [TransactionalProducer, TransactionalProducer];
    const random = new Random(seed);
    progress('one producer aborts two transactions in a row, in every partition');
    for (const decision of ['abort', 'abort', 'commit', 'abort'] as const) {
      await this.#everywhere(first, decision, random);
    }
    progress('one producer aborts a transaction larger than a fetch, while the others write');
    await Promise.all([
      this.#abortHuge(first, random),
      this.#transactUntil(second, events / 4, new Random(seed + 1)),
    ]);
    progress(`${this.#nextEvent} of ${events} events written; now all producers write at the same time`);
    await Promise.all(
      this.#producers.map((producer, index) =>
        this.#transactUntil(producer, events, new Random(seed + 2 + index)),
      ),
    );
    progress('every partition ends with aborted transactions');
    for (const producer of [first, second, first]) await this.#everywhere(producer, 'abort', random);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#producers.map((producer) => producer.close()));
  }

  async #transactUntil(producer: TransactionalProducer, events: number, random: Random): Promise<void> {
    while (this.#nextEvent < events) {
      const decision = random.chance(this.#options.abortRate) ? 'abort' : 'commit';
      const sends = 1 + random.below(3);
      const size = random.spread(largestTransaction);
      await this.#transact(producer, decision, async () => {
        for (let send = 0; send < sends; send++) {
          const records = Array.from({ length: size }, () => this.#event(decision, random));
          await producer.send(records);
        }
      });
    }
  }

  #everywhere(producer: TransactionalProducer, decision: Decision, random: Random): Promise<void> {
    const { partitions } = this.#options;
    return this.#transact(producer, decision, async () => {
      for (const topic of ['order', 'payment'] as const) {
        for (let partition = 0; partition < partitions; partition++) {
          await producer.send([this.#event(decision, random, { topic, partition })]);
        }
      }
    });
  }

  #abortHuge(producer: TransactionalProducer, random: Random): Promise<void> {
    return this.#transact(producer, 'abort', async () => {
      for (let bytes = 0; bytes < hugeTransactionBytes; bytes += hugeSendRecords * hugeBodyBytes) {
        const place = { topic: 'order', partition: 0 } as const;
        await producer.send(
          Array.from({ length: hugeSendRecords }, () => this.#event('abort', random, place, hugeBodyBytes)),
        );
      }
    });
  }

  async #transact(
    producer: TransactionalProducer,
    decision: Decision,
    write: () => Promise<void>,
  ): Promise<void> {
    this.#options.signal.throwIfAborted();
    await producer.begin();
    await write();
    await producer[decision]();
    if (decision === 'commit') this.#transactions.committed++;
    else this.#transactions.aborted++;
  }

  /** Makes a valid event of a new order, and records its id under the decision of its transaction. */
  #event(
    decision: Decision,
    random: Random,
    place?: { topic: keyof Topics; partition: number },
    paddingBytes = 0,
  ): PlacedRecord {
    const number = this.#nextEvent++;
    const eventId = `event-${number}`;
    (decision === 'commit' ? this.#committed : this.#aborted).add(eventId);
    const topic = place?.topic ?? random.pick(['order', 'payment'] as const);
    const orderId = `order-${random.below(Math.max(1, this.#options.events / 3))}`;
    const status =
      topic === 'order'
        ? { eventType: 'ORDER', orderId, orderStatus: 'CREATED' }
        : { eventType: 'PAYMENT', orderId, paymentStatus: 'PAYMENT_AUTHORIZED' };
    const body = {
      ...status,
      timestamp: new Date(startMs + number).toISOString(),
      eventId,
      ...(paddingBytes === 0 ? {} : { note: 'x'.repeat(paddingBytes) }),
    };
    return {
      topic: this.#options.topics[topic],
      partition: place?.partition ?? random.below(this.#options.partitions),
      key: Buffer.from(orderId),
      value: Buffer.from(JSON.stringify(body)),
    };
  }
}
