/**
 * Publishes events at a rate, whatever becomes of them, and watches when each is in the view and stored by the target. It runs as
 * a process of its own. The time of an event counts from the moment at which it was to be published, so an event that had to
 * wait for its turn counts its wait too (coordinated omission). Reads its task as JSON from its first word, and prints the times.
 */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { openEventLog } from '../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../src/apps/shared/settings/load.ts';
import { Publisher } from '../../test/checks/lib/kafka-client.ts';
import type { RawRecord, Topics } from '../../test/checks/oracle.ts';
import { percentileOf } from '../lib/times.ts';

export interface ProbeTask {
  /** Brokers, or null for the embedded log of `folder`. */
  readonly brokers: readonly string[] | null;
  readonly folder: string;
  readonly topics: Topics;
  readonly partitions: number;
  readonly databaseUrl: string;
  readonly targetFile: string;
  readonly ratePerSecond: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** The number of the first order. */
  readonly firstOrder: number;
}

/** Milliseconds, by percentile, of the events after the warm-up. */
export type Times = Readonly<Record<'p50' | 'p99' | 'p999' | 'max', number>>;

export interface Probed {
  readonly view: Times;
  readonly target: Times;
  readonly events: number;
  /** By how much the probe itself was late at most. */
  readonly lateMs: number;
  readonly nextOrder: number;
}

const LOOK_EVERY_MS = 1;
const PATIENCE_MS = 120_000;
const LEAD_MS = 200;
/** The default of Kafka's own producer for requests that are not answered yet. */
const REQUESTS_UNDER_WAY = 5;

interface Sink {
  publish(
    records: readonly RawRecord[],
  ): Promise<readonly { topic: string; partition: number; offset: bigint }[]>;
  close(): Promise<void>;
}

interface Look {
  /** The next offset of each partition, by `topic/partition`. */
  checkpoints(): Promise<readonly (readonly [string, number])[]>;
  close(): Promise<void>;
}

async function probe(task: ProbeTask): Promise<Probed> {
  const sink = await openSink(task);
  const look = openLook(task.databaseUrl);
  const waiting = new Waiting();
  const total = Math.round(task.ratePerSecond * (task.warmUpSeconds + task.seconds));
  const measuredFrom = Math.round(task.ratePerSecond * task.warmUpSeconds);
  const began = performance.now() + LEAD_MS;
  const dueMs = (number: number) => began + (number * 1_000) / task.ratePerSecond;
  const isMeasured = (number: number) => number >= measuredFrom;
  const view: number[] = [];
  const target: number[] = [];
  const awaited = new Map<string, number>();
  let stored = 0;
  let isOver = false;
  const watchView = (async () => {
    while (!isOver) {
      for (const [partition, next] of await look.checkpoints()) {
        const now = performance.now();
        for (const number of waiting.seen(partition, next))
          if (isMeasured(number)) view.push(now - dueMs(number));
      }
      await sleep(LOOK_EVERY_MS);
    }
  })();
  const watchTarget = (async () => {
    const database = new DatabaseSync(task.targetFile, { readOnly: true, timeout: 10_000 });
    const last = database.prepare('SELECT COALESCE(MAX(sequence), 0) AS n FROM deliveries_received').get()?.n;
    const more = database.prepare('SELECT sequence, order_id FROM deliveries_received WHERE sequence > ?');
    let sequence = Number(last);
    while (!isOver) {
      const rows = more.all(sequence);
      const now = performance.now();
      for (const row of rows) {
        sequence = Math.max(sequence, Number(row.sequence));
        const number = awaited.get(String(row.order_id));
        if (number === undefined) continue;
        awaited.delete(String(row.order_id));
        stored++;
        if (isMeasured(number)) target.push(now - dueMs(number));
      }
      await sleep(LOOK_EVERY_MS);
    }
    database.close();
  })();
  let lateMs = 0;
  let underWay = 0;
  let failure: unknown;
  for (let number = 0; number < total; ) {
    const now = performance.now();
    const records: RawRecord[] = [];
    const numbers: number[] = [];
    // As in any producer, what falls due while its requests are under way goes with the next one.
    for (; underWay < REQUESTS_UNDER_WAY && number < total && dueMs(number) <= now; number++) {
      const order = task.firstOrder + Math.floor(number / 2);
      records.push(recordOf(task.topics, order, number % 2 === 1));
      numbers.push(number);
      if (number % 2 === 1) awaited.set(orderId(order), number);
      lateMs = Math.max(lateMs, now - dueMs(number));
    }
    if (records.length > 0) {
      underWay++;
      sink
        .publish(records)
        .then((places) => {
          for (const [index, { topic, partition, offset }] of places.entries())
            waiting.add(`${topic}/${partition}`, Number(offset), numbers[index] as number);
        })
        .catch((error: unknown) => (failure ??= error))
        .finally(() => underWay--);
    }
    if (failure !== undefined) throw failure;
    await sleep(LOOK_EVERY_MS);
  }
  while (underWay > 0) await sleep(LOOK_EVERY_MS);
  if (failure !== undefined) throw failure;
  const deadline = performance.now() + PATIENCE_MS;
  while ((waiting.count > 0 || awaited.size > 0) && performance.now() < deadline) await sleep(10);
  isOver = true;
  await Promise.all([watchView, watchTarget]);
  await look.close();
  await sink.close();
  if (waiting.count > 0 || awaited.size > 0)
    throw new Error(`${waiting.count} events and ${awaited.size} deliveries did not arrive in time`);
  return {
    view: timesOf(view),
    target: timesOf(target),
    events: total,
    lateMs,
    nextOrder: task.firstOrder + stored,
  };
}

