/**
 * `npm run bench -- console` measures what the console asks of order-sync, in a store with very many orders while events come
 * in: the pages of its lists, and the stream of changes for 100 pages at once. See docs/checks.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../test/checks/faults/median.ts';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { cpuSecondsOf } from '../test/checks/lib/process-usage.ts';
import { waitFor } from '../test/checks/lib/waiting.ts';
import { type DeliveredOrders, deliveredOrders } from '../test/checks/verify/delivered-orders.ts';
import { Listeners } from './console/listeners.ts';
import { scrollOrders } from './console/scrolling.ts';
import { atLeast, atMost, type Bench, type Measured, measure } from './lib/bench.ts';
import type { Measure } from './lib/result.ts';
import { percentileOf, timesOf } from './lib/times.ts';

/** No list may take longer than this at the 95th percentile. */
const LIMIT_MS = 200;
/** The pages may cost ingest this share of its CPU time. */
const STREAM_SHARE = 0.05;
const PATIENCE_MS = 300_000;
const SCROLLED_SECONDS = 15;

/** The first page of each list that the console shows, with each of its filters. */
const LISTS: Readonly<Record<string, string>> = {
  orders: '/orders?limit=50',
  orders_status: '/orders?limit=50&status=PENDING',
  orders_order_status: '/orders?limit=50&where=order_status=CREATED',
  orders_no_order_status: '/orders?limit=50&where=order_status=null',
  orders_payment_status: '/orders?limit=50&where=payment_status=AUTHORIZATION_REVIEW_DECLINED',
  orders_review_status: '/orders?limit=50&where=review_status=ACCEPTED',
  orders_ready: '/orders?limit=50&ready=true',
  orders_delivered: '/orders?limit=50&delivered=true',
  orders_not_delivered: '/orders?limit=50&notDelivered=true',
  orders_in_flight: '/orders?limit=50&inFlight=true',
  orders_dead: '/orders?limit=50&dead=true',
  orders_stuck: '/orders?limit=50&stuck=true',
  orders_older_than: '/orders?limit=50&olderThan=1m',
  deliveries: '/deliveries?limit=50',
  dead_letters: '/dead-letters?limit=50',
  quarantine: '/quarantine?limit=50',
  jobs: '/jobs?limit=50',
  audit: '/audit?limit=50',
  status: '/status',
  series: '/series',
};

