/**
 * `npm run bench -- hot-keys` measures how fast order-sync journals when a few orders have most of the events. See
 * docs/checks.md.
 */
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { preloadTopics } from '../test/checks/lib/preloaded-topics.ts';
import { createDatabase, startServices } from '../test/services/index.ts';
import { type Drained, orderSync } from './drain-full/contestants.ts';
import {
  atLeast,
  atMost,
  type Bench,
  type Measured,
  measuresOf,
  medianOf,
  ratio,
  versionsOf,
} from './lib/bench.ts';
import { SHARES, type Share, sharedPayments } from './lib/workloads.ts';

const PARTITIONS = 4;
const SHARE_MIN = 0.5;

export const bench: Bench = {
  name: 'hot-keys',
  summary: 'How fast order-sync journals when a few orders have most of the events.',
  examples: [
    'npm run bench -- hot-keys',
    'npm run bench -- hot-keys --database mysql --events 200000 --runs 1',
  ],
  options: [
    { name: 'events', value: 'number', fallback: '400000', help: 'Records in the topics' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Runs of each share, by turns' },
    { name: 'database', value: 'mariadb|mysql', fallback: 'mariadb', help: 'The database' },
  ],
  quick: { events: '20000', runs: '1' },
  run,
};

async function run(check: RunningCheck): Promise<Measured> {
  const database = check.choice('database', ['mariadb', 'mysql']);
  const services = await startServices({ kafka: { heap: '1g' }, [database]: true });
  check.defer(() => services.stop());
  const { brokers } = services.kafka;
  const preloaded = new Map<Share, Awaited<ReturnType<typeof preloadTopics>>>();
  for (const share of SHARES) {
    const workload: Parameters<typeof preloadTopics>[4] = (events, topics) =>
      sharedPayments(share, events, topics);
    preloaded.set(share, await preloadTopics(check, brokers, check.number('events'), PARTITIONS, workload));
  }
  const found = new Map<Share, Drained[]>(SHARES.map((share) => [share, []]));
  for (let number = 1; number <= check.number('runs'); number++) {
    for (const [share, topics] of preloaded) {
      check.signal.throwIfAborted();
      const made = await createDatabase(services[database].url);
      const drained = await orderSync(`order-sync-${share}-${number}`, {}).drain({
        check,
        database,
        url: made.url,
        preloaded: topics,
      });
      check.progress(`${share}, run ${number}: ${JSON.stringify(drained)}`);
      found.get(share)?.push(drained);
      await made.drop();
    }
  }
  const measures = SHARES.flatMap((share) => measuresOf(share, 'order-sync', found.get(share) ?? []));
  const rateOf = (share: Share) => medianOf(measures, share, 'order-sync', 'events_per_second');
  return {
    measures,
    bars: [
      atLeast('Zipf 1.1: share of the uniform rate', ratio(rateOf('zipf'), rateOf('uniform')), SHARE_MIN),
      atLeast(
        'one order with half of the events: share of the uniform rate',
        ratio(rateOf('half'), rateOf('uniform')),
        SHARE_MIN,
      ),
      atMost('wrong rows', Math.max(...[...found.values()].flat().map(({ wrong }) => wrong)), 0),
    ],
    facts: { database, events: check.number('events'), partitions: PARTITIONS, runs: check.number('runs') },
    versions: versionsOf(services),
  };
}