/** The events of each partition that are not in the view yet, in the sequence of their offsets. */
class Waiting {
  readonly #partitions = new Map<string, { offset: number; number: number }[]>();
  count = 0;

  /** An event may be in the view before the broker's answer is here. Then the next look finds it. */
  add(partition: string, offset: number, number: number): void {
    const events = this.#partitions.get(partition) ?? [];
    this.#partitions.set(partition, events);
    let place = events.length;
    while (place > 0 && (events[place - 1]?.offset ?? 0) > offset) place--;
    events.splice(place, 0, { offset, number });
    this.count++;
  }

  /** Takes out the numbers of the events before `next`. */
  seen(partition: string, next: number): readonly number[] {
    const events = this.#partitions.get(partition) ?? [];
    let seen = 0;
    while (seen < events.length && (events[seen]?.offset ?? next) < next) seen++;
    this.count -= seen;
    return events.splice(0, seen).map(({ number }) => number);
  }
}

async function openSink(task: ProbeTask): Promise<Sink> {
  if (task.brokers !== null) {
    const counts = new Map(Object.values(task.topics).map((topic) => [topic, task.partitions]));
    const publisher = new Publisher(task.brokers, counts);
    return { publish: (records) => publisher.publish(records), close: () => publisher.close() };
  }
  const { values } = loadSettings('order-sync', { env: { TRIBUTARY_DATA_DIR: task.folder } });
  const log = await openEventLog(values, systemClock, () => {}, { clientId: 'bench' });
  const producer = log.producer();
  return {
    publish: (records) => producer.append(records),
    async close() {
      await producer.close();
      await log.close();
    },
  };
}

const CHECKPOINTS = 'SELECT topic, partition_id, next_offset FROM checkpoints';

function openLook(url: string): Look {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length), { readOnly: true, timeout: 10_000 });
    const select = database.prepare(CHECKPOINTS);
    return {
      checkpoints: async () =>
        select.all().map((row) => [`${row.topic}/${row.partition_id}`, Number(row.next_offset)] as const),
      close: async () => database.close(),
    };
  }
  const pool = mysql.createPool({ uri: url, connectionLimit: 1 });
  return {
    async checkpoints() {
      const [rows] = await pool.query<mysql.RowDataPacket[]>(CHECKPOINTS);
      return rows.map((row) => [`${row.topic}/${row.partition_id}`, Number(row.next_offset)] as const);
    },
    close: () => pool.end(),
  };
}

/** The creation of an order, or the payment that makes it ready. */
function recordOf(topics: Topics, order: number, isPayment: boolean): RawRecord {
  const id = orderId(order);
  const timestamp = new Date().toISOString();
  const body = isPayment
    ? { eventType: 'PAYMENT', orderId: id, paymentStatus: 'PAYMENT_AUTHORIZED', timestamp }
    : { eventType: 'ORDER', orderId: id, orderStatus: 'CREATED', timestamp };
  return {
    topic: isPayment ? topics.payment : topics.order,
    key: Buffer.from(id),
    value: Buffer.from(JSON.stringify(body)),
    headers: [],
  };
}

function orderId(number: number): string {
  return `order-${String(number).padStart(9, '0')}`;
}

function timesOf(times: readonly number[]): Times {
  return {
    p50: percentileOf(times, 0.5),
    p99: percentileOf(times, 0.99),
    p999: percentileOf(times, 0.999),
    max: percentileOf(times, 1),
  };
}

process.stdout.write(`${JSON.stringify(await probe(JSON.parse(process.argv[2] ?? '')))}\n`);
