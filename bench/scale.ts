/**
 * `npm run bench -- scale` measures what more instances cost, and what a store of two servers behind a proxy costs: 1, 2 and 4
 * order-syncs on 16 partitions of each topic, and one order-sync on one MySQL server and on two behind Apache
 * ShardingSphere-Proxy. See docs/checks.md.
 */
import { readFileSync } from 'node:fs';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { type PreloadedTopics, preloadTopics } from '../test/checks/lib/preloaded-topics.ts';
import { createDatabase, startServices } from '../test/services/index.ts';
import { startSharded } from '../test/services/shardingsphere.ts';
import { atMost, type Bench, type Measured, measuresOf, medianOf, ratio, versionsOf } from './lib/bench.ts';
import type { Measure } from './lib/result.ts';
import { type DrainFigures, drained } from './scale/drained.ts';

const PARTITIONS = 16;
const SHARDED_PARTITIONS = 4;
/** CPU time for an event may rise by this with the instances. */
const CPU_GROWTH_MAX = 1.2;
const ORDER_SYNC = 'order-sync';
const KAFKA = / kafka\.Kafka /;
const PROXY = /shardingsphere\.proxy\.Bootstrap/;
const ONE_SERVER = 'one MySQL server';
const TWO_SERVERS = 'two MySQL servers behind ShardingSphere-Proxy';

export const bench: Bench = {
  name: 'scale',
  summary:
    'The rate and the CPU time of 1, 2 and 4 order-syncs, and of a store of two servers behind a proxy.',
  examples: ['npm run bench -- scale', 'npm run bench -- scale --runs 1 --events 200000'],
  options: [
    { name: 'events', value: 'number', fallback: '1000000', help: 'Events that the instances share' },
    {
      name: 'sharded-events',
      value: 'number',
      fallback: '200000',
      help: 'Events for one server, and for two behind a proxy',
    },
    { name: 'instances', value: 'numbers', fallback: '1,2,4', help: 'Numbers of instances' },
    { name: 'database', value: 'mariadb|mysql', fallback: 'mariadb', help: 'The database of the instances' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Runs of each, by turns' },
  ],
  quick: { events: '20000', 'sharded-events': '5000', instances: '1,2', runs: '1' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const runs = check.number('runs');
  const database = check.choice('database', ['mariadb', 'mysql']);
  const services = await startServices({ kafka: { heap: '1g' }, [database]: true });
  const stopServices = check.defer(() => services.stop());
  check.progress(services.describe());
  const versions = versionsOf(services);
  const counts = check.text('instances').split(',').map(Number);
  const preloaded = await preloadTopics(check, services.kafka.brokers, check.number('events'), PARTITIONS);
  const ofInstances = new Map<string, DrainFigures[]>(counts.map((count) => [subjectOf(count), []]));
  for (let number = 1; number <= runs; number++) {
    for (const count of counts) {
      const own = await createDatabase(services[database].url);
      const drop = check.defer(() => own.drop());
      const servers = { kafka: KAFKA, database: /mariadbd|mysqld/ };
      const figures = await drained(check, preloaded, {
        url: own.url,
        instances: count,
        databases: [own.url],
        servers,
      });
      await drop();
      check.progress(`${subjectOf(count)}, run ${number} of ${runs}: ${JSON.stringify(figures)}`);
      ofInstances.get(subjectOf(count))?.push(figures);
    }
  }
  const small = await preloadTopics(
    check,
    services.kafka.brokers,
    check.number('sharded-events'),
    SHARDED_PARTITIONS,
  );
  const sharded = await shardedRuns(check, small, runs, versions);
  await stopServices();
  const measures = [...ofInstances, ...sharded].flatMap(([subject, figures]) =>
    measuresOf(subject, ORDER_SYNC, figures),
  );
  const [fewest = 1, most = 1] = [Math.min(...counts), Math.max(...counts)];
  const cpuOf = (count: number) =>
    medianOf(measures, subjectOf(count), ORDER_SYNC, 'cpu_seconds_per_million_order_sync');
  return {
    measures,
    bars: [
      atMost(
        `CPU time of order-sync for an event, ${subjectOf(most)} beside ${subjectOf(fewest)}`,
        ratio(cpuOf(most), cpuOf(fewest)),
        CPU_GROWTH_MAX,
      ),
      atMost('events, orders and bodies that are wrong', wrongOf(measures), 0),
    ],
    facts: {
      events: check.number('events'),
      sharded_events: check.number('sharded-events'),
      partitions_of_each_topic: PARTITIONS,
      partitions_of_each_sharded_topic: SHARDED_PARTITIONS,
      database,
      runs,
    },
    versions,
  };
}

/** The same events into one server, and into two behind a proxy, by turns. */
async function shardedRuns(
  check: RunningCheck,
  preloaded: PreloadedTopics,
  runs: number,
  versions: Record<string, string>,
): Promise<Map<string, DrainFigures[]>> {
  const sharded = await startSharded({ heap: '2g' }, (line) => check.progress(line));
  check.defer(() => sharded.stop());
  versions.proxy = sharded.description;
  const journalView = readFileSync(
    new URL('../docs/shardingsphere/event_journal.sql', import.meta.url),
    'utf8',
  );
  const figures = new Map<string, DrainFigures[]>([
    [ONE_SERVER, []],
    [TWO_SERVERS, []],
  ]);
  for (let number = 1; number <= runs; number++) {
    const own = await createDatabase(sharded.servers[0]);
    const drop = check.defer(() => own.drop());
    await sharded.empty();
    for (const [subject, url, databases, prepare] of [
      [ONE_SERVER, own.url, [own.url], undefined],
      [TWO_SERVERS, sharded.url, sharded.servers, () => sharded.onEachServer(journalView)],
    ] as const) {
      const servers = { kafka: KAFKA, database: /mysqld/, proxy: PROXY };
      const each = await drained(check, preloaded, {
        url,
        instances: 1,
        databases,
        servers,
        ...(prepare === undefined ? {} : { prepare }),
      });
      check.progress(`${subject}, run ${number} of ${runs}: ${JSON.stringify(each)}`);
      figures.get(subject)?.push(each);
    }
    await drop();
  }
  return figures;
}

function subjectOf(instances: number): string {
  return instances === 1 ? '1 instance' : `${instances} instances`;
}

function wrongOf(measures: readonly Measure[]): number {
  const wrong = measures.filter(({ figure }) => figure === 'wrong').flatMap((each) => each.runs);
  return wrong.reduce((sum, each) => sum + each, 0);
}