export const bench: Bench = {
  name: 'console',
  summary: 'What the console costs: its lists in a store with very many orders, and its stream of changes.',
  examples: [
    'npm run bench -- console --database mariadb',
    'npm run bench -- console --orders 50000 --questions 20 --turns 1',
  ],
  options: [
    {
      name: 'database',
      value: 'mariadb|mysql|sqlite',
      fallback: 'mariadb',
      help: 'The database of order-sync',
    },
    { name: 'orders', value: 'number', fallback: '1000000', help: 'The orders before the measurement' },
    { name: 'events-per-second', value: 'number', fallback: '5000', help: 'Events that come in meanwhile' },
    { name: 'questions', value: 'number', fallback: '100', help: 'The questions to each list' },
    { name: 'listeners', value: 'number', fallback: '100', help: 'The pages that listen at the same time' },
    { name: 'turns', value: 'number', fallback: '3', help: 'The turns with and without listeners' },
    { name: 'turn-seconds', value: 'number', fallback: '20', help: 'The length of a turn' },
  ],
  quick: { orders: '20000', questions: '10', turns: '1', 'turn-seconds': '5' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const orders = check.number('orders');
  const database = check.choice('database', ['mariadb', 'mysql', 'sqlite']);
  const world = await deliveredOrders(check, { database, orders });
  world.feeder.start(check.number('events-per-second'), Math.floor(orders / 2));
  check.defer(() => world.feeder.stop());
  const lists = await measureLists(check, world);
  const stream = await measureStream(check, world);
  const { rows, longTasks } = await scrollOrders(
    check,
    `http://127.0.0.1:${world.orderSync.port}`,
    SCROLLED_SECONDS,
  );
  await world.feeder.stop();
  check.progress(`Scrolled over ${rows} orders: ${longTasks.length} tasks over 50 ms`);
  const p95Of = (name: string) =>
    lists.find(({ subject, figure }) => subject === name && figure === 'p95_ms')?.median ?? null;
  return {
    measures: [
      ...lists,
      ...stream.measures,
      measure('list in Chromium', 'console', 'long_tasks', [longTasks.length]),
      measure('list in Chromium', 'console', 'long_task_max_ms', [Math.max(0, ...longTasks)]),
    ],
    bars: [
      ...Object.keys(LISTS).map((name) => atMost(`${name}, p95 in ms`, p95Of(name), LIMIT_MS)),
      atMost('share of CPU time for 100 pages that listen', stream.share, STREAM_SHARE),
      atMost('tasks over 50 ms in Chromium', longTasks.length, 0),
      atLeast('rows scrolled in Chromium', rows, 1),
    ],
    facts: {
      database,
      orders,
      events_per_second: check.number('events-per-second'),
      questions: check.number('questions'),
      listeners: check.number('listeners'),
      scrolled_rows: rows,
    },
    versions: {},
  };
}

async function measureLists(check: RunningCheck, { orderSync }: DeliveredOrders): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const [name, path] of Object.entries(LISTS)) {
    check.signal.throwIfAborted();
    const url = `http://127.0.0.1:${orderSync.port}/api/v1${path}`;
    const times = await timesOf(check.number('questions'), () => url);
    const [p50, p95] = [percentileOf(times, 0.5), percentileOf(times, 0.95)];
    measures.push(measure(name, 'order-sync', 'p50_ms', [p50]), measure(name, 'order-sync', 'p95_ms', [p95]));
    check.progress(`${name}: p50 ${p50} ms, p95 ${p95} ms`);
  }
  return measures;
}

/** Measures by turns what order-sync needs for the same events with and without listeners. */
async function measureStream(check: RunningCheck, { orderSync, feeder }: DeliveredOrders) {
  const without: number[] = [];
  const withThem: number[] = [];
  let bytes = 0;
  let messages = 0;
  const listeners = new Listeners(`http://127.0.0.1:${orderSync.port}/api/v1/stream`);
  check.defer(() => listeners.close());
  const turn = async () => {
    const before = { cpu: cpuSecondsOf(orderSync.pid), published: feeder.published };
    await sleep(check.number('turn-seconds') * 1_000, undefined, { signal: check.signal });
    const events = feeder.published - before.published;
    return ((cpuSecondsOf(orderSync.pid) - before.cpu) / events) * 1_000_000;
  };
  for (let number = 0; number < check.number('turns'); number++) {
    without.push(await turn());
    await listeners.open(check.number('listeners'));
    await waitFor(
      { what: 'the listeners', pauseMs: 100, timeoutMs: PATIENCE_MS, signal: check.signal },
      async () => (listeners.listening === check.number('listeners') ? true : undefined),
    );
    const from = { bytes: listeners.bytes, messages: listeners.messages };
    withThem.push(await turn());
    bytes += listeners.bytes - from.bytes;
    messages += listeners.messages - from.messages;
    await listeners.close();
    check.progress(
      `CPU seconds per million events: ${without.at(-1)?.toFixed(2)} without, ${withThem.at(-1)?.toFixed(2)} with listeners`,
    );
  }
  const seconds = check.number('turns') * check.number('turn-seconds');
  const figure = 'cpu_seconds_per_million_order_sync';
  return {
    share: median(withThem) / median(without) - 1,
    measures: [
      measure('stream of changes', 'no listeners', figure, without),
      measure('stream of changes', 'listeners', figure, withThem),
      measure('stream of changes', 'listeners', 'messages_per_second', [messages / seconds]),
      measure('stream of changes', 'listeners', 'bytes_per_second', [bytes / seconds]),
    ],
  };
}
