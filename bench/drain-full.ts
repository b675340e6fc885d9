/**
 * `npm run bench -- drain-full` measures how fast topics that were filled before get into a database: by order-sync, and by its
 * peers in the same run, on the same Kafka and the same database. See docs/checks.md.
 */
import { join } from 'node:path';
import { messageOf, type RunningCheck, UsageError } from '../test/checks/lib/command.ts';
import { type PreloadedTopics, preloadTopics } from '../test/checks/lib/preloaded-topics.ts';
import { jdbcSink, prepareConnect } from '../test/services/connect.ts';
import { createDatabase, startServices } from '../test/services/index.ts';
import {
  type Contestant,
  DATABASES,
  type DatabaseName,
  type Drained,
  debezium,
  flink,
  kafkajs,
  orderSync,
  rival,
} from './drain-full/contestants.ts';
import { CONNECTIONS, readAlone, sqlAlone, syncMs } from './drain-full/limits.ts';
import { baseCheckout, baseOption } from './lib/base-checkout.ts';
import {
  atLeast,
  atMost,
  type Bench,
  type Measured,
  measure,
  measuresOf,
  medianOf,
  ROOT,
  ratio,
  versionsOf,
} from './lib/bench.ts';
import { compileJava, type JavaProgram } from './lib/java.ts';
import { installPeer, versionOf } from './lib/npm-peer.ts';
import type { Bar, Measure } from './lib/result.ts';

const PARTITIONS = 4;
const BATCH_EVENTS = 4_000;
/** The rate of order-sync has to be this many times that of the sink of Debezium. */
const DEBEZIUM_TIMES: Readonly<Record<DatabaseName, number>> = { mariadb: 2.5, mysql: 1.8 };
const CPU_OF_CONNECT_MAX = 0.35;
const MEMORY_MAX_MIB = 350;
const NAMES = ['order-sync', 'debezium', 'flink', 'java', 'kafkajs', 'limits'] as const;
const FLINK = 'flink-1.20.1';
/** As Flink's own start script opens them. */
const FLINK_LOOKS_INTO = ['java.lang', 'java.net', 'java.time', 'java.util'];
type Name = (typeof NAMES)[number];

