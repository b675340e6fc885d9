/**
 * `npm run check:quarantine` has thousands of records of one producer refused, lets order-sync take them by a setting, and
 * redrives them by a filter while ingest runs and order-sync is killed. Each must be journaled once. See docs/checks.md.
 */
import { createDatabase, startServices } from '../services/index.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { compareWithOracle } from './lib/comparison.ts';
import { startEmbeddedLog } from './lib/embedded-log.ts';
import { createTopics, Publisher } from './lib/kafka-client.ts';
import { machine } from './lib/process-usage.ts';
import { Program } from './lib/programs.ts';
import { parseStrictJson } from './lib/strict-json.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import { contentHashOf, Oracle, type RawRecord } from './oracle.ts';

const PATIENCE_MS = 300_000;
const PUBLISHED_AT_ONCE = 500;
const CREATED_MS = Date.UTC(2025, 0, 1);
/** The refused producer sends this share of its events again with their keys, while the job works. */
const SENT_AGAIN_SHARE = 0.05;
const TOPICS = { order: 'order_events', payment: 'payment_events' };
const PARTITIONS = new Map([
  [TOPICS.order, 4],
  [TOPICS.payment, 3],
]);

await runCommand({
  name: 'quarantine',
  summary:
    'Redrives refused records by a filter while ingest runs and order-sync is killed: each must be journaled once.',
  examples: [
    'npm run check:quarantine',
    'npm run check:quarantine -- --database embedded --records 2000 --kills 1',
  ],
  options: [
    { name: 'records', value: 'number', fallback: '10000', help: 'The records that are refused at first' },
    {
      name: 'database',
      value: 'mariadb|mysql|embedded',
      fallback: 'mariadb',
      help: 'The database of order-sync; with embedded the log is embedded too, else it is Kafka',
    },
    { name: 'kills', value: 'number', fallback: '2', help: 'SIGKILLs while the job is under way' },
    { name: 'rate', value: 'number', fallback: '2000', help: 'Events a second that come meanwhile' },
  ],
  run,
});

interface Log {
  append(records: readonly RawRecord[]): Promise<void>;
}

