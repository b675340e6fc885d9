/**
 * `npm run bench -- ask` measures how long the answers to questions about orders take while the view has 1,000,000 rows.
 * See docs/checks.md.
 */
import { openMysqlStore } from '../src/adapters/mysql/index.ts';
import { openSqliteStore } from '../src/adapters/sqlite/index.ts';
import { systemClock } from '../src/adapters/system-clock.ts';
import { orders } from '../src/orders/index.ts';
import { createDecoder } from '../src/pipeline/decode/decoder.ts';
import type { EntityChange } from '../src/ports/commit.ts';
import type { OpenedStore, Store } from '../src/ports/store.ts';
import { databasesOf } from '../test/checks/lib/check-database.ts';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { Program, runToEnd } from '../test/checks/lib/programs.ts';
import { Random } from '../test/checks/lib/random.ts';
import { mysqlServer } from '../test/helpers/mysql-server.ts';
import { settleAll } from './ask/settled-ledger.ts';
import { atMost, type Bench, type Measured, measure } from './lib/bench.ts';
import type { Measure } from './lib/result.ts';
import { percentileOf, timesOf } from './lib/times.ts';

const TARGET = 'order-mgt';
const BATCH_ORDERS = 4_000;
/** No answer may take longer than this at the 95th percentile. */
const LIMIT_MS = 300;
/** One in this many deliveries is dead. */
const DEAD_EVERY = 1_000;
const TOPIC_NAMES = { order_events: 'order_events', payment_events: 'payment_events' };
const COMMANDS = 10;

/** The pages that are measured, each from a random order on. */
const PAGES: Readonly<Record<string, string>> = {
  orders: '',
  orders_status: '&status=PENDING',
  orders_status_of_none: '&status=NONE',
  orders_where: '&where=payment_status=null',
  orders_ready: '&ready=true',
  orders_not_delivered: '&notDelivered=true',
  orders_dead: '&dead=true',
  orders_stuck: '&stuck=true',
  orders_older_than: '&olderThan=1s',
};

export const bench: Bench = {
  name: 'ask',
  summary: 'How long answers about orders take in a store with very many orders.',
  examples: [
    'npm run bench -- ask --database mariadb',
    'npm run bench -- ask --orders 100000 --questions 50',
  ],
  options: [
    {
      name: 'database',
      value: 'embedded|mariadb|mysql',
      fallback: 'embedded',
      help: 'The database of order-sync',
    },
    { name: 'orders', value: 'number', fallback: '1000000', help: 'The orders in the view' },
    { name: 'questions', value: 'number', fallback: '200', help: 'The questions of each kind' },
  ],
  quick: { orders: '20000', questions: '20' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const folder = check.temporaryFolder();
  const url = await (await databasesOf(check))(folder);
  const count = check.number('orders');
  const beganMs = performance.now();
  await load(check, url, count);
  const loadSeconds = Math.round((performance.now() - beganMs) / 1_000);
  const settings = {
    TRIBUTARY_DATA_DIR: folder,
    DATABASE_URL: url,
    ORDER_SYNC_DELIVER: 'false',
    ORDER_SYNC_STUCK_AFTER: '1s',
  };
  const orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, settings);
  orderSync.start();
  await orderSync.ready();
  const random = new Random(1);
  const idOf = () => orderId(random.below(count));
  const api = `http://127.0.0.1:${orderSync.port}/api/v1`;
  const measures: Measure[] = [];
  const p95 = new Map<string, number>();
  const note = (name: string, times: readonly number[]) => {
    for (const [words, share] of [
      ['p50', 0.5],
      ['p95', 0.95],
      ['max', 1],
    ] as const)
      measures.push(measure(name, 'order-sync', `${words}_ms`, [percentileOf(times, share)]));
    p95.set(name, percentileOf(times, 0.95));
    check.progress(`${name}: p95 ${p95.get(name)} ms`);
  };
  const questions = check.number('questions');
  note('explain', await timesOf(questions, () => `${api}/orders/${idOf()}/explain`));
  note('events', await timesOf(questions, () => `${api}/orders/${idOf()}/events`));
  note('state', await timesOf(questions, () => `${api}/orders/${idOf()}/state?version=1`));
  for (const [name, filter] of Object.entries(PAGES)) {
    const cursor = () => Buffer.from(JSON.stringify([idOf(), ''])).toString('base64url');
    note(name, await timesOf(questions, () => `${api}/orders?after=${cursor()}${filter}`));
  }
  const commands: number[] = [];
  for (let number = 0; number < COMMANDS; number++) {
    const began = performance.now();
    await runToEnd('order-sync', ['explain', idOf(), '--json'], settings);
    commands.push(performance.now() - began);
  }
  note('explain_command', commands);
  const started: number[] = [];
  for (let number = 0; number < COMMANDS; number++) {
    const began = performance.now();
    await runToEnd('order-sync', ['--version'], settings);
    started.push(performance.now() - began);
  }
  note('start_of_a_command', started);
  await orderSync.stop();
  return {
    measures,
    bars: [...Object.keys(PAGES), 'explain', 'events', 'state'].map((name) =>
      atMost(`${name}, p95 in ms`, p95.get(name) ?? null, LIMIT_MS),
    ),
    facts: { database: check.text('database'), orders: count, questions, load_seconds: loadSeconds },
    versions: {},
  };
}

