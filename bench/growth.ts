/**
 * `npm run bench -- growth` measures how fast order-sync journals when the store has very many orders already, and its memory
 * while it journals them. See docs/checks.md.
 */
import type { RunningCheck } from '../test/checks/lib/command.ts';
import {
  areAllAcquired,
  areAllAtTheEnd,
  type DrainRun,
  drainingOrderSync,
  timeDrain,
} from '../test/checks/lib/drain-run.ts';
import { drainWorkload } from '../test/checks/lib/drain-workload.ts';
import { type FullTopics, fillTopics } from '../test/checks/lib/preloaded-topics.ts';
import { Tables } from '../test/checks/lib/tables.ts';
import { createDatabase, startServices } from '../test/services/index.ts';
import {
  atLeast,
  atMost,
  type Bench,
  type Measured,
  measure,
  measuresOf,
  medianOf,
  ratio,
  versionsOf,
} from './lib/bench.ts';
import type { Bar, Measure } from './lib/result.ts';
import { creations, ID_KINDS, type IdKind, idsOf } from './lib/workloads.ts';

const PARTITIONS = 4;
/** The share of the rate into an empty store that has to be left at 10 million orders. */
const LEFT_MIN: Readonly<Record<IdKind, number>> = { rising: 0.8, random: 0.5 };
const JUDGED_ORDERS = 10_000_000;
const MEMORY_MAX_MIB = 350;

export const bench: Bench = {
  name: 'growth',
  summary: 'How the rate and the memory of order-sync change while the store grows.',
  examples: [
    'npm run bench -- growth',
    'npm run bench -- growth --sizes 0,10000000,30000000 --ids random --runs 3',
  ],
  options: [
    {
      name: 'sizes',
      value: 'numbers',
      fallback: '0,1000000,10000000,30000000',
      help: 'Orders in the store, rising',
    },
    { name: 'ids', value: 'rising|random|both', fallback: 'both', help: 'The ids of the orders' },
    { name: 'events', value: 'number', fallback: '400000', help: 'Records of a measured drain' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Measured drains at each size' },
    { name: 'database', value: 'mariadb|mysql', fallback: 'mariadb', help: 'The database' },
  ],
  quick: { sizes: '0,50000,100000', events: '20000', runs: '1' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const database = check.choice('database', ['mariadb', 'mysql']);
  const sizes = check.text('sizes').split(',').map(Number);
  const kinds = ID_KINDS.filter((kind) =>
    ['both', kind].includes(check.choice('ids', ['both', ...ID_KINDS])),
  );
  const services = await startServices({ kafka: { heap: '1g' }, [database]: true });
  check.defer(() => services.stop());
  const measures: Measure[] = [];
  const bars: Bar[] = [];
  for (const kind of kinds) {
    const made = await createDatabase(services[database].url);
    measures.push(...(await grow(check, kind, sizes, services.kafka.brokers, made.url)));
    await made.drop();
    const rateAt = (size: number) => medianOf(measures, `${kind} ${size}`, 'order-sync', 'events_per_second');
    const memory = measures.filter(
      ({ subject, figure }) => subject.startsWith(kind) && figure.startsWith('peak_memory'),
    );
    const [empty = 0] = sizes;
    bars.push(
      atLeast(
        `${kind} ids: share of the empty rate at 10 million orders`,
        ratio(rateAt(JUDGED_ORDERS), rateAt(empty)),
        LEFT_MIN[kind],
      ),
      atMost(
        `${kind} ids: peak memory in MiB`,
        Math.max(...memory.flatMap(({ runs }) => runs)),
        MEMORY_MAX_MIB,
      ),
      atMost(
        `${kind} ids: orders that are missing`,
        medianOf(measures, `${kind} end`, 'order-sync', 'missing_orders'),
        0,
      ),
    );
  }
  return {
    measures,
    bars,
    facts: { database, events: check.number('events'), partitions: PARTITIONS, runs: check.number('runs') },
    versions: versionsOf(services),
  };
}

async function grow(
  check: RunningCheck,
  kind: IdKind,
  sizes: readonly number[],
  brokers: readonly string[],
  url: string,
): Promise<Measure[]> {
  const idOf = idsOf(kind);
  const tables = new Tables(url);
  const measures: Measure[] = [];
  let orders = 0;
  for (const size of sizes) {
    if (size > orders) {
      const from = orders;
      const count = size - orders;
      const full = await fillTopics(check, brokers, count, PARTITIONS, (_, topics) =>
        creations(from, count, topics, idOf),
      );
      const grown = await drain(check, full, url, tables);
      orders = size;
      check.progress(`${kind}: ${size} orders: ${JSON.stringify(grown)}`);
      measures.push(
        measure(`${kind} ${size}`, 'order-sync', 'peak_memory_growing_mib', [grown.peak_memory_mib]),
        measure(`${kind} ${size}`, 'order-sync', 'growing_events_per_second', [grown.events_per_second]),
      );
    }
    const runs: DrainRun[] = [];
    for (let number = 1; number <= check.number('runs'); number++) {
      const from = orders;
      let highest = 0;
      const nextId = (index: number) => {
        highest = Math.max(highest, index + 1);
        return idOf(from + index);
      };
      const full = await fillTopics(check, brokers, check.number('events'), PARTITIONS, (events, topics) =>
        drainWorkload(events, topics, nextId),
      );
      const run = await drain(check, full, url, tables);
      orders += highest;
      check.progress(`${kind}, ${size} orders, run ${number}: ${JSON.stringify(run)}`);
      runs.push(run);
    }
    measures.push(...measuresOf(`${kind} ${size}`, 'order-sync', runs));
  }
  const missing = orders - (await tables.count('orders'));
  measures.push(measure(`${kind} end`, 'order-sync', 'missing_orders', [Math.abs(missing)]));
  await tables.close();
  return measures;
}

async function drain(check: RunningCheck, full: FullTopics, url: string, tables: Tables): Promise<DrainRun> {
  const program = await drainingOrderSync(check, `order-sync-${full.topics.order}`, full, url);
  program.start();
  const run = await timeDrain(check, {
    name: 'order-sync',
    events: full.events,
    pid: program.pid,
    assertRunning: () => program.assertRunning(),
    hasBegun: () => areAllAcquired(tables, full.ends),
    hasEnded: () => areAllAtTheEnd(tables, full.ends),
  });
  await program.stop();
  return run;
}
