/**
 * `npm run check:aborted` runs transactional producers that abort a fifth of their transactions, and the real order-sync
 * on Kafka and a database. The journal must hold every committed event and no aborted one. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { createDatabase, type KafkaAddress, kafkaTool, startServices } from '../services/index.ts';
import { writeTransactions } from './aborted/transaction-load.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { createTopics, endOffsets } from './lib/kafka-client.ts';
import { Program } from './lib/programs.ts';
import { Tables } from './lib/tables.ts';
import { waitFor } from './lib/waiting.ts';
import type { Topics } from './oracle.ts';

const PARTITIONS = 4;
const DRAIN_TIMEOUT_MS = 180_000;
const POLL_MS = 500;
/** Kafka's own consumer ends after 8 s without a new record. */
const REFEREE_IDLE_MS = 8_000;

await runCommand({
  name: 'aborted',
  summary:
    'Runs transactional producers that abort a fifth of their transactions: order-sync must journal every committed event and no aborted one.',
  examples: ['npm run check:aborted', 'npm run check:aborted -- --events 200000 --database mysql --seed 7'],
  options: [
    { name: 'events', value: 'number', fallback: '50000', help: 'Events to write, aborted ones included' },
    { name: 'database', value: 'mysql|mariadb', fallback: 'mariadb', help: 'The database of the journal' },
    { name: 'seed', value: 'number', fallback: '1', help: 'The same seed makes the same choices' },
    {
      name: 'producers',
      value: 'number',
      fallback: '4',
      help: 'The number of concurrent producers (2 or more)',
    },
    {
      name: 'abort-rate',
      value: 'share',
      fallback: '0.2',
      help: 'The share of transactions that are aborted',
    },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const databaseName = check.choice('database', ['mariadb', 'mysql']);
  const suffix = randomBytes(4).toString('hex');
  const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
  const partitions = new Map([
    [topics.order, PARTITIONS],
    [topics.payment, PARTITIONS],
  ]);
  const services = await startServices({ kafka: true, [databaseName]: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  const { brokers } = services.kafka;
  const database = await createDatabase(services[databaseName].url);
  check.defer(() => database.drop());
  await createTopics(brokers, partitions);
  const orderSync = await startPrograms(check, brokers, database.url, topics, suffix);

  const written = await writeTransactions({
    brokers,
    topics,
    partitions: PARTITIONS,
    events: check.number('events'),
    seed: check.number('seed'),
    producers: Math.max(2, check.number('producers')),
    abortRate: check.number('abort-rate'),
    signal: check.signal,
    progress: (line) => check.progress(line),
  });
  const { committed, aborted, transactions } = written;
  check.progress(`${committed.size} events committed, ${aborted.size} aborted; waiting for order-sync`);

  const tables = new Tables(database.url);
  check.defer(() => tables.close());
  const records = await untilDrained(check, orderSync, tables, brokers, partitions);
  await orderSync.stop();
  const journal = await readJournal(tables);
  const quarantined = (await tables.quarantine()).size;
  check.progress("Counting the committed events with Kafka's own consumer");
  const seenByKafka = await committedByKafka(services.kafka, [...partitions.keys()]);

  const abortedInJournal = [...aborted].filter((id) => journal.counts.has(id)).length;
  const committedMissing = [...committed].filter((id) => !journal.counts.has(id)).length;
  const ok =
    abortedInJournal === 0 &&
    committedMissing === 0 &&
    journal.rows === committed.size &&
    quarantined === 0 &&
    seenByKafka === committed.size;
  return {
    events: committed.size + aborted.size,
    committed: committed.size,
    aborted: aborted.size,
    transactions_committed: transactions.committed,
    transactions_aborted: transactions.aborted,
    log_offsets: records,
    journal_rows: journal.rows,
    aborted_in_journal: abortedInJournal,
    committed_missing: committedMissing,
    quarantined,
    committed_by_kafka_consumer: seenByKafka,
    database: databaseName,
    seed: check.number('seed'),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ok,
  };
}

async function startPrograms(
  check: RunningCheck,
  brokers: readonly string[],
  databaseUrl: string,
  topics: Topics,
  suffix: string,
): Promise<Program> {
  const folder = check.temporaryFolder();
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
  });
  target.start();
  await target.ready();
  const orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, {
    KAFKA_BROKERS: brokers.join(','),
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${suffix}`,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
  });
  orderSync.start();
  await orderSync.ready();
  return orderSync;
}

/** Waits until the checkpoints have reached the end of the log, and returns the number of offsets, markers included. */
async function untilDrained(
  check: RunningCheck,
  orderSync: Program,
  tables: Tables,
  brokers: readonly string[],
  partitions: ReadonlyMap<string, number>,
): Promise<number> {
  let last = '';
  return waitFor(
    {
      what: 'the checkpoints to reach the end of the log',
      pauseMs: POLL_MS,
      timeoutMs: DRAIN_TIMEOUT_MS,
      signal: check.signal,
    },
    async () => {
      orderSync.assertRunning();
      // The ends are read each time, because Kafka writes the last markers after it has answered the producers.
      const ends = await endOffsets(brokers, partitions);
      const checkpoints = await tables.checkpoints();
      const total = [...ends.values()].reduce((sum, end) => sum + end, 0n);
      const done = [...ends.keys()].reduce((sum, name) => sum + (checkpoints.get(name) ?? 0n), 0n);
      const seen = `${done} of ${total} offsets done`;
      const isSteady = seen === last;
      if (!isSteady) check.progress(seen);
      last = seen;
      return done === total && isSteady ? Number(total) : undefined;
    },
  );
}

async function readJournal(tables: Tables): Promise<{ counts: Map<string, number>; rows: number }> {
  const counts = new Map<string, number>();
  let rows = 0;
  for await (const { eventId } of tables.journal()) {
    counts.set(eventId, (counts.get(eventId) ?? 0) + 1);
    rows++;
  }
  return { counts, rows };
}

/** Counts the committed records of these topics with Kafka's own consumer. */
async function committedByKafka(kafka: KafkaAddress, topics: readonly string[]): Promise<number> {
  let count = 0;
  for (const topic of topics) {
    const { stdout } = await kafkaTool(kafka, 'ConsoleConsumer', [
      '--topic',
      topic,
      '--from-beginning',
      '--isolation-level',
      'read_committed',
      '--timeout-ms',
      String(REFEREE_IDLE_MS),
    ]);
    count += stdout.split('\n').filter((line) => line !== '').length;
  }
  return count;
}
