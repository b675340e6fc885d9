/**
 * `npm run check:drain` measures how fast one order-sync journals topics that were filled before, and the CPU time of
 * each process. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, type RunningServices, startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { compareWithOracle } from './lib/comparison.ts';
import { drainWorkload } from './lib/drain-workload.ts';
import { createTopics, endOffsets, Publisher } from './lib/kafka-client.ts';
import { cpuSecondsOf, descendantPid, machine, peakMemoryMibOf } from './lib/process-usage.ts';
import { Program } from './lib/programs.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import { Oracle, type RawRecord, type Topics } from './oracle.ts';

const DATABASES = ['mariadb', 'mysql'] as const;
type DatabaseName = (typeof DATABASES)[number];

const PARTITIONS = 4;
const RECORDS_PER_REQUEST = 5_000;
const POLL_MS = 100;
const TIMEOUT_MS = 30 * 60_000;
const SCRAPE_EVERY_MS = 1_000;
/** A drain with `/metrics` read every second may be slower by this much. */
const SCRAPE_COST_MAX_PERCENT = 2;

/** The figures of one run. */
interface Drained {
  readonly events_per_second: number;
  readonly seconds: number;
  readonly cpu_seconds_per_million_order_sync: number;
  readonly cpu_seconds_per_million_kafka: number | null;
  readonly cpu_seconds_per_million_database: number | null;
  readonly peak_memory_mib_order_sync: number;
  readonly wrong: number;
}

interface Preloaded {
  readonly brokers: readonly string[];
  readonly topics: Topics;
  readonly ends: ReadonlyMap<string, bigint>;
  readonly oracle: Oracle;
}

const PICKERS: Readonly<Record<string, (drained: Drained) => number | null>> = {
  events_per_second: (drained) => drained.events_per_second,
  seconds: (drained) => drained.seconds,
  cpu_seconds_per_million_order_sync: (drained) => drained.cpu_seconds_per_million_order_sync,
  cpu_seconds_per_million_kafka: (drained) => drained.cpu_seconds_per_million_kafka,
  cpu_seconds_per_million_database: (drained) => drained.cpu_seconds_per_million_database,
  peak_memory_mib_order_sync: (drained) => drained.peak_memory_mib_order_sync,
};