/** Journals the orders as order-sync does, and then settles their deliveries. */
async function load(check: RunningCheck, url: string, count: number): Promise<void> {
  const opened = openStore(url);
  const { store } = await opened.migrate({
    view: { table: orders.view.table, keyColumn: orders.view.keyColumn, columns: orders.view.columns },
    targets: [TARGET],
    adopt: null,
    nowMs: Date.now(),
  });
  for (let from = 0; from < count; from += BATCH_ORDERS) {
    check.signal.throwIfAborted();
    const length = Math.min(BATCH_ORDERS, count - from);
    await commit(
      store,
      Array.from({ length }, (_, index) => changeOf(from + index)),
    );
    if (from % 100_000 === 0) check.progress(`${from} of ${count} orders are journaled`);
  }
  await opened.close();
  await settleAll(url, DEAD_EVERY);
  check.progress(`${count} orders are journaled, and their deliveries are settled`);
}

function openStore(url: string): OpenedStore {
  const parts = { clock: systemClock, targets: [TARGET] };
  if (url.startsWith('sqlite:')) return openSqliteStore({ ...parts, file: url.slice('sqlite:'.length) });
  return openMysqlStore({ ...parts, ...mysqlServer(url), logger: () => {} });
}

async function commit(store: Store, changes: readonly EntityChange[]): Promise<void> {
  const entityIds = changes.map(({ entityId }) => entityId);
  const outcome = await store.commit({
    moves: [],
    quarantined: [],
    entityIds,
    mode: 'optimistic',
    plan: async () => changes,
  });
  if (outcome.kind !== 'committed') throw new Error(`A batch was ${outcome.kind}.`);
}

const decoder = createDecoder(orders, { topicNames: TOPIC_NAMES });

/** Of ten orders seven are ready, one has its review pending, one has no payment, and one was declined. */
const PAYMENTS = [
  ...new Array<string>(7).fill('PAYMENT_AUTHORIZED'),
  'PAYMENT_AUTH_WITHPENDING_REVIEW',
  null,
  'AUTHORIZATION_REVIEW_DECLINED',
] as const;

function changeOf(number: number): EntityChange {
  const id = orderId(number);
  const timestamp = new Date(Date.UTC(2026, 0, 1) + number * 1_000).toISOString();
  const payment = PAYMENTS[number % PAYMENTS.length] ?? null;
  const bodies: object[] = [{ eventType: 'ORDER', orderId: id, orderStatus: 'CREATED', timestamp }];
  if (payment !== null) bodies.push({ eventType: 'PAYMENT', orderId: id, paymentStatus: payment, timestamp });
  const events = bodies.map((body, index) => decode(id, body, number * 2 + index));
  const state = events.reduce((before, { event }) => orders.evolve(before, event), orders.initialState);
  const isReady = orders.view.isReady(state);
  return {
    entityId: id,
    fromVersion: 0,
    version: events.length,
    row: orders.view.row(state),
    events,
    delivery: { hasChanged: true, qualifiesFor: isReady ? [TARGET] : [] },
  };
}

function decode(id: string, body: object, offset: number) {
  const topic = 'orderStatus' in body ? 'order_events' : 'payment_events';
  const decoded = decoder.decode(
    {
      offset: BigInt(offset),
      timestampMs: 0,
      key: Buffer.from(id),
      value: Buffer.from(JSON.stringify(body)),
      headers: [],
    },
    { topic, partition: 0 },
    Date.now(),
  );
  if (decoded.kind === 'rejected') throw new Error(decoded.record.detail);
  return decoded.event;
}

function orderId(number: number): string {
  return `order-${String(number).padStart(8, '0')}`;
}
