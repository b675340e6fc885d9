/**
 * `npm run check:convergence` runs several order-syncs on Kafka and a database, and kills one after the other while they
 * work. At the end all data must be as the oracle expects. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDatabase, startServices } from '../services/index.ts';
import { startSharded } from '../services/shardingsphere.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { compareTarget, compareWithOracle } from './lib/comparison.ts';
import { Fleet } from './lib/fleet.ts';
import { createTopics, endOffsets, Publisher, placeName } from './lib/kafka-client.ts';
import { MAX_RECORD_BYTES } from './lib/malformed.ts';
import { Program } from './lib/programs.ts';
import { Tables } from './lib/tables.ts';
import { type WorkloadOptions, workload } from './lib/workload.ts';
import { Oracle, type RawRecord, type Topics } from './oracle.ts';

const JOURNAL_VIEW = new URL('../../docs/shardingsphere/event_journal.sql', import.meta.url);
const RECORDS_PER_REQUEST = 2_000;
/** After 120 s without progress the check stops waiting, and compares the data as they are. */
const STALL_MS = 120_000;
const POLL_MS = 500;
const COUNT_EVERY_POLLS = 4;
/**
 * The killing ends when 5% of the deliveries are left, or 500 if that is more, because the claims of killed instances
 * must expire before the last deliveries can end.
 */
const LAST_DELIVERIES_SHARE = 0.05;
const LAST_DELIVERIES = 500;

await runCommand({
  name: 'convergence',
  summary:
    'Kills several order-syncs one after the other while they work: at the end all data must be as the oracle expects.',
  examples: [
    'npm run check:convergence -- --events 1000000',
    'npm run check:convergence -- --events 50000 --database mysql --seed 7 --kill-every-seconds 2',
    'npm run check:convergence -- --events 100000 --database shardingsphere',
  ],
  options: [
    { name: 'events', value: 'number', fallback: '1000000', help: 'Records to publish, duplicates included' },
    {
      name: 'database',
      value: 'mysql|mariadb|shardingsphere',
      fallback: 'mariadb',
      help: 'The database of order-sync; shardingsphere: two MySQL servers behind a proxy, and then one of them alone',
    },
    { name: 'seed', value: 'number', fallback: '1', help: 'The same seed publishes the same records' },
    {
      name: 'kill-every-seconds',
      value: 'number',
      fallback: '4',
      help: 'Pause between two SIGKILLs; 0 for none',
    },
    { name: 'instances', value: 'number', fallback: '3', help: 'The number of order-syncs' },
    {
      name: 'rate',
      value: 'number',
      fallback: '0',
      help: 'Records published per second; 0 for no limit',
    },
    {
      name: 'session-timeout-ms',
      value: 'number',
      fallback: '3000',
      help: 'The session timeout of the group; brokers have a minimum',
    },
  ],
  run,
});

/** A database to converge in. */
interface Place {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  /** The servers that show the journal, if `url` is that of a proxy. */
  readonly journalUrls: readonly string[];
  /** Called once the tables are there. */
  prepare(): Promise<void>;
}