interface Job {
  readonly state: string;
  readonly progress: {
    readonly matched?: number;
    readonly passed?: number;
    readonly redriven?: number;
    readonly duplicates?: number;
  };
}

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const count = check.number('records');
  const folder = check.temporaryFolder();
  const { log, settings, databaseUrl } = await placeOf(check, folder);
  const oracle = new Oracle(TOPICS);
  const publish = async (records: readonly RawRecord[]) => {
    for (const record of records) oracle.add(record);
    await log.append(records);
  };

  const strict = await Program.create(check, 'order-sync', 'order-sync-strict', folder, settings);
  strict.start();
  await strict.ready();
  const tables = new Tables(databaseUrl);
  check.defer(() => tables.close());
  const ids = Array.from({ length: count }, (_, number) => `order-${String(number).padStart(7, '0')}`);
  const payments = ids.map((orderId) => payment(orderId, 'PAYMENT_AUTH_WITHPENDING_REVIEW', 1));
  check.progress(`Publishing ${count} records without keys, and the creation of every other order`);
  for (const record of payments) oracle.add(record);
  for (let from = 0; from < count; from += PUBLISHED_AT_ONCE)
    await log.append(
      payments.slice(from, from + PUBLISHED_AT_ONCE).map((record) => ({ ...record, key: null })),
    );
  await publish(ids.filter((_, index) => index % 2 === 0).map(created));
  await waitFor(
    { what: `${count} quarantined records`, pauseMs: 250, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => ((await tables.quarantine()).size === count ? true : undefined),
  );
  await strict.stop();

  const corrected = { ...settings, ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' };
  const orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, corrected);
  orderSync.start();
  await orderSync.ready();
  const dry = await finished(check, await startJob(orderSync, true));

  check.progress('Starting the job, with load');
  const ending = new AbortController();
  const loading = load(check, ids, payments, publish, ending.signal);
  const jobStartedAt = performance.now();
  const { job, kills } = await killedJob(check, orderSync, count);
  const jobSeconds = seconds(performance.now() - jobStartedAt);
  ending.abort();
  const loadEvents = await loading;
  await waitFor(
    { what: 'all events to be journaled', pauseMs: 250, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => ((await tables.count('event_journal')) >= oracle.identityCount ? true : undefined),
  );
  await orderSync.stop();

  const { journaled, twice } = await countJournaled(tables, payments);
  const comparison = await compareWithOracle(tables, oracle, new Set());
  for (const example of comparison.examples) check.progress(example);
  const { matched = 0, passed = 0, redriven = 0, duplicates = 0 } = job.progress;
  return {
    records: count,
    matched,
    passed,
    redriven,
    duplicates,
    journaled,
    twice,
    lost: comparison.lost,
    duplicated: comparison.duplicated,
    divergent: comparison.divergent,
    left_open: comparison.quarantined,
    dry_run_passed: dry.progress.passed ?? 0,
    load_events: loadEvents,
    kills,
    job_seconds: jobSeconds,
    seconds: seconds(performance.now() - startedAt),
    database: check.text('database'),
    machine: machine(),
    ok:
      [matched, passed, redriven + duplicates, journaled, dry.progress.passed].every((n) => n === count) &&
      twice + comparison.lost + comparison.duplicated + comparison.divergent + comparison.quarantined === 0 &&
      kills === check.number('kills'),
  };
}

async function placeOf(
  check: RunningCheck,
  folder: string,
): Promise<{ log: Log; settings: Record<string, string>; databaseUrl: string }> {
  const name = check.choice('database', ['mariadb', 'mysql', 'embedded']);
  const common = { TRIBUTARY_DATA_DIR: folder, ORDER_SYNC_DELIVER: 'false', LOG_LEVEL: 'error' };
  if (name === 'embedded') {
    const log = await startEmbeddedLog(folder);
    check.defer(() => log.close());
    return { log, settings: common, databaseUrl: `sqlite:${folder}/order-sync.sqlite` };
  }
  const services = await startServices({ kafka: true, [name]: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const database = await createDatabase(services[name].url);
  check.defer(() => database.drop());
  const { brokers } = services.kafka;
  await createTopics(brokers, PARTITIONS);
  const publisher = new Publisher(brokers, PARTITIONS);
  check.defer(() => publisher.close());
  return {
    log: { append: async (records) => void (await publisher.publish(records)) },
    settings: {
      ...common,
      KAFKA_BROKERS: brokers.join(','),
      DATABASE_URL: database.url,
      ORDER_SYNC_SESSION_TIMEOUT_MS: '6000',
    },
    databaseUrl: database.url,
  };
}

function created(orderId: string): RawRecord {
  return recordOf(TOPICS.order, orderId, { eventType: 'ORDER', orderStatus: 'CREATED' }, 0);
}

function payment(orderId: string, paymentStatus: string, minute: number): RawRecord {
  return recordOf(TOPICS.payment, orderId, { eventType: 'PAYMENT', paymentStatus }, minute);
}

function recordOf(topic: string, orderId: string, fields: object, minute: number): RawRecord {
  const timestamp = new Date(CREATED_MS + minute * 60_000).toISOString();
  const value = Buffer.from(JSON.stringify({ ...fields, orderId, timestamp }));
  return { topic, key: Buffer.from(orderId), value, headers: [] };
}

/**
 * Publishes at the rate until the signal aborts: the other creations, the acceptance of every third order, some of the
 * refused events again with their keys, and then new orders. Resolves with the number of records.
 */
async function load(
  check: RunningCheck,
  ids: readonly string[],
  payments: readonly RawRecord[],
  publish: (records: readonly RawRecord[]) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const again = payments.filter((_, index) => index % Math.round(1 / SENT_AGAIN_SHARE) === 0);
  const first = ids.flatMap((orderId, index) => [
    ...(index % 2 === 1 ? [created(orderId)] : []),
    ...(index % 3 === 0 ? [payment(orderId, 'AUTHORIZATION_REVIEW_ACCEPTED', 2)] : []),
    ...(again[index] === undefined ? [] : [again[index] as RawRecord]),
  ]);
  const pauseMs = 50;
  const atOnce = Math.max(1, Math.round((check.number('rate') * pauseMs) / 1_000));
  let published = 0;
  for (let more = 0; !signal.aborted || published < first.length; ) {
    const records = first.slice(published, published + atOnce);
    while (records.length < atOnce) records.push(created(`new-${String(more++).padStart(7, '0')}`));
    await publish(records);
    published += records.length;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return published;
}

/** Asks for a job over HTTP. Resolves with its address. */
async function startJob(orderSync: Program, dryRun: boolean): Promise<string> {
  const base = `http://127.0.0.1:${orderSync.port}`;
  const created = await fetch(`${base}/api/v1/quarantine:redrive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filter: { topic: TOPICS.payment, reason: 'key_missing' }, dryRun }),
  });
  if (created.status !== 202)
    throw new Error(`The job was refused: ${created.status} ${await created.text()}`);
  return `${base}${created.headers.get('location')}`;
}

async function finished(check: RunningCheck, location: string): Promise<Job> {
  return waitFor(
    { what: 'the dry run to be done', pauseMs: 50, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => {
      const job = (await (await fetch(location)).json()) as Job;
      return job.state === 'done' ? job : undefined;
    },
  );
}

/** Starts the job, kills its worker `--kills` times while it runs, and waits for its end. */
async function killedJob(
  check: RunningCheck,
  orderSync: Program,
  count: number,
): Promise<{ job: Job; kills: number }> {
  const wanted = check.number('kills');
  const location = await startJob(orderSync, false);
  let kills = 0;
  return waitFor(
    { what: 'the job to be done', pauseMs: 10, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => {
      const job = (await (await fetch(location)).json()) as Job;
      if (job.state === 'done') return { job, kills };
      const matched = job.progress.matched ?? 0;
      if (kills < wanted && matched / count >= (kills + 0.5) / (wanted + 1)) {
        await orderSync.kill();
        kills++;
        check.progress(`Killed at ${matched} of ${count}`);
        orderSync.start();
        await orderSync.ready();
      }
      return undefined;
    },
  );
}

/** Counts the events of the refused records that the journal has, and those that it has more than once. */
async function countJournaled(
  tables: Tables,
  payments: readonly RawRecord[],
): Promise<{ journaled: number; twice: number }> {
  const wanted = new Map(
    payments.map(({ value }) => [contentHashOf(parseStrictJson((value as Buffer).toString('utf8'))), 0]),
  );
  for await (const { contentHash } of tables.journal()) {
    const times = wanted.get(contentHash);
    if (times !== undefined) wanted.set(contentHash, times + 1);
  }
  const times = [...wanted.values()];
  return { journaled: times.filter((n) => n > 0).length, twice: times.filter((n) => n > 1).length };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
