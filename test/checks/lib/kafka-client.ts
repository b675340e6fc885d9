/** Kafka for the checks, with the client library only and without the product's adapter. */
import { Admin, Producer } from '@platformatic/kafka';
import type { RawRecord } from '../oracle.ts';

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export function placeName(topic: string, partition: number, offset: bigint): string {
  return `${topic}/${partition}@${offset}`;
}

/** Publishes records, and returns their places from the broker's acknowledgements. */
export class Publisher {
  readonly #producer: Producer<Buffer, Buffer, Buffer, Buffer>;
  readonly #partitions: ReadonlyMap<string, number>;

  constructor(brokers: readonly string[], partitions: ReadonlyMap<string, number>) {
    this.#partitions = partitions;
    this.#producer = new Producer({ clientId: 'check', bootstrapBrokers: [...brokers], idempotent: true });
  }

  /** Publishes the records, waits until all are acknowledged, and returns their places in the same sequence. */
  async publish(records: readonly RawRecord[]): Promise<Place[]> {
    const counts = new Map<string, number>();
    const planned = records.map((record) => {
      const partition = partitionOf(record.key, this.#partitions.get(record.topic) ?? 1);
      const name = `${record.topic}/${partition}`;
      const index = counts.get(name) ?? 0;
      counts.set(name, index + 1);
      return { record, partition, name, index };
    });
    const { offsets } = await this.#producer.send({
      messages: planned.map(({ record, partition }) => ({
        topic: record.topic,
        partition,
        ...(record.key === null ? {} : { key: record.key }),
        // The library's types do not allow tombstones, but it sends null as null.
        value: record.value as Buffer,
        ...(record.headers.length === 0 ? {} : { headers: headersOf(record) }),
      })),
    });
    const bases = new Map((offsets ?? []).map((base) => [`${base.topic}/${base.partition}`, base.offset]));
    return planned.map(({ record, partition, name, index }) => {
      const base = bases.get(name);
      if (base === undefined || base < 0n)
        throw new Error(`The broker returned no offset for records of ${name}`);
      return { topic: record.topic, partition, offset: base + BigInt(index) };
    });
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }
}

/** Makes a Map with buffers as keys, in which a name may occur twice. */
function headersOf(record: RawRecord): Map<Buffer, Buffer> {
  return new Map(record.headers.map(([name, value]) => [Buffer.from(name), value as Buffer]));
}

/** Chooses the partition of a key by FNV-1a. No other producer chooses like this, on purpose. */
export function partitionOf(key: Buffer | null, partitions: number): number {
  let state = 0x811c9dc5;
  for (const byte of key ?? []) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
  return state % partitions;
}

/** Runs `work` with an admin client on a connection of its own. */
async function withAdmin<Result>(
  brokers: readonly string[],
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = new Admin({ clientId: 'check-admin', bootstrapBrokers: [...brokers] });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

export async function createTopics(
  brokers: readonly string[],
  partitions: ReadonlyMap<string, number>,
): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    for (const [topic, count] of partitions) {
      await admin.createTopics({ topics: [topic], partitions: count, replicas: 1 });
    }
  });
}

const LATEST = -1n;

/** Returns the end offset of every partition, by `topic/partition`. */
export async function endOffsets(
  brokers: readonly string[],
  partitions: ReadonlyMap<string, number>,
): Promise<Map<string, bigint>> {
  const listed = await withAdmin(brokers, (admin) =>
    admin.listOffsets({
      topics: [...partitions].map(([name, count]) => ({
        name,
        partitions: Array.from({ length: count }, (_, partitionIndex) => ({
          partitionIndex,
          timestamp: LATEST,
        })),
      })),
    }),
  );
  return new Map(
    listed.flatMap(({ name, partitions: ends }) =>
      ends.map(({ partitionIndex, offset }) => [`${name}/${partitionIndex}`, offset] as const),
    ),
  );
}