async function run(check: RunningCheck): Promise<Figures> {
  const databaseName = check.choice('database', ['mariadb', 'mysql', 'shardingsphere']);
  if (databaseName === 'shardingsphere') return runSharded(check);
  const services = await startServices({ kafka: { heap: '1g' }, [databaseName]: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const { url, version } = services[databaseName];
  return converge(check, services.kafka.brokers, await databaseOn(check, databaseName, url, version));
}

/** A database on one server. */
async function databaseOn(check: RunningCheck, name: string, url: string, version: string): Promise<Place> {
  const database = await createDatabase(url);
  check.defer(() => database.drop());
  return { name, version, url: database.url, journalUrls: [], prepare: async () => {} };
}

/** Converges on two servers behind a proxy, and then on one of them alone, so that the two rates compare. */
async function runSharded(check: RunningCheck): Promise<Figures> {
  const services = await startServices({ kafka: { heap: '1g' } });
  check.defer(() => services.stop());
  const sharded = await startSharded({}, (line) => check.progress(line));
  check.defer(() => sharded.stop());
  check.progress(sharded.description);
  const { brokers } = services.kafka;
  const figures = await converge(check, brokers, {
    name: 'shardingsphere',
    version: sharded.description,
    url: sharded.url,
    journalUrls: sharded.servers,
    prepare: () => sharded.onEachServer(readFileSync(JOURNAL_VIEW, 'utf8')),
  });
  const one = await converge(
    check,
    brokers,
    await databaseOn(check, 'mysql', sharded.servers[0], sharded.description),
  );
  const { events_per_second, delivery_seconds, divergent, ok } = one;
  return {
    ...figures,
    events_per_second_one_server: events_per_second,
    delivery_seconds_one_server: delivery_seconds,
    divergent_one_server: divergent,
    ok: figures.ok && ok,
  };
}

async function converge(check: RunningCheck, brokers: readonly string[], place: Place): Promise<Figures> {
  const startedAt = performance.now();
  const suffix = randomBytes(4).toString('hex');
  const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, 4],
    [topics.payment, 3],
  ]);
  const options: WorkloadOptions = {
    events: check.number('events'),
    seed: check.number('seed'),
    topics,
    duplicateRate: 0.1,
    lateRate: 0.1,
    malformedRate: 0.01,
  };

  await createTopics(brokers, partitions);

  const folder = check.temporaryFolder();
  const targetFile = join(folder, 'order-mgt.sqlite');
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_DATABASE_URL: `sqlite:${targetFile}`,
  });
  target.start();
  await target.ready();
  const fleet = await Fleet.create(check, folder, check.number('instances'), {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: place.url,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${suffix}`,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
    ORDER_SYNC_MAX_RECORD_BYTES: String(MAX_RECORD_BYTES),
    ORDER_SYNC_SESSION_TIMEOUT_MS: check.text('session-timeout-ms'),
  });
  await fleet.start();
  check.progress(`order-mgt and ${check.text('instances')} order-syncs are ready`);

  await place.prepare();
  const tables = new Tables(place.url, 'orders', place.journalUrls);
  check.defer(() => tables.close());
  const publishedFrom = performance.now();
  fleet.killEvery(check.number('kill-every-seconds'));
  const malformed = await publishAll(check, brokers, partitions, options);
  const ends = await endOffsets(brokers, partitions);
  const published = [...ends.values()].reduce((sum, end) => sum + end, 0n);
  if (published !== BigInt(options.events)) {
    throw new Error(`The log holds ${published} records, not the ${options.events} that were acknowledged`);
  }
  const { isStalled, ingestedAt } = await drain(check, tables, fleet, ends);
  const drainedAt = performance.now();
  await fleet.stop();
  await target.stop();

  check.progress('Computing the expected orders');
  const oracle = expectationOf(options, malformed.size);
  const comparison = await compareWithOracle(tables, oracle, malformed);
  const atTarget = new Tables(`sqlite:${targetFile}`);
  check.defer(() => atTarget.close());
  const targetComparison = await compareTarget(atTarget, oracle);
  const dead = await tables.deadDeliveries();
  const { examples, ...figures } = comparison;
  const { examples: targetExamples, ...targetFigures } = targetComparison;
  for (const line of [...examples, ...targetExamples]) check.progress(line);
  if (isStalled) check.progress(`No progress for ${STALL_MS / 1_000} s. The logs end:\n${fleet.logTails()}`);

  const wrong =
    figures.lost +
    figures.duplicated +
    figures.divergent +
    figures.bodies_different +
    figures.quarantine_different +
    targetFigures.target_different +
    fleet.crashes +
    dead;
  return {
    events: options.events,
    orders: oracle.orderCount,
    identities: oracle.identityCount,
    kills: fleet.kills,
    crashes: fleet.crashes,
    ...figures,
    ...targetFigures,
    dead_letters: dead,
    stalled: isStalled,
    events_per_second: Math.round(options.events / ((ingestedAt - publishedFrom) / 1_000)),
    ingest_seconds: seconds(ingestedAt - publishedFrom),
    delivery_seconds: seconds(drainedAt - publishedFrom),
    seconds: seconds(performance.now() - startedAt),
    database: place.name,
    database_version: place.version,
    instances: check.number('instances'),
    kill_every_seconds: check.number('kill-every-seconds'),
    seed: options.seed,
    ok: wrong === 0 && !isStalled,
  };
}

/** Publishes the workload, and returns the places of the malformed records. */
async function publishAll(
  check: RunningCheck,
  brokers: readonly string[],
  partitions: ReadonlyMap<string, number>,
  options: WorkloadOptions,
): Promise<Set<string>> {
  const publisher = new Publisher(brokers, partitions);
  check.defer(() => publisher.close());
  const rate = check.number('rate');
  const startedAt = performance.now();
  const malformed = new Set<string>();
  let batch: { record: RawRecord; malformed: string | null }[] = [];
  let published = 0;
  const flush = async () => {
    check.signal.throwIfAborted();
    const places = await publisher.publish(batch.map(({ record }) => record));
    for (const [index, { topic, partition, offset }] of places.entries()) {
      if (batch[index]?.malformed !== null) malformed.add(placeName(topic, partition, offset));
    }
    published += batch.length;
    if (Math.floor(published / 100_000) > Math.floor((published - batch.length) / 100_000)) {
      check.progress(`${published} published`);
    }
    batch = [];
    const aheadMs = rate === 0 ? 0 : (published / rate) * 1_000 - (performance.now() - startedAt);
    if (aheadMs > 0) await sleep(aheadMs, undefined, { signal: check.signal });
  };
  for (const streamed of workload(options)) {
    batch.push(streamed);
    if (batch.length === RECORDS_PER_REQUEST) await flush();
  }
  if (batch.length > 0) await flush();
  return malformed;
}

/** Waits until all events are journaled and delivered, or until 120 s pass without progress. */
async function drain(
  check: RunningCheck,
  tables: Tables,
  fleet: Fleet,
  ends: ReadonlyMap<string, bigint>,
): Promise<{ isStalled: boolean; ingestedAt: number }> {
  const total = [...ends.values()].reduce((sum, end) => sum + end, 0n);
  let ingestedAt: number | null = null;
  let pending = Number.POSITIVE_INFINITY;
  let most = 0;
  let lastSeen = '';
  let movedAt = performance.now();
  for (let poll = 0; ; poll++) {
    check.signal.throwIfAborted();
    const checkpoints = await tables.checkpoints();
    const done = [...ends.keys()].reduce((sum, name) => sum + (checkpoints.get(name) ?? 0n), 0n);
    if (done === total) ingestedAt ??= performance.now();
    if (ingestedAt !== null && poll % COUNT_EVERY_POLLS === 0) {
      pending = await tables.pendingDeliveries();
      most = Math.max(most, pending);
      if (pending <= Math.max(most * LAST_DELIVERIES_SHARE, LAST_DELIVERIES)) await fleet.rest();
    }
    const seen = `${done} of ${total} journaled${ingestedAt === null ? '' : `, ${pending} deliveries to go`}`;
    if (seen !== lastSeen) movedAt = performance.now();
    if (seen !== lastSeen && poll % COUNT_EVERY_POLLS === 0) check.progress(`${seen}, ${fleet.kills} kills`);
    lastSeen = seen;
    if (ingestedAt !== null && pending === 0) return { isStalled: false, ingestedAt };
    if (performance.now() - movedAt > STALL_MS) {
      return { isStalled: true, ingestedAt: ingestedAt ?? performance.now() };
    }
    await sleep(POLL_MS, undefined, { signal: check.signal });
  }
}

/** Makes the same workload again from the seed, and gives it to the oracle. */
function expectationOf(options: WorkloadOptions, malformedCount: number): Oracle {
  const oracle = new Oracle({ ...options.topics, maxRecordBytes: MAX_RECORD_BYTES });
  let refused = 0;
  for (const { record, malformed } of workload(options)) {
    const isRefused = oracle.add(record) === null;
    if (isRefused) refused++;
    if (isRefused !== (malformed !== null)) {
      throw new Error(
        `Workload and oracle do not agree on a record (${malformed ?? 'made as a good record'})`,
      );
    }
  }
  if (refused !== malformedCount) throw new Error('The same seed gave two different workloads');
  return oracle;
}

function seconds(durationMs: number): number {
  return Math.round(durationMs / 100) / 10;
}
