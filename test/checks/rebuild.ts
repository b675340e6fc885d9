/**
 * `npm run check:rebuild` sends a million orders by a fold with a planted bug, then rebuilds the view with the right fold
 * while events come in, and kills order-sync five times meanwhile. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { createTopics, Publisher } from './lib/kafka-client.ts';
import { Program } from './lib/programs.ts';
import { type OrderRow, Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import type { RawRecord, Topics } from './oracle.ts';
import { expectedRowOf, isDeclined, numberOf, orderIdOf, recordsOf } from './rebuild/stories.ts';

const PARTITIONS = 4;
const RECORDS_PER_REQUEST = 2_000;
const PATIENCE_MS = 1_800_000;
const EXAMPLES = 10;

await runCommand({
  name: 'rebuild',
  summary:
    'Rebuilds the view with a corrected fold while events come in, and kills order-sync meanwhile: the view must be right, ' +
    'every changed state delivered, and no other one sent again.',
  examples: [
    'npm run check:rebuild -- --database mariadb',
    'npm run check:rebuild -- --orders 20000 --rate 200 --database sqlite',
  ],
  options: [
    { name: 'orders', value: 'number', fallback: '1000000', help: 'Orders before the rebuild' },
    {
      name: 'database',
      value: 'mariadb|mysql|sqlite',
      fallback: 'mariadb',
      help: 'The database of order-sync',
    },
    {
      name: 'rate',
      value: 'number',
      fallback: '300',
      help: 'New orders per second while the view is rebuilt',
    },
    { name: 'kills', value: 'number', fallback: '5', help: 'SIGKILLs of order-sync, from 0 to 5' },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const orders = check.number('orders');
  const place = check.choice('database', ['mariadb', 'mysql', 'sqlite']);
  const suffix = randomBytes(4).toString('hex');
  const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, PARTITIONS],
    [topics.payment, PARTITIONS],
  ]);
  const folder = check.temporaryFolder();
  const services = await startServices({
    kafka: { heap: '1g' },
    ...(place === 'sqlite' ? {} : { [place]: true }),
  });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const { brokers } = services.kafka;
  await createTopics(brokers, partitions);
  const databaseUrl = await databaseOf(check, place, services, folder);
  const publisher = new Publisher(brokers, partitions);
  check.defer(() => publisher.close());

  const targetFile = join(folder, 'order-mgt.sqlite');
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_DATABASE_URL: `sqlite:${targetFile}`,
  });
  target.start();
  await target.ready();
  const module = new URL('./rebuild/domain.ts', import.meta.url);
  const settings = {
    NODE_OPTIONS: `--import=${module.href}`,
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${suffix}`,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
    ORDER_SYNC_SESSION_TIMEOUT_MS: '6000',
  };
  const buggy = await Program.create(check, 'order-sync', 'order-sync-buggy', folder, {
    ...settings,
    CHECK_FOLD: 'buggy',
  });
  buggy.start();
  await buggy.ready();
  const tables = new Tables(databaseUrl);
  check.defer(() => tables.close());
  await publish(check, publisher, topics, 0, orders);
  await drained(check, tables, orders);
  await buggy.stop();
  check.progress(`${orders} orders are delivered by the fold with the bug`);

  const fixed = await Program.create(check, 'order-sync', 'order-sync-fixed', folder, {
    ...settings,
    CHECK_FOLD: 'fixed',
  });
  const sinceMs = Date.now();
  fixed.start();
  await fixed.ready();
  const feeding = new AbortController();
  const feeder = feed(check, publisher, topics, orders, feeding.signal);
  const rebuilt = await rebuild(check, fixed, tables, orders);
  feeding.abort();
  const total = await feeder;
  await drained(check, tables, total);
  await fixed.stop();
  await target.stop();

  const atTarget = new Tables(`sqlite:${targetFile}`);
  check.defer(() => atTarget.close());
  const divergent = await divergentRows(check, tables, total, { isNeeded: () => true, isExact: true });
  const isNeeded = (number: number) => expectedRowOf(number).isReady;
  // A target has the version at which the columns changed last.
  const unsent = await divergentRows(check, atTarget, total, { isNeeded, isExact: false });
  let sentAgain = 0;
  for await (const entityId of tables.attemptedSince(sinceMs)) {
    const number = numberOf(entityId) ?? 0;
    if (number >= orders || isDeclined(number)) continue;
    if (++sentAgain <= EXAMPLES) check.progress(`Sent again: ${entityId}`);
  }
  const expected = Math.floor(orders / 10);
  const found = rebuilt.report.rows.different;
  return {
    entities: total,
    entities_before_rebuild: orders,
    kills: rebuilt.kills,
    divergent,
    sent_again: sentAgain,
    wrongly_unsent: unsent,
    different_rows_expected: expected,
    different_rows_found: found,
    would_be_due: rebuilt.report.wouldBeDue['order-mgt'] ?? 0,
    rebuild_seconds: seconds(rebuilt.buildMs),
    entities_per_second: Math.round(orders / (rebuilt.buildMs / 1_000)),
    switch_seconds: seconds(rebuilt.switchMs),
    pause_ms: rebuilt.pauseMs,
    longest_standstill_ms: rebuilt.standstillMs,
    new_orders_per_second: check.number('rate'),
    database: place,
    database_version: place === 'sqlite' ? process.versions.sqlite : services[place].version,
    seconds: seconds(performance.now() - startedAt),
    ok:
      divergent + sentAgain + unsent === 0 &&
      found === expected &&
      rebuilt.kills === check.number('kills') &&
      // A process that is killed within the exchange measures nothing.
      (rebuilt.pauseMs ?? (rebuilt.killedWithinExchange ? 0 : Number.POSITIVE_INFINITY)) < 5_000,
  };
}

async function databaseOf(
  check: RunningCheck,
  place: 'mariadb' | 'mysql' | 'sqlite',
  services: Awaited<ReturnType<typeof startServices>>,
  folder: string,
): Promise<string> {
  if (place === 'sqlite') return `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const database = await createDatabase(services[place].url);
  check.defer(() => database.drop());
  return database.url;
}

/** Publishes all events of the orders from `from` to `to`. */
async function publish(
  check: RunningCheck,
  publisher: Publisher,
  topics: Topics,
  from: number,
  to: number,
): Promise<void> {
  let batch: RawRecord[] = [];
  for (let number = from; number < to; number++) {
    batch.push(...recordsOf(number, topics));
    if (batch.length < RECORDS_PER_REQUEST && number < to - 1) continue;
    check.signal.throwIfAborted();
    await publisher.publish(batch);
    batch = [];
  }
}