await runCommand({
  name: 'drain',
  summary:
    'Measures how fast one order-sync journals topics that were filled before, with all tables in its transactions.',
  examples: [
    'npm run check:drain -- --events 1000000',
    'npm run check:drain -- --events 200000 --database mariadb --lanes 2 --runs 3',
  ],
  options: [
    {
      name: 'events',
      value: 'number',
      fallback: '1000000',
      help: 'Records to publish before the measurement',
    },
    {
      name: 'database',
      value: 'mariadb|mysql|both',
      fallback: 'both',
      help: 'The databases, one after the other',
    },
    { name: 'lanes', value: 'number', fallback: '0', help: 'ORDER_SYNC_LANES; 0 for its default' },
    {
      name: 'batch-events',
      value: 'number',
      fallback: '0',
      help: 'ORDER_SYNC_BATCH_EVENTS; 0 for its default',
    },
    { name: 'runs', value: 'number', fallback: '1', help: 'Runs for each database; RESULT has the median' },
    {
      name: 'scrape',
      value: 'no|by-turns',
      fallback: 'no',
      help: 'by-turns: each run is done twice, with /metrics read every second and without, and RESULT has the difference',
    },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const chosen = check.choice('database', ['both', ...DATABASES]);
  const databases = DATABASES.filter((name) => chosen === 'both' || chosen === name);
  const events = check.number('events');
  const runs = check.number('runs');
  const kafka = await startServices({ kafka: { heap: '1g' } });
  check.defer(() => kafka.stop());
  check.progress(kafka.describe());
  const preloaded = await preload(check, kafka, events);

  const figures: Record<string, unknown> = {};
  let wrong = 0;
  let isCheap = true;
  for (const name of databases) {
    const { drained, scraped } = await drainInto(check, name, preloaded, events, runs);
    for (const [figure, pick] of Object.entries(PICKERS)) {
      figures[`${figure}_${name}`] = median(drained.map(pick));
    }
    figures[`events_per_second_of_runs_${name}`] = drained.map((each) => each.events_per_second);
    wrong += [...drained, ...scraped].reduce((sum, each) => sum + each.wrong, 0);
    if (scraped.length === 0) continue;
    const [without, withMetrics] = [drained, scraped].map((runs) =>
      median(runs.map((each) => each.events_per_second)),
    );
    const percent = round((100 * ((without ?? 0) - (withMetrics ?? 0))) / (without ?? 1));
    figures[`events_per_second_scraped_${name}`] = withMetrics;
    figures[`events_per_second_of_scraped_runs_${name}`] = scraped.map((each) => each.events_per_second);
    figures[`scrape_cost_percent_${name}`] = percent;
    isCheap &&= percent < SCRAPE_COST_MAX_PERCENT;
  }
  return {
    events,
    orders: preloaded.oracle.orderCount,
    ...figures,
    wrong,
    runs,
    lanes: check.number('lanes') || 'default',
    batch_events: check.number('batch-events') || 'default',
    partitions: PARTITIONS,
    machine: machine(),
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    ok: wrong === 0 && isCheap,
  };
}

async function preload(check: RunningCheck, kafka: RunningServices, events: number): Promise<Preloaded> {
  const { brokers } = kafka.kafka;
  const suffix = randomBytes(4).toString('hex');
  const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, PARTITIONS],
    [topics.payment, PARTITIONS],
  ]);
  await createTopics(brokers, partitions);
  const publisher = new Publisher(brokers, partitions);
  check.defer(() => publisher.close());
  const oracle = new Oracle(topics);
  let bytes = 0;
  let batch: RawRecord[] = [];
  for (const record of drainWorkload(events, topics)) {
    if (oracle.add(record) === null) throw new Error('The workload holds a record that is no event');
    bytes += record.value?.length ?? 0;
    batch.push(record);
    if (batch.length < RECORDS_PER_REQUEST) continue;
    check.signal.throwIfAborted();
    await publisher.publish(batch);
    batch = [];
  }
  if (batch.length > 0) await publisher.publish(batch);
  const ends = await endOffsets(brokers, partitions);
  const published = [...ends.values()].reduce((sum, end) => sum + end, 0n);
  if (published !== BigInt(events)) throw new Error(`The log holds ${published} records, not ${events}`);
  check.progress(
    `${events} records of ${oracle.orderCount} orders published, ${Math.round(bytes / events)} bytes each`,
  );
  return { brokers, topics, ends, oracle };
}

/** Runs one database server at a time, with a new database and a new group for each run. */
async function drainInto(
  check: RunningCheck,
  name: DatabaseName,
  preloaded: Preloaded,
  events: number,
  runs: number,
): Promise<{ readonly drained: readonly Drained[]; readonly scraped: readonly Drained[] }> {
  const services = await startServices({ [name]: true });
  const stop = check.defer(() => services.stop());
  check.progress(services.describe());
  const drained: Drained[] = [];
  const scraped: Drained[] = [];
  for (const { number, isScraped } of turnsOf(
    runs,
    check.choice('scrape', ['no', 'by-turns']) === 'by-turns',
  )) {
    const database = await createDatabase(services[name].url);
    const drop = check.defer(() => database.drop());
    const tables = new Tables(database.url);
    const closeTables = check.defer(() => tables.close());
    try {
      const result = await drainOnce(check, name, preloaded, events, tables, database.url, isScraped);
      const how = isScraped ? ', scraped' : '';
      check.progress(`${name}, run ${number} of ${runs}${how}: ${JSON.stringify(result)}`);
      (isScraped ? scraped : drained).push(result);
    } finally {
      await closeTables();
      await drop();
    }
  }
  await stop();
  return { drained, scraped };
}

/** Every second pair begins with the scraped run, so that a machine that warms up or tires favours neither kind. */
function turnsOf(
  runs: number,
  isByTurns: boolean,
): { readonly number: number; readonly isScraped: boolean }[] {
  return Array.from({ length: runs }, (_, index) => index + 1).flatMap((number) => {
    if (!isByTurns) return [{ number, isScraped: false }];
    const first = number % 2 === 0;
    return [first, !first].map((isScraped) => ({ number, isScraped }));
  });
}

