/**
 * `npm run bench -- latency` measures the time from publishing an event until it is in the view and until the target has stored
 * it, at rates that do not wait for the answers. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { createTopics } from '../test/checks/lib/kafka-client.ts';
import { preloadTopics } from '../test/checks/lib/preloaded-topics.ts';
import { Program } from '../test/checks/lib/programs.ts';
import { Tables } from '../test/checks/lib/tables.ts';
import { waitFor } from '../test/checks/lib/waiting.ts';
import { run as runProgram } from '../test/services/commands.ts';
import { createDatabase, type RunningServices, startServices } from '../test/services/index.ts';
import { orderSync } from './drain-full/contestants.ts';
import { kafkaEndToEnd, oneCommit } from './latency/anchors.ts';
import type { Probed, ProbeTask } from './latency/probe.ts';
import { atMost, type Bench, type Measured, measure, measuresOf, medianOf, versionsOf } from './lib/bench.ts';
import { drainEmbedded, fillEmbeddedLog } from './lib/embedded-drain.ts';
import type { Bar, Measure } from './lib/result.ts';

const PARTITIONS = 4;
const TOPICS = { order: 'order_events', payment: 'payment_events' };
const PLACES = ['kafka', 'embedded'] as const;
type PlaceName = (typeof PLACES)[number];

export const bench: Bench = {
  name: 'latency',
  summary: 'The time from publishing an event to the view and to the target, at rates that wait for nobody.',
  examples: ['npm run bench -- latency', 'npm run bench -- latency --place embedded --rates 1000 --runs 1'],
  options: [
    {
      name: 'place',
      value: 'kafka|embedded|both',
      fallback: 'both',
      help: 'Kafka and MariaDB, or the embedded log and SQLite',
    },
    { name: 'rates', value: 'numbers', fallback: '1000,5000', help: 'Events a second' },
    {
      name: 'half',
      value: 'yes|no',
      fallback: 'yes',
      help: 'Also half of the rate at which a full topic is drained',
    },
    { name: 'seconds', value: 'number', fallback: '20', help: 'The measured seconds of a run' },
    { name: 'warm-up', value: 'number', fallback: '5', help: 'The seconds before them' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Runs of each rate, by turns' },
    {
      name: 'drain-events',
      value: 'number',
      fallback: '400000',
      help: 'Records to find the highest rate with',
    },
  ],
  quick: { seconds: '3', 'warm-up': '3', runs: '1', 'drain-events': '20000' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const chosen = check.choice('place', ['both', ...PLACES]);
  const measures: Measure[] = [];
  const bars: Bar[] = [];
  let versions: Record<string, string> = {};
  if (chosen !== 'embedded') {
    const services = await startServices({ kafka: { heap: '1g' }, mariadb: true });
    const stop = check.defer(() => services.stop());
    versions = versionsOf(services);
    measures.push(...(await anchorsOf(check, services)));
    measures.push(...(await measurePlace(check, 'kafka', services)));
    await stop();
    const viewOf = (figure: string) => medianOf(measures, 'kafka 1000', 'order-sync', figure);
    const limitMs =
      2 *
      ((medianOf(measures, 'alone', 'kafka', 'p99_ms') ?? NaN) +
        (medianOf(measures, 'alone', 'commit', 'p99_ms') ?? NaN));
    bars.push(
      atMost('Kafka, 1,000/s: p50 to the view in ms', viewOf('view_p50_ms'), 4),
      atMost('Kafka, 1,000/s: p99 to the view in ms', viewOf('view_p99_ms'), 15),
      atMost('Kafka, 1,000/s: p50 to the target in ms', viewOf('target_p50_ms'), 10),
      atMost(
        "Kafka, 1,000/s: p99 to the view, beside twice Kafka's own and a commit's",
        viewOf('view_p99_ms'),
        limitMs,
      ),
    );
  }
  if (chosen !== 'kafka') {
    measures.push(...(await measurePlace(check, 'embedded', null)));
    const p50 = medianOf(measures, 'embedded 1000', 'order-sync', 'view_p50_ms');
    bars.push(atMost('embedded, 1,000/s: p50 to the view in ms', p50, 2));
  }
  return {
    measures,
    bars,
    facts: {
      measured_seconds: check.number('seconds'),
      warm_up_seconds: check.number('warm-up'),
      runs: check.number('runs'),
      partitions: PARTITIONS,
    },
    versions,
  };
}

async function anchorsOf(check: RunningCheck, services: RunningServices): Promise<Measure[]> {
  const count = check.number('drain-events') / 100;
  const kafka = await kafkaEndToEnd(services, count);
  const commit = await oneCommit(services.mariadb.url, count);
  check.progress(`Alone: Kafka from end to end ${JSON.stringify(kafka)}, a commit ${JSON.stringify(commit)}`);
  return (['p50', 'p99'] as const).flatMap((name) => [
    measure('alone', 'kafka', `${name}_ms`, [kafka[name]]),
    measure('alone', 'commit', `${name}_ms`, [commit[name]]),
  ]);
}

/** One order-sync and one order-mgt, which run through all rates. */
async function measurePlace(
  check: RunningCheck,
  place: PlaceName,
  services: RunningServices | null,
): Promise<Measure[]> {
  const rates = new Map(
    check
      .text('rates')
      .split(',')
      .map((rate) => [rate, Number(rate)]),
  );
  const measures: Measure[] = [];
  if (check.choice('half', ['yes', 'no']) === 'yes') {
    const highest = await highestRate(check, services);
    check.progress(`${place}: a full topic is drained at ${highest} events/s`);
    measures.push(measure(`${place} half`, 'order-sync', 'highest_events_per_second', [highest]));
    rates.set('half', Math.floor(highest / 2));
  }
  const folder = check.temporaryFolder();
  const database = services === null ? null : await createDatabase(services.mariadb.url);
  const drop = check.defer(async () => database?.drop());
  const databaseUrl = database?.url ?? `sqlite:${join(folder, 'order-sync.sqlite')}`;
  const suffix = services === null ? '' : `_${randomBytes(4).toString('hex')}`;
  const topics = { order: `${TOPICS.order}${suffix}`, payment: `${TOPICS.payment}${suffix}` };
  const brokers = services?.kafka.brokers ?? null;
  if (brokers !== null)
    await createTopics(brokers, new Map(Object.values(topics).map((topic) => [topic, PARTITIONS])));
  const target = await Program.create(check, 'order-mgt', `order-mgt-${place}`, folder, {
    TRIBUTARY_DATA_DIR: folder,
  });
  target.start();
  await target.ready();
  const program = await Program.create(check, 'order-sync', `order-sync-${place}`, folder, {
    TRIBUTARY_DATA_DIR: folder,
    DATABASE_URL: databaseUrl,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
    ORDER_SYNC_RECONCILE_EVERY_MS: '0',
    ...(brokers === null ? {} : { KAFKA_BROKERS: brokers.join(','), ORDER_SYNC_GROUP: `bench${suffix}` }),
  });
  program.start();
  await program.ready();
  await acquired(check, databaseUrl);
  const found = new Map<string, Record<string, number>[]>([...rates.keys()].map((name) => [name, []]));
  let firstOrder = 0;
  for (let number = 1; number <= check.number('runs'); number++) {
    for (const [name, ratePerSecond] of rates) {
      check.signal.throwIfAborted();
      const probed = await probe({
        brokers,
        folder,
        topics,
        partitions: PARTITIONS,
        databaseUrl,
        targetFile: join(folder, 'order-mgt.sqlite'),
        ratePerSecond,
        warmUpSeconds: check.number('warm-up'),
        seconds: check.number('seconds'),
        firstOrder,
      });
      firstOrder = probed.nextOrder;
      program.assertRunning();
      check.progress(`${place}, ${ratePerSecond}/s, run ${number}: ${JSON.stringify(probed)}`);
      found.get(name)?.push({
        view_p50_ms: probed.view.p50,
        view_p99_ms: probed.view.p99,
        view_p999_ms: probed.view.p999,
        target_p50_ms: probed.target.p50,
        target_p99_ms: probed.target.p99,
        target_p999_ms: probed.target.p999,
        probe_late_max_ms: probed.lateMs,
        rate_events_per_second: ratePerSecond,
      });
    }
  }
  await program.stop();
  await target.stop();
  await drop();
  for (const [name, runs] of found) measures.push(...measuresOf(`${place} ${name}`, 'order-sync', runs));
  return measures;
}

