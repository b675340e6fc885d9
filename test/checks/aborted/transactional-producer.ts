import { Producer } from '@platformatic/kafka';

type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>;
type Transaction = Awaited<ReturnType<typeof beginWith>>;

const beginWith = (producer: RawProducer) => producer.beginTransaction({});

export interface PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

const TRANSACTION_MS = 120_000;

type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** A transactional producer that uses only the client library, so that it shares no code with the adapter. */
export class TransactionalProducer {
  readonly #producer: RawProducer;
  #transaction: Transaction | undefined;

  constructor(brokers: readonly string[], transactionalId: string, compression: Compression = 'none') {
    this.#producer = new Producer({
      clientId: transactionalId,
      bootstrapBrokers: [...brokers],
      idempotent: true,
      transactionalId,
      compression,
      // Kafka aborts a transaction that is open for longer.
      timeout: TRANSACTION_MS,
      // Kafka refuses a new transaction until it has written the markers of the last one.
      retries: 500,
      retryDelay: 20,
    });
  }

  async begin(): Promise<void> {
    this.#transaction = await beginWith(this.#producer);
  }

  /** Writes the records, one record batch for each partition, and resolves when they are in the log. */
  async send(records: readonly PlacedRecord[]): Promise<void> {
    const messages = records.map((record) => ({ ...record }));
    await this.#open().send({ messages });
  }

  async commit(): Promise<void> {
    await this.#open().commit();
    this.#transaction = undefined;
  }

  async abort(): Promise<void> {
    await this.#open().abort();
    this.#transaction = undefined;
  }

  async close(): Promise<void> {
    if (this.#transaction !== undefined) await this.abort();
    await this.#producer.close();
  }

  #open(): Transaction {
    if (this.#transaction === undefined) throw new Error('There is no transaction; begin one.');
    return this.#transaction;
  }
}
