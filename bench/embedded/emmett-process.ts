/**
 * Appends events to Emmett's store on SQLite, and projects them into a table of orders in the same transaction. It runs as a
 * process of its own and prints what it took as JSON. The way `store` uses the store as its documentation does: each append is a
 * transaction. The way `batched` uses the functions below it, with one connection and a transaction for each batch.
 *
 *     emmett-process.ts PACKAGES FILE EVENTS store|batched
 */
import { createRequire } from 'node:module';
import { drainWorkload } from '../../test/checks/lib/drain-workload.ts';

/** The part of Emmett that is used here. */
interface Connection {
  command(sql: string, values?: unknown[]): Promise<unknown>;
  querySingle<Row>(sql: string): Promise<Row | null>;
  withTransaction<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): void;
}

interface Projection {
  readonly name: string;
  readonly canHandle: readonly string[];
  handle(events: readonly Event[], context: { readonly connection: Connection }): Promise<void>;
}

interface Emmett {
  getSQLiteEventStore(options: {
    readonly fileName: string;
    readonly projections: readonly { readonly type: 'inline'; readonly projection: Projection }[];
  }): { appendToStream(stream: string, events: readonly Event[]): Promise<unknown> };
  sqliteConnection(options: { readonly fileName: string }): Connection;
  createEventStoreSchema(connection: Connection): Promise<void>;
  appendToStream(
    connection: Connection,
    stream: string,
    streamType: string,
    events: readonly Event[],
    options: {
      readonly onBeforeCommit: (
        events: readonly Event[],
        context: { readonly connection: Connection },
      ) => Promise<void>;
    },
  ): Promise<unknown>;
}

interface Event {
  readonly type: 'ORDER' | 'PAYMENT';
  readonly data: { readonly orderId: string; readonly orderStatus?: string; readonly paymentStatus?: string };
}

const BATCH_EVENTS = 4_000;
const TABLE = `CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, order_status TEXT, payment_status TEXT,
  review_status TEXT, ready_to_send INTEGER, version INTEGER NOT NULL)`;
const UPSERT = `INSERT INTO orders (order_id, order_status, payment_status, review_status, ready_to_send, version)
  VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (order_id) DO UPDATE SET
    order_status = COALESCE(excluded.order_status, order_status),
    payment_status = COALESCE(excluded.payment_status, payment_status),
    review_status = COALESCE(excluded.review_status, review_status),
    ready_to_send = COALESCE(excluded.order_status, order_status) = 'CREATED'
      AND COALESCE(excluded.payment_status, payment_status) IN ('PAYMENT_AUTHORIZED', 'AUTHORIZATION_REVIEW_ACCEPTED'),
    version = version + excluded.version`;
const REVIEWS: Readonly<Record<string, string>> = {
  PAYMENT_AUTH_WITHPENDING_REVIEW: 'PENDING',
  AUTHORIZATION_REVIEW_ACCEPTED: 'ACCEPTED',
  AUTHORIZATION_REVIEW_DECLINED: 'DECLINED',
};

/** The events of the workload in batches, those of one order together: Emmett appends to one stream at a time. */
function* batches(count: number): Generator<Map<string, Event[]>> {
  let batch = new Map<string, Event[]>();
  let size = 0;
  for (const { value } of drainWorkload(count, { order: 'order', payment: 'payment' })) {
    const { eventType, ...data } = JSON.parse(String(value));
    const stream = `order-${data.orderId}`;
    const events = batch.get(stream) ?? [];
    batch.set(stream, events);
    events.push({ type: eventType, data });
    if (++size < BATCH_EVENTS) continue;
    yield batch;
    batch = new Map();
    size = 0;
  }
  yield batch;
}

async function project(
  events: readonly Event[],
  { connection }: { readonly connection: Connection },
): Promise<void> {
  for (const { data } of events) {
    const { orderId, orderStatus = null, paymentStatus = null } = data;
    const review = paymentStatus === null ? null : (REVIEWS[paymentStatus] ?? null);
    await connection.command(UPSERT, [orderId, orderStatus, paymentStatus, review, 1]);
  }
}

const [packages = '', fileName = '', count = '', way = ''] = process.argv.slice(2);
const emmett = createRequire(`${packages}/`)('@event-driven-io/emmett-sqlite') as Emmett;
const all = [...batches(Number(count))];
const connection = emmett.sqliteConnection({ fileName });
await connection.command(TABLE);
await emmett.createEventStoreSchema(connection);
const { synchronous } = (await connection.querySingle<{ synchronous: number }>('PRAGMA synchronous')) ?? {};
if (synchronous !== 2) throw new Error(`SQLite is opened with synchronous=${synchronous}, not FULL`);
const projection: Projection = { name: 'orders', canHandle: ['ORDER', 'PAYMENT'], handle: project };
const store = emmett.getSQLiteEventStore({ fileName, projections: [{ type: 'inline', projection }] });
const cpu = process.cpuUsage();
const began = performance.now();
for (const batch of all) {
  if (way === 'store') {
    for (const [stream, events] of batch) await store.appendToStream(stream, events);
    continue;
  }
  await connection.withTransaction(async () => {
    for (const [stream, events] of batch)
      await emmett.appendToStream(connection, stream, 'order', events, { onBeforeCommit: project });
  });
}
const seconds = (performance.now() - began) / 1_000;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(
  `${JSON.stringify({
    seconds,
    events_per_second: Number(count) / seconds,
    cpu_seconds_per_million: (user + system) / Number(count),
    peak_memory_mib: process.resourceUsage().maxRSS / 1_024,
  })}\n`,
);
connection.close();