/** Reads `/metrics` every second. The function that it gives ends that, and rejects if no answer had metrics. */
function scrape(port: number): () => Promise<void> {
  const stopping = new AbortController();
  let scrapes = 0;
  const scraping = (async () => {
    while (!stopping.signal.aborted) {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      if (answer.ok && (await answer.text()).includes('tributary_events_journaled_total')) scrapes++;
      await sleep(SCRAPE_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return async () => {
    stopping.abort();
    await scraping;
    if (scrapes === 0) throw new Error('/metrics was never read while the topics were drained');
  };
}

async function drainOnce(
  check: RunningCheck,
  name: DatabaseName,
  preloaded: Preloaded,
  events: number,
  tables: Tables,
  databaseUrl: string,
  isScraped: boolean,
): Promise<Drained> {
  const { ends, oracle, topics, brokers } = preloaded;
  const folder = check.temporaryFolder();
  const orderSync = await Program.create(check, 'order-sync', `order-sync-${name}`, folder, {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${randomBytes(4).toString('hex')}`,
    ORDER_SYNC_DELIVER: 'false',
    ...setting(check, 'lanes', 'ORDER_SYNC_LANES'),
    ...setting(check, 'batch-events', 'ORDER_SYNC_BATCH_EVENTS'),
  });
  orderSync.start();
  const waiting = { pauseMs: POLL_MS, timeoutMs: TIMEOUT_MS, signal: check.signal };
  // order-sync acquires a partition before it reads it. When all checkpoints exist, it is about to read.
  await waitFor({ ...waiting, what: 'order-sync to acquire all partitions' }, async () => {
    orderSync.assertRunning();
    return (await tables.checkpoints()).size === ends.size ? true : undefined;
  });
  const pids = {
    orderSync: orderSync.pid,
    kafka: descendantPid(/ kafka\.Kafka /),
    database: descendantPid(/mariadbd|mysqld/),
  };
  const endScraping = isScraped ? scrape(orderSync.port) : async () => {};
  const cpuBefore = cpuOf(pids);
  const startedAt = performance.now();
  await waitFor({ ...waiting, what: 'order-sync to drain the topics' }, async () => {
    orderSync.assertRunning();
    const checkpoints = await tables.checkpoints();
    return [...ends].every(([partition, end]) => checkpoints.get(partition) === end) ? true : undefined;
  });
  const durationMs = performance.now() - startedAt;
  const cpuAfter = cpuOf(pids);
  const peakMemoryMib = peakMemoryMibOf(orderSync.pid);
  await endScraping();
  await orderSync.stop();
  const perMillion = (key: keyof typeof pids): number | null => {
    const [before, after] = [cpuBefore[key], cpuAfter[key]];
    return before === null || after === null ? null : round(((after - before) / events) * 1e6);
  };
  return {
    events_per_second: Math.round(events / (durationMs / 1_000)),
    seconds: round(durationMs / 1_000),
    cpu_seconds_per_million_order_sync: perMillion('orderSync') as number,
    cpu_seconds_per_million_kafka: perMillion('kafka'),
    cpu_seconds_per_million_database: perMillion('database'),
    peak_memory_mib_order_sync: peakMemoryMib,
    wrong: await countWrong(check, tables, oracle),
  };
}

/** Compares journal, view and quarantine with the oracle. Exactly the ready orders must have a due delivery. */
async function countWrong(check: RunningCheck, tables: Tables, oracle: Oracle): Promise<number> {
  const comparison = await compareWithOracle(tables, oracle, new Set());
  for (const example of comparison.examples) check.progress(example);
  let ready = 0;
  for (const order of oracle.expectedOrders()) if (order.readyToSend) ready++;
  const due = await tables.pendingDeliveries();
  if (due !== ready) check.progress(`${due} deliveries are due, but ${ready} orders are ready`);
  const { lost, duplicated, divergent, bodies_different, quarantine_different } = comparison;
  return lost + duplicated + divergent + bodies_different + quarantine_different + Math.abs(due - ready);
}

/** Returns the CPU seconds so far; null for a server that is no process of this run. */
function cpuOf<Key extends string>(pids: Record<Key, number | undefined>): Record<Key, number | null> {
  const entries = Object.entries(pids) as [Key, number | undefined][];
  return Object.fromEntries(
    entries.map(([key, pid]) => [key, pid === undefined ? null : cpuSecondsOf(pid)]),
  ) as Record<Key, number | null>;
}

function setting(check: RunningCheck, option: string, variable: string): Record<string, string> {
  return check.number(option) === 0 ? {} : { [variable]: check.text(option) };
}

function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null).sort((left, right) => left - right);
  if (known.length === 0) return null;
  const middle = Math.floor(known.length / 2);
  const upper = known[middle] as number;
  return known.length % 2 === 1 ? upper : round((upper + (known[middle - 1] as number)) / 2);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