export const bench: Bench = {
  name: 'drain-full',
  summary:
    'How fast full topics get into a database, by order-sync and by its peers on the same Kafka and database.',
  examples: [
    'npm run bench -- drain-full',
    'npm run bench -- drain-full --database mariadb --runs 3 --base HEAD~10',
    'npm run bench -- drain-full --only order-sync,java --quick',
  ],
  options: [
    { name: 'events', value: 'number', fallback: '1000000', help: 'Records in the topics' },
    {
      name: 'node-events',
      value: 'number',
      fallback: '20000',
      help: 'Records for the consumer with kafkajs',
    },
    { name: 'database', value: 'mariadb|mysql|both', fallback: 'both', help: 'One after the other' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Runs of each program, by turns' },
    {
      name: 'only',
      value: 'names',
      fallback: NAMES.join(','),
      help: 'The programs that take part; those of --base do always',
    },
    { name: 'lanes', value: 'number', fallback: '0', help: 'ORDER_SYNC_LANES; 0 for its default' },
    baseOption,
  ],
  quick: { events: '40000', 'node-events': '2000', runs: '1' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const chosen = check.choice('database', ['both', ...DATABASES]);
  const databases = DATABASES.filter((name) => chosen === 'both' || chosen === name);
  const events = check.number('events');
  const only = chosenOf(check);
  const base = baseCheckout(check);
  const kafka = await startServices({ kafka: { heap: '1g' } });
  check.defer(() => kafka.stop());
  const { brokers } = kafka.kafka;
  const preloaded = await preloadTopics(check, brokers, events, PARTITIONS);
  const settings: Record<string, string> =
    check.number('lanes') === 0 ? {} : { ORDER_SYNC_LANES: check.text('lanes') };
  const versions: Record<string, string> = versionsOf(kafka);
  const missing: { peer: string; reason: string }[] = [];
  const contestants: Entered[] = [];
  const enter = (contestant: Contestant, from: PreloadedTopics = preloaded) =>
    contestants.push({ contestant, preloaded: from });
  const prepare = async (name: Name, prepared: () => Promise<unknown>) => {
    if (!only.has(name)) return;
    try {
      await prepared();
    } catch (error) {
      missing.push({ peer: name, reason: messageOf(error).slice(-300) });
      only.delete(name);
      check.progress(`${name} takes no part: ${messageOf(error)}`);
    }
  };
  let java: JavaProgram | null = null;
  const compile = async (): Promise<JavaProgram> => {
    java ??= await compileJava(check, join(ROOT, 'bench', 'peers', 'rival'), 'rival-1', 'Rival', '1g');
    versions['java rival'] = java.version;
    return java;
  };
  if (only.has('order-sync')) enter(orderSync('order-sync', settings));
  if (base !== null) {
    versions.base = base.commit;
    enter(orderSync('base', settings, base.folder));
  }
  await prepare('debezium', async () => {
    await prepareConnect((line) => check.progress(line), jdbcSink);
    versions['kafka connect'] = jdbcSink.title;
    enter(debezium);
  });
  await prepare('flink', async () => {
    const folder = join(ROOT, 'bench', 'peers', 'flink');
    const { command } = await compileJava(check, folder, FLINK, 'FlinkSink', '1g', FLINK_LOOKS_INTO);
    versions.flink = FLINK.replace('flink-', 'Flink ');
    enter(flink(command));
  });
  await prepare('java', async () => enter(rival((await compile()).command, BATCH_EVENTS)));
  await prepare('limits', compile);
  await prepare('kafkajs', async () => {
    const packages = await installPeer('kafkajs');
    versions.kafkajs = versionOf(packages, 'kafkajs');
    enter(kafkajs(packages), await preloadTopics(check, brokers, check.number('node-events'), PARTITIONS));
  });
  const measures: Measure[] = [];
  const bars: Bar[] = [];
  if (only.has('limits')) measures.push(measure('disk', 'fdatasync', 'sync_ms', [syncMs(check)]));
  for (const database of databases) {
    const services = await startServices({ [database]: true });
    const stop = check.defer(() => services.stop());
    Object.assign(versions, versionsOf(services));
    const serverUrl = services[database].url;
    const found = await drainByTurns(check, database, serverUrl, contestants);
    for (const [name, runs] of found) measures.push(...measuresOf(database, name, runs));
    if (only.has('limits')) {
      const { command } = await compile();
      measures.push(...(await limitsOf(check, command, database, serverUrl, preloaded)));
    }
    bars.push(...barsOf(measures, database, [...found.keys()]));
    await stop();
  }
  return {
    measures,
    bars,
    facts: {
      events,
      node_events: check.number('node-events'),
      orders: preloaded.oracle.orderCount,
      partitions: PARTITIONS,
      runs: check.number('runs'),
    },
    versions,
    missing,
  };
}

function chosenOf(check: RunningCheck): Set<Name> {
  const words = check.text('only').split(',');
  const unknown = words.find((word) => !NAMES.some((name) => name === word));
  if (unknown !== undefined)
    throw new UsageError(`--only takes some of ${NAMES.join(',')}, not "${unknown}"`);
  return new Set(NAMES.filter((name) => words.includes(name)));
}

interface Entered {
  readonly contestant: Contestant;
  readonly preloaded: PreloadedTopics;
}

/** Every second round goes in the opposite sequence, so that a machine that warms up or tires favours nobody. */
async function drainByTurns(
  check: RunningCheck,
  database: DatabaseName,
  serverUrl: string,
  entered: readonly Entered[],
): Promise<ReadonlyMap<string, Drained[]>> {
  const found = new Map<string, Drained[]>(entered.map(({ contestant }) => [contestant.name, []]));
  const runs = check.number('runs');
  for (let number = 1; number <= runs; number++) {
    for (const { contestant, preloaded } of number % 2 === 1 ? entered : entered.toReversed()) {
      check.signal.throwIfAborted();
      const made = await createDatabase(serverUrl);
      const drop = check.defer(() => made.drop());
      const drained = await contestant.drain({ check, database, url: made.url, preloaded });
      check.progress(`${database}, ${contestant.name}, run ${number} of ${runs}: ${JSON.stringify(drained)}`);
      found.get(contestant.name)?.push(drained);
      await drop();
    }
  }
  return found;
}

async function limitsOf(
  check: RunningCheck,
  java: readonly string[],
  database: DatabaseName,
  serverUrl: string,
  preloaded: PreloadedTopics,
): Promise<Measure[]> {
  const reading = await readAlone(java, preloaded);
  const rates: [number, number][] = [];
  for (const connections of CONNECTIONS) {
    const rate = await sqlAlone(java, database, serverUrl, connections, preloaded.events, BATCH_EVENTS);
    check.progress(`${database}, SQL alone on ${connections} connections: ${Math.round(rate)} events/s`);
    rates.push([connections, rate]);
  }
  const [connections = 0, best = 0] = rates.sort(([, left], [, right]) => right - left)[0] ?? [];
  return [
    measure(database, 'reading', 'events_per_second', [reading]),
    measure(database, 'sql', 'events_per_second', [best]),
    measure(database, 'sql', 'connections', [connections]),
  ];
}

function barsOf(measures: readonly Measure[], database: DatabaseName, names: readonly string[]): Bar[] {
  const of = (name: string, figure: string) => medianOf(measures, database, name, figure);
  const times = (name: string, figure: string) => ratio(of('order-sync', figure), of(name, figure));
  const memory = measures.find(
    ({ subject, program, figure }) =>
      subject === database && program === 'order-sync' && figure === 'peak_memory_mib',
  );
  return [
    atLeast(
      `${database}: events/s in times of Debezium's sink`,
      times('debezium', 'events_per_second'),
      DEBEZIUM_TIMES[database],
    ),
    atLeast(`${database}: events/s in times of the Java rival`, times('java', 'events_per_second'), 1),
    atMost(
      `${database}: CPU of order-sync in times of Kafka Connect's`,
      times('debezium', 'cpu_seconds_per_million'),
      CPU_OF_CONNECT_MAX,
    ),
    atMost(
      `${database}: peak memory of order-sync in MiB`,
      memory === undefined ? null : Math.max(...memory.runs),
      MEMORY_MAX_MIB,
    ),
    ...names.map((name) => {
      const wrong = measures.find(
        ({ subject, program, figure }) => subject === database && program === name && figure === 'wrong',
      );
      return atMost(
        `${database}: wrong rows of ${name}`,
        wrong === undefined ? null : Math.max(...wrong.runs),
        0,
      );
    }),
  ];
}
