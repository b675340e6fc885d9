/**
 * `npm run check:kafka` publishes the original's samples with Kafka's own console producer and with kcat. order-sync
 * reads them from real Kafka into real databases that hold the original's table. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { documentedUsers } from '../helpers/documented-users.ts';
import { createDatabase, kafkaTool, kcat, type RunningServices, startServices } from '../services/index.ts';
import { ORIGINAL_ROWS, ORIGINAL_TABLE } from './lib/adopted-rows.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { type Comparison, compareTarget, compareWithOracle } from './lib/comparison.ts';
import { Fleet } from './lib/fleet.ts';
import { createTopics, endOffsets } from './lib/kafka-client.ts';
import { Program, runToEnd } from './lib/programs.ts';
import { Random } from './lib/random.ts';
import { orderedSubsets, SAMPLE_ORDER_ID, SAMPLES, type Sample, sampleRecord } from './lib/samples.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import { Oracle, type RawRecord, type Topics } from './oracle.ts';

const CLUSTERS = ['kafka', 'kafka39'] as const;
const DATABASES = ['mysql', 'mariadb'] as const;
/** The topics have different numbers of partitions, on purpose. */
const ORDER_PARTITIONS = 3;
const PAYMENT_PARTITIONS = 8;
const INSTANCES = 2;
const TIMEOUT_MS = 120_000;

type ClusterName = (typeof CLUSTERS)[number];
type DatabaseName = (typeof DATABASES)[number];

interface Outcome
  extends Pick<Comparison, 'lost' | 'duplicated' | 'divergent' | 'bodies_different' | 'quarantined'> {
  readonly cluster: string;
  readonly database: string;
  readonly events: number;
  readonly orders: number;
  readonly adopted: number;
  readonly target_different: number;
  readonly target_orders: number;
  readonly sent_again: number;
}

await runCommand({
  name: 'kafka',
  summary:
    'Publishes the samples with the console producer and kcat, through real Kafka into real MySQL and MariaDB.',
  examples: ['npm run check:kafka', 'npm run check:kafka -- --kafka kafka39 --database mysql'],
  options: [
    { name: 'kafka', value: 'kafka|kafka39|both', fallback: 'both', help: 'Kafka 4.3, or 3.9 on ZooKeeper' },
    { name: 'database', value: 'mysql|mariadb|both', fallback: 'both', help: 'The databases of order-sync' },
    {
      name: 'users',
      value: 'one|two',
      fallback: 'two',
      help: 'Let an owner make the tables, and a user with the documented grants run',
    },
    { name: 'seed', value: 'number', fallback: '1', help: 'The same seed chooses the same sequences' },
  ],
  async run(check): Promise<Figures> {
    const chosenCluster = check.choice('kafka', ['both', ...CLUSTERS]);
    const chosenDatabase = check.choice('database', ['both', ...DATABASES]);
    const outcomes: Outcome[] = [];
    const databases = DATABASES.filter((name) => chosenDatabase === 'both' || chosenDatabase === name);
    for (const cluster of CLUSTERS) {
      if (chosenCluster !== 'both' && chosenCluster !== cluster) continue;
      const services = await startServices({
        [cluster]: true,
        mysql: databases.includes('mysql'),
        mariadb: databases.includes('mariadb'),
        kcat: true,
      });
      const stop = check.defer(() => services.stop());
      check.progress(services.describe());
      for (const database of databases) {
        const outcome = await runThrough(check, services, cluster, database);
        check.progress(JSON.stringify(outcome));
        outcomes.push(outcome);
      }
      await stop();
    }
    const sum = (figure: (outcome: Outcome) => number) =>
      outcomes.reduce((total, outcome) => total + figure(outcome), 0);
    const figures = {
      combinations: outcomes.length,
      publishers: 2,
      users: check.choice('users', ['one', 'two']) === 'one' ? 1 : 2,
      events: sum(({ events }) => events),
      adopted_rows: sum(({ adopted }) => adopted),
      lost: sum(({ lost }) => lost),
      duplicated: sum(({ duplicated }) => duplicated),
      divergent: sum(({ divergent }) => divergent),
      bodies_different: sum(({ bodies_different }) => bodies_different),
      quarantined: sum(({ quarantined }) => quarantined),
      target_different: sum(({ target_different }) => target_different),
      target_orders: sum(({ target_orders }) => target_orders),
      sent_again: sum(({ sent_again }) => sent_again),
    };
    const { lost, duplicated, divergent, bodies_different, quarantined, target_different, sent_again } =
      figures;
    const wrong =
      lost + duplicated + divergent + bodies_different + quarantined + target_different + sent_again;
    const through = outcomes.map(({ cluster, database }) => `${cluster} into ${database}`);
    return { ...figures, through, seed: check.number('seed'), ok: wrong === 0 && outcomes.length > 0 };
  },
});

