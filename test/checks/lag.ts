/**
 * `npm run check:lag` plays a story with order-sync and a log, and compares the lag that `order-sync status` and
 * `GET /api/v1/status` give at each point with the clock of the check. See docs/checks.md.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServices } from '../services/index.ts';
import { Answers } from './lag/answers.ts';
import { playOnEmbeddedLog } from './lag/embedded-story.ts';
import { fillLedger } from './lag/fill.ts';
import { makeTopics, playOnKafka } from './lag/kafka-story.ts';
import { databasesOf } from './lib/check-database.ts';
import { type Figures, type RunningCheck, runCommand } from './lib/command.ts';
import { Program } from './lib/programs.ts';

const EMBEDDED_PARTITIONS = 2;
/** One status is read for all who ask within a second. */
const BETWEEN_ANSWERS_MS = 1_100;
const MEASURED_ANSWERS = 10;
const SLOWEST_ANSWER_MS = 300;

await runCommand({
  name: 'lag',
  summary:
    'Plays a story of backlogs, idle partitions, transactions, compaction and a halt, and compares the lag that order-sync gives with the clock of the check.',
  examples: ['npm run check:lag', 'npm run check:lag -- --log embedded --database embedded --deliveries 0'],
  options: [
    { name: 'log', value: 'kafka|embedded', fallback: 'kafka', help: 'The event log' },
    {
      name: 'database',
      value: 'embedded|mysql|mariadb',
      fallback: 'mariadb',
      help: 'The database of the journal',
    },
    {
      name: 'deliveries',
      value: 'number',
      fallback: '1000000',
      help: 'Deliveries that are due when the answers are timed',
    },
  ],
  run,
});

async function run(check: RunningCheck): Promise<Figures> {
  const startedAt = performance.now();
  const logName = check.choice('log', ['kafka', 'embedded']);
  const databaseName = check.choice('database', ['embedded', 'mysql', 'mariadb']);
  const folder = check.temporaryFolder();
  const suffix = randomBytes(4).toString('hex');
  const topics =
    logName === 'kafka'
      ? { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` }
      : { order: 'order_events', payment: 'payment_events' };
  const brokers = logName === 'kafka' ? await startKafka(check) : [];
  const newDatabase = await databasesOf(check);
  const databaseUrl = await newDatabase(folder);
  const target = await Program.create(check, 'order-mgt', 'order-mgt', folder, {
    TRIBUTARY_DATA_DIR: folder,
  });
  target.start();
  await target.ready();
  const settings: Record<string, string> = {
    DATABASE_URL: databaseUrl,
    TRIBUTARY_DATA_DIR: folder,
    ORDER_TOPIC: topics.order,
    PAYMENT_TOPIC: topics.payment,
    ORDER_SYNC_GROUP: `check-${suffix}`,
    ORDER_SYNC_TARGET_URL: `http://127.0.0.1:${target.port}/api/orders`,
    ...(logName === 'kafka'
      ? { KAFKA_BROKERS: brokers.join(',') }
      : { ORDER_SYNC_PARTITIONS: String(EMBEDDED_PARTITIONS) }),
  };
  const orderSync = await Program.create(check, 'order-sync', 'order-sync', folder, settings);
  const answers = new Answers(check, settings, orderSync.port);

  if (logName === 'kafka') {
    await makeTopics({ brokers, topics });
    await playOnKafka({ check, brokers, topics, orderSync, answers });
  } else {
    await playOnEmbeddedLog({ check, folder, partitions: EMBEDDED_PARTITIONS, orderSync, answers });
  }
  const storySlowestMs = answers.slowestApiMs;
  const deliveries = check.number('deliveries');
  if (deliveries > 0) {
    check.progress(`Making ${deliveries} deliveries due`);
    await fillLedger(databaseUrl, 'order-mgt', deliveries);
  }
  answers.slowestApiMs = 0;
  const pause = () => sleep(BETWEEN_ANSWERS_MS, undefined, { signal: check.signal });
  const report = await answers.measure(MEASURED_ANSWERS, pause);
  const due = report.outbox[0]?.due ?? { count: -1, isMore: false };
  const isCounted = due.isMore ? due.count < deliveries : due.count === deliveries;
  if (!isCounted) {
    answers.wrong++;
    check.progress(`wrong: ${JSON.stringify(due)} deliveries are due, and ${deliveries} were made due`);
  }
  const slowestMs = Math.round(answers.slowestApiMs * 10) / 10;
  return {
    compared: answers.compared,
    wrong: answers.wrong,
    worst_error_seconds: Math.round(answers.worstErrorSeconds * 1_000) / 1_000,
    slowest_status_ms: slowestMs,
    slowest_status_in_story_ms: Math.round(storySlowestMs * 10) / 10,
    slowest_command_ms: Math.round(answers.slowestCommandMs),
    deliveries,
    log: logName,
    database: databaseName,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ok: answers.wrong === 0 && answers.worstErrorSeconds < 1 && slowestMs < SLOWEST_ANSWER_MS,
  };
}

async function startKafka(check: RunningCheck): Promise<readonly string[]> {
  const services = await startServices({ kafka: true });
  check.defer(() => services.stop());
  check.progress(services.describe());
  return services.kafka.brokers;
}