/** Publishes new orders at the rate until the signal aborts. Resolves with the number of all orders. */
async function feed(
  check: RunningCheck,
  publisher: Publisher,
  topics: Topics,
  from: number,
  signal: AbortSignal,
): Promise<number> {
  const perTurn = Math.max(1, Math.round(check.number('rate') / 5));
  let next = from;
  for (let atMs = performance.now(); !signal.aborted; atMs += 200) {
    await publish(check, publisher, topics, next, next + perTurn);
    next += perTurn;
    await sleep(Math.max(0, atMs + 200 - performance.now()));
  }
  return next;
}

/** Waits until all orders are in the view with all of their events, and nothing is left to deliver. */
async function drained(check: RunningCheck, tables: Tables, orders: number): Promise<void> {
  const events = eventsOf(orders);
  let said = 0;
  await waitFor(
    { what: `${orders} orders to be delivered`, pauseMs: 500, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => {
      const offsets = [...(await tables.checkpoints()).values()];
      const journaled = Number(offsets.reduce((sum, offset) => sum + offset, 0n));
      if (performance.now() - said > 15_000) {
        said = performance.now();
        check.progress(`${journaled} of ${events} events are journaled`);
      }
      if (journaled < events) return undefined;
      return (await tables.pendingDeliveries()) === 0 ? true : undefined;
    },
  );
}

function eventsOf(orders: number): number {
  let events = 0;
  for (let number = 0; number < orders; number++) events += expectedRowOf(number).version;
  return events;
}

interface Report {
  readonly rows: { readonly different: number };
  readonly wouldBeDue: Readonly<Record<string, number>>;
}

interface Job {
  readonly id: string;
  readonly state: string;
  readonly progress: {
    readonly phase?: string;
    readonly entities?: number;
    readonly pauseMs?: number | null;
    readonly report?: Report;
  };
}

/** Builds the new view and switches to it, over HTTP. Kills order-sync at the given moments, and starts it again. */
async function rebuild(check: RunningCheck, sync: Program, tables: Tables, orders: number) {
  const wanted = check.number('kills');
  let kills = 0;
  const kill = async (when: string) => {
    if (kills >= wanted) return;
    await sync.kill();
    kills++;
    check.progress(`Killed ${when}`);
    sync.start();
    await sync.ready();
  };
  const watching = new AbortController();
  const standstill = longestStandstill(tables, watching.signal);
  const base = `http://127.0.0.1:${sync.port}/api/v1`;
  const post = async (path: string): Promise<Job> => {
    const answer = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'declined reviews were taken for accepted ones' }),
    });
    if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Job;
  };
  const ended = (id: string, look: (job: Job) => Promise<void>) =>
    waitFor({ what: `job ${id}`, pauseMs: 20, timeoutMs: PATIENCE_MS, signal: check.signal }, async () => {
      const answer = await fetch(`${base}/jobs/${id}`).catch(() => undefined);
      const job = (await answer?.json()) as Job | undefined;
      if (job === undefined) return undefined;
      if (job.state === 'done') return job;
      await look(job);
      return undefined;
    });

  const buildFrom = performance.now();
  const building = await post('/rebuilds');
  const shares = [0.2, 0.6];
  const built = await ended(building.id, async ({ progress }) => {
    const share = (progress.entities ?? 0) / orders;
    if (kills < shares.length && share >= (shares[kills] ?? 1))
      await kill(`at ${progress.entities} entities`);
  });
  const buildMs = performance.now() - buildFrom;
  const { report } = built.progress;
  if (report === undefined) throw new Error(`The rebuild has no report: ${JSON.stringify(built)}`);
  check.progress(`Built in ${seconds(buildMs)} s: ${JSON.stringify(report.rows)}`);

  const switchFrom = performance.now();
  const moments = ['switching', 'settling', 'settling'];
  const killsBefore = kills;
  const switching = await post('/rebuilds:switch');
  const phases = watchPhase(tables, watching.signal, async (phase) => {
    if (phase !== moments[0] || kills >= wanted) return;
    moments.shift();
    await kill(`while the view was ${phase}`);
  });
  const switched = await ended(switching.id, async () => {});
  const switchMs = performance.now() - switchFrom;
  watching.abort();
  await phases;
  for (; kills < wanted; ) await kill('after the switch');
  return {
    kills,
    report,
    buildMs,
    switchMs,
    pauseMs: switched.progress.pauseMs ?? null,
    killedWithinExchange: killsBefore < wanted && moments[0] !== 'switching',
    standstillMs: Math.round(await standstill),
  };
}

