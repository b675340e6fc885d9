/**
 * `npm run check:drain` measures how fast one order-sync journals topics that were filled before, and the CPU time of
 * each process. See docs/checks.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import {
  areAllAcquired,
  areAllAtTheEnd,
  countWrong,
  type DrainRun,
  drainingOrderSync,
  timeDrain,
} from './lib/drain-run.ts';
import { type PreloadedTopics, preloadTopics } from './lib/preloaded-topics.ts';
import { machine } from './lib/process-usage.ts';
import { Tables } from './lib/tables.ts';

const DATABASES = ['mariadb', 'mysql'] as const;
type DatabaseName = (typeof DATABASES)[number];

const PARTITIONS = 4;
const SCRAPE_EVERY_MS = 1_000;
/** A drain with `/metrics` read every second may be slower by this much. */
const SCRAPE_COST_MAX_PERCENT = 2;

/** The figures of one run, and how many rows are wrong after it. */
type Drained = DrainRun & { readonly wrong: number };

const PICKERS: Readonly<Record<string, (drained: Drained) => number | null>> = {
  events_per_second: (drained) => drained.events_per_second,
  seconds: (drained) => drained.seconds,
  cpu_seconds_per_million_order_sync: (drained) => drained.cpu_seconds_per_million,
  cpu_seconds_per_million_kafka: (drained) => drained.cpu_seconds_per_million_kafka,
  cpu_seconds_per_million_database: (drained) => drained.cpu_seconds_per_million_database,
  peak_memory_mib_order_sync: (drained) => drained.peak_memory_mib,
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
  const preloaded = await preloadTopics(check, kafka.kafka.brokers, events, PARTITIONS);

  const figures: Record<string, unknown> = {};
  let wrong = 0;
  let isCheap = true;
  for (const name of databases) {
    const { drained, scraped } = await drainInto(check, name, preloaded, runs);
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

/** Runs one database server at a time, with a new database and a new group for each run. */
async function drainInto(
  check: RunningCheck,
  name: DatabaseName,
  preloaded: PreloadedTopics,
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
      const result = await drainOnce(check, name, preloaded, tables, database.url, isScraped);
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
  preloaded: PreloadedTopics,
  tables: Tables,
  databaseUrl: string,
  isScraped: boolean,
): Promise<Drained> {
  const { ends, oracle, events } = preloaded;
  const orderSync = await drainingOrderSync(check, `order-sync-${name}`, preloaded, databaseUrl, {
    ...setting(check, 'lanes', 'ORDER_SYNC_LANES'),
    ...setting(check, 'batch-events', 'ORDER_SYNC_BATCH_EVENTS'),
  });
  orderSync.start();
  let endScraping = async () => {};
  const run = await timeDrain(check, {
    name: 'order-sync',
    events,
    pid: orderSync.pid,
    assertRunning: () => orderSync.assertRunning(),
    hasBegun: async () => {
      const isAcquired = await areAllAcquired(tables, ends);
      if (isAcquired && isScraped) endScraping = scrape(orderSync.port);
      return isAcquired;
    },
    hasEnded: () => areAllAtTheEnd(tables, ends),
  });
  await endScraping();
  await orderSync.stop();
  return { ...run, wrong: await countWrong(check, tables, oracle) };
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