/** Runs one cluster with one database: adopts the original's table, then publishes the samples with both tools. */
async function runThrough(
  check: RunningCheck,
  services: RunningServices,
  clusterName: ClusterName,
  databaseName: DatabaseName,
): Promise<Outcome> {
  const cluster = services[clusterName];
  const database = await createDatabase(services[databaseName].url);
  const drop = check.defer(() => database.drop());
  await makeOriginalTable(database.url, databaseName);
  const suffix = randomBytes(4).toString('hex');
  const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, ORDER_PARTITIONS],
    [topics.payment, PAYMENT_PARTITIONS],
  ]);
  await createTopics(cluster.brokers, partitions);

  const folder = check.temporaryFolder();
  const targetFile = join(folder, 'order-mgt.sqlite');
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_MGT_DATABASE_URL: `sqlite:${targetFile}`,
  });
  target.start();
  await target.ready();
  const runningUrl =
    check.choice('users', ['one', 'two']) === 'one'
      ? database.url
      : await makeUsers(check, database.url, suffix, folder);
  const fleet = await Fleet.create(check, folder, INSTANCES, {
    KAFKA_BROKERS: cluster.brokers.join(','),
    DATABASE_URL: runningUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${suffix}`,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
  });
  await fleet.start();

  const oracle = new Oracle(topics);
  for (const row of ORIGINAL_ROWS) oracle.adopt(row);
  const records = planRecords(new Random(check.number('seed')), topics);
  for (const record of [...records.console, ...records.kcat]) {
    if (oracle.add(record) === null) throw new Error('The oracle refuses a sample');
  }
  // The console producer publishes payments before orders. kcat publishes orders before payments.
  for (const topic of [topics.payment, topics.order]) await publishByConsole(cluster, topic, records.console);
  for (const topic of [topics.order, topics.payment]) {
    const ofTopic = records.kcat.filter((record) => record.topic === topic);
    const input = ofTopic.map(({ key, value }) => `${key}|${value}`).join('\x1e');
    await kcat(services.kcat, cluster, ['-P', '-t', topic, '-K', '|', '-D', '\x1e'], input);
  }

  const tables = new Tables(database.url);
  const closeTables = check.defer(() => tables.close());
  const ends = await endOffsets(cluster.brokers, partitions);
  const events = Number([...ends.values()].reduce((sum, end) => sum + end, 0n));
  const planned = records.console.length + records.kcat.length;
  if (events !== planned)
    throw new Error(`The log holds ${events} records, not the ${planned} that were published`);
  const what = `order-sync to journal and deliver; the logs end:\n${fleet.logTails()}`;
  await waitFor({ what, pauseMs: 200, timeoutMs: TIMEOUT_MS, signal: check.signal }, async () => {
    const checkpoints = await tables.checkpoints();
    const isJournaled = [...ends].every(([partition, end]) => checkpoints.get(partition) === end);
    return isJournaled && (await tables.pendingDeliveries()) === 0 ? true : undefined;
  });
  await fleet.stop();
  await target.stop();
  const outcome = await judge(check, tables, `sqlite:${targetFile}`, oracle);
  await closeTables();
  await drop();
  return { cluster: cluster.description, database: services[databaseName].description, events, ...outcome };
}

/** Makes two users with the documented grants. The first adopts the table; the URL of the second is returned. */
async function makeUsers(check: RunningCheck, url: string, suffix: string, folder: string): Promise<string> {
  const { syncUsers, syncGrants, dropAll, urlFor } = await documentedUsers(url, suffix);
  const root = await mysql.createConnection({ uri: url, multipleStatements: true });
  check.defer(async () => {
    await root.query(dropAll);
    await root.end();
  });
  await root.query(syncUsers);
  await runToEnd('order-sync', ['migrate'], {
    DATABASE_URL: urlFor('sync_owner'),
    TRIBUTARY_DATA_DIR: folder,
  });
  await root.query(syncGrants);
  return urlFor('sync');
}

async function judge(check: RunningCheck, tables: Tables, targetUrl: string, oracle: Oracle) {
  const { examples, ...comparison } = await compareWithOracle(tables, oracle, new Set());
  const target = new Tables(targetUrl);
  const held = new Set<string>();
  for await (const { orderId } of target.orders()) held.add(orderId);
  const never = new Set(
    ORIGINAL_ROWS.filter(({ delivery }) => delivery === 'never').map(({ orderId }) => orderId),
  );
  const atTarget = await compareTarget(target, oracle, never);
  await target.close();
  const missing = ORIGINAL_ROWS.filter(({ delivery, orderId }) => delivery === 'sent' && !held.has(orderId));
  const again = [...never].filter((orderId) => held.has(orderId));
  for (const line of [...examples, ...atTarget.examples]) check.progress(line);
  for (const { orderId } of missing) check.progress(`an adopted order was not sent: ${orderId}`);
  for (const orderId of again)
    check.progress(`an order was sent although the original had sent it: ${orderId}`);
  return {
    ...comparison,
    orders: oracle.orderCount,
    adopted: ORIGINAL_ROWS.length,
    target_different: Math.max(atTarget.target_different, missing.length),
    target_orders: atTarget.target_orders,
    sent_again: again.length,
  };
}

/** Makes the table with the original's statement, in the default character set of its server. */
async function makeOriginalTable(url: string, name: DatabaseName): Promise<void> {
  const connection = await mysql.createConnection({ uri: url, charset: 'utf8mb4' });
  try {
    const characterSet = name === 'mariadb' ? 'latin1' : 'utf8mb4';
    await connection.query(`ALTER DATABASE CHARACTER SET ${characterSet}`);
    await connection.query(ORIGINAL_TABLE);
    for (const row of ORIGINAL_ROWS) {
      await connection.query('INSERT INTO orders VALUES (?, ?, ?, ?, ?)', [
        row.orderId,
        row.orderStatus,
        row.paymentStatus,
        row.reviewStatus,
        row.readyToSend,
      ]);
    }
  } finally {
    await connection.end();
  }
}

/**
 * Plans every subset of the samples in two sequences for each tool. Some orders are published by both tools, so their
 * events come twice with different spaces. `order123` is one of these, byte for byte as the original prints it.
 */
function planRecords(random: Random, topics: Topics): { console: RawRecord[]; kcat: RawRecord[] } {
  const sequences = orderedSubsets(SAMPLES);
  const subsets = new Map<string, Sample[][]>();
  for (const sequence of sequences) {
    const names = sequence
      .map(({ name }) => name)
      .sort()
      .join();
    subsets.set(names, [...(subsets.get(names) ?? []), sequence]);
  }
  const console: RawRecord[] = [];
  const kcat: RawRecord[] = [];
  const add = (records: RawRecord[], sequence: readonly Sample[], orderId: string) => {
    for (const sample of sequence) records.push(sampleRecord(sample, topics, orderId));
  };
  let number = 0;
  for (const same of subsets.values()) {
    for (const round of [1, 2]) {
      add(console, random.pick(same), `console-${number}-${round}`);
      add(kcat, random.pick(same), `kcat-${number}-${round}`);
    }
    add(console, random.pick(same), `both-${number}`);
    add(kcat, random.pick(same), `both-${number}`);
    number++;
  }
  add(console, random.shuffled(SAMPLES), SAMPLE_ORDER_ID);
  add(kcat, random.shuffled(SAMPLES), SAMPLE_ORDER_ID);
  for (const row of ORIGINAL_ROWS) {
    const samples = row.then.map((name) => SAMPLES.find((sample) => sample.name === name) as Sample);
    add(random.chance(0.5) ? console : kcat, samples, row.orderId);
  }
  return { console: console.map(onOneLine), kcat };
}

/** Replaces the line breaks of a record by spaces, because the console producer takes each line for a record. */
function onOneLine(record: RawRecord): RawRecord {
  return { ...record, value: Buffer.from(String(record.value).replaceAll('\n', ' ')) };
}

async function publishByConsole(
  cluster: { readonly brokers: string[] },
  topic: string,
  records: readonly RawRecord[],
): Promise<void> {
  const lines = records
    .filter((record) => record.topic === topic)
    .map(({ key, value }) => `${key}\t${value}\n`);
  const options = ['--topic', topic, '--property', 'parse.key=true'];
  await kafkaTool(cluster, 'ConsoleProducer', options, lines.join(''));
}