/** Waits until order-sync has acquired all partitions: an event that waits for that says nothing of the latency. */
async function acquired(check: RunningCheck, databaseUrl: string): Promise<void> {
  const tables = new Tables(databaseUrl);
  await waitFor(
    { what: 'order-sync to acquire all partitions', pauseMs: 50, timeoutMs: 60_000, signal: check.signal },
    async () => ((await tables.checkpoints()).size === 2 * PARTITIONS ? true : undefined),
  );
  await tables.close();
}

async function probe(task: ProbeTask): Promise<Probed> {
  const script = join(import.meta.dirname, 'latency', 'probe.ts');
  const { stdout } = await runProgram(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    script,
    JSON.stringify(task),
  ]);
  return JSON.parse(stdout);
}

/** Events a second of one drain of full topics, deliveries left out. */
async function highestRate(check: RunningCheck, services: RunningServices | null): Promise<number> {
  const events = check.number('drain-events');
  if (services === null) {
    const drained = await drainEmbedded(check, 'order-sync-drain', await fillEmbeddedLog(check, events));
    return drained.events_per_second;
  }
  const preloaded = await preloadTopics(check, services.kafka.brokers, events, PARTITIONS);
  const made = await createDatabase(services.mariadb.url);
  const place = { check, database: 'mariadb', url: made.url, preloaded } as const;
  const { events_per_second } = await orderSync('order-sync-drain', {}).drain(place);
  await made.drop();
  return events_per_second;
}