/** Calls back with the phase of the view, every few milliseconds. */
async function watchPhase(
  tables: Tables,
  signal: AbortSignal,
  seen: (phase: string) => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await seen(await tables.viewPhase().catch(() => ''));
    await sleep(5);
  }
}

/** The longest time in which no checkpoint moved, in milliseconds. */
async function longestStandstill(tables: Tables, signal: AbortSignal): Promise<number> {
  let longest = 0;
  let last = -1n;
  let movedAt = performance.now();
  while (!signal.aborted) {
    const sum = [...(await tables.checkpoints()).values()].reduce((total, offset) => total + offset, 0n);
    const now = performance.now();
    if (sum !== last) {
      if (last !== -1n) longest = Math.max(longest, now - movedAt);
      last = sum;
      movedAt = now;
    }
    await sleep(50);
  }
  return longest;
}

/**
 * Counts the orders whose row is missing or not as expected. `isNeeded`: whether the order has to have a row. `isExact`:
 * whether the row has the version of the last event.
 */
async function divergentRows(
  check: RunningCheck,
  tables: Tables,
  total: number,
  { isNeeded, isExact }: { isNeeded: (number: number) => boolean; isExact: boolean },
): Promise<number> {
  const seen = new Uint8Array(total);
  let divergent = 0;
  const tell = (sentence: string) => {
    if (++divergent <= EXAMPLES) check.progress(sentence);
  };
  for await (const row of tables.orders()) {
    const number = numberOf(row.orderId);
    if (number === null || number >= total) tell(`Unexpected: ${JSON.stringify(row)}`);
    else {
      seen[number] = 1;
      if (!isExpected(row, number, isExact)) tell(`Divergent: ${JSON.stringify(row)}`);
    }
  }
  for (let number = 0; number < total; number++)
    if (seen[number] === 0 && isNeeded(number)) tell(`Missing: ${orderIdOf(number)}`);
  return divergent;
}

function isExpected(row: OrderRow, number: number, isExact: boolean): boolean {
  const { payment, review, isReady, version } = expectedRowOf(number);
  return (
    row.orderStatus === 'CREATED' &&
    row.paymentStatus === payment &&
    row.reviewStatus === review &&
    row.readyToSend === isReady &&
    (isExact ? row.version === version : row.version <= version)
  );
}

function seconds(durationMs: number): number {
  return Math.round(durationMs / 100) / 10;
}
