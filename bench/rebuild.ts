/**
 * `npm run bench -- rebuild` measures how fast order-sync makes the view again from the journal, beside one INSERT ... SELECT of
 * the same aggregate in the database. See docs/checks.md.
 */
import mysql from 'mysql2/promise';
import type { RunningCheck } from '../test/checks/lib/command.ts';
import { areAllAtTheEnd, countWrong, drainingOrderSync } from '../test/checks/lib/drain-run.ts';
import { preloadTopics } from '../test/checks/lib/preloaded-topics.ts';
import { cpuSecondsOf } from '../test/checks/lib/process-usage.ts';
import { runToEnd } from '../test/checks/lib/programs.ts';
import { Tables } from '../test/checks/lib/tables.ts';
import { waitFor } from '../test/checks/lib/waiting.ts';
import { createDatabase, startServices } from '../test/services/index.ts';
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

const PARTITIONS = 4;
const SHARE_MIN = 0.5;
const PATIENCE_MS = 30 * 60_000;

export const bench: Bench = {
  name: 'rebuild',
  summary: 'How fast the view is made again from the journal, beside one statement of the database.',
  examples: [
    'npm run bench -- rebuild',
    'npm run bench -- rebuild --database mysql --events 200000 --runs 1',
  ],
  options: [
    { name: 'events', value: 'number', fallback: '1000000', help: 'Events in the journal' },
    { name: 'runs', value: 'number', fallback: '5', help: 'Runs of each, by turns' },
    { name: 'database', value: 'mariadb|mysql', fallback: 'mariadb', help: 'The database' },
  ],
  quick: { events: '20000', runs: '1' },
  run,
};

/** The last of the texts of an entity by the canonical sequence, of those that are not null. */
function lastBySequence(text: string): string {
  const sequence =
    "LPAD(sequence_position, 20, '0'), DATE_FORMAT(time_occurred, '%Y%m%d%H%i%s%f'), caution_rank, event_id, HEX(content_hash)";
  return `SUBSTRING_INDEX(MAX(CONCAT(${sequence}, '|', ${text})), '|', -1)`;
}

const PAYMENT = "JSON_UNQUOTE(JSON_EXTRACT(data, '$.paymentStatus'))";
const REVIEW = `CASE ${PAYMENT} WHEN 'PAYMENT_AUTH_WITHPENDING_REVIEW' THEN 'PENDING'
  WHEN 'AUTHORIZATION_REVIEW_ACCEPTED' THEN 'ACCEPTED' WHEN 'AUTHORIZATION_REVIEW_DECLINED' THEN 'DECLINED' END`;

/** The rows of the view by one statement, in the words of the contract. It reads the journal as anybody else would. */
const AGGREGATE = `INSERT INTO bench_orders
  SELECT entity_id, order_status, payment_status, review_status,
    COALESCE(order_status = 'CREATED' AND payment_status IN ('PAYMENT_AUTHORIZED', 'AUTHORIZATION_REVIEW_ACCEPTED'), FALSE),
    version
  FROM (
    SELECT entity_id, MAX(IF(event_type = 'ORDER', 'CREATED', NULL)) AS order_status,
      ${lastBySequence(PAYMENT)} AS payment_status, ${lastBySequence(REVIEW)} AS review_status, COUNT(*) AS version
    FROM event_journal GROUP BY entity_id
  ) AS folded`;

async function run(check: RunningCheck): Promise<Measured> {
  const database = check.choice('database', ['mariadb', 'mysql']);
  const services = await startServices({ kafka: { heap: '1g' }, [database]: true });
  check.defer(() => services.stop());
  const preloaded = await preloadTopics(check, services.kafka.brokers, check.number('events'), PARTITIONS);
  const made = await createDatabase(services[database].url);
  check.defer(() => made.drop());
  const tables = new Tables(made.url);
  check.defer(() => tables.close());
  const program = await drainingOrderSync(check, 'order-sync', preloaded, made.url);
  program.start();
  const waiting = { timeoutMs: PATIENCE_MS, signal: check.signal };
  await waitFor({ ...waiting, pauseMs: 500, what: 'order-sync to journal all' }, async () =>
    (await areAllAtTheEnd(tables, preloaded.ends)) ? true : undefined,
  );
  const wrong = await countWrong(check, tables, preloaded.oracle);
  const orders = preloaded.oracle.orderCount;
  const connection = await mysql.createConnection(made.url);
  check.defer(() => connection.end());
  await connection.query('CREATE TABLE bench_orders LIKE orders');
  const perSecond = (ms: number) => orders / (ms / 1_000);
  const ways = new Map<string, () => Promise<Record<string, number>>>([
    [
      'order-sync',
      async () => {
        const cpu = cpuSecondsOf(program.pid);
        const ms = await rebuild(check, program.port);
        const seconds = cpuSecondsOf(program.pid) - cpu;
        return { orders_per_second: perSecond(ms), cpu_seconds_per_million: (seconds / orders) * 1e6 };
      },
    ],
    [
      'statement',
      async () => {
        await connection.query('TRUNCATE TABLE bench_orders');
        const began = performance.now();
        await connection.query(AGGREGATE);
        return { orders_per_second: perSecond(performance.now() - began) };
      },
    ],
    [
      'verify',
      async () => {
        const began = performance.now();
        const settings = {
          DATABASE_URL: made.url,
          ORDER_TOPIC: preloaded.topics.order,
          PAYMENT_TOPIC: preloaded.topics.payment,
          KAFKA_BROKERS: preloaded.brokers.join(','),
        };
        await runToEnd('order-sync', ['verify', '--all', '--rate', '0', '--json'], settings);
        return { orders_per_second: perSecond(performance.now() - began) };
      },
    ],
  ]);
  const found = new Map([...ways.keys()].map((name) => [name, [] as Record<string, number>[]]));
  for (let number = 1; number <= check.number('runs'); number++) {
    for (const [name, measureOnce] of ways) {
      check.signal.throwIfAborted();
      const figures = await measureOnce();
      check.progress(`${name}, run ${number}: ${JSON.stringify(figures)}`);
      found.get(name)?.push(figures);
    }
  }
  const different = await differentRows(connection);
  await program.stop();
  const measures = [...found].flatMap(([name, runs]) => measuresOf(database, name, runs));
  const rateOf = (name: string) => medianOf(measures, database, name, 'orders_per_second');
  return {
    measures,
    bars: [
      atLeast(
        'orders/s of the rebuild, share of one statement',
        ratio(rateOf('order-sync'), rateOf('statement')),
        SHARE_MIN,
      ),
      atMost('wrong rows of order-sync', wrong, 0),
      atMost('rows in which the statement and the view differ', different, 0),
    ],
    facts: { database, events: check.number('events'), orders, runs: check.number('runs') },
    versions: versionsOf(services),
  };
}

/** Builds the view beside the present one, and drops it again. Returns the milliseconds of the build. */
async function rebuild(check: RunningCheck, port: number): Promise<number> {
  const base = `http://127.0.0.1:${port}/api/v1`;
  const post = async (path: string): Promise<string> => {
    const answer = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'a bench' }),
    });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { readonly id: string }).id;
  };
  const began = performance.now();
  const id = await post('/rebuilds');
  const ms = await waitFor(
    { what: 'the rebuild', pauseMs: 20, timeoutMs: PATIENCE_MS, signal: check.signal },
    async () => {
      const answer = await fetch(`${base}/jobs/${id}`);
      const { state } = (await answer.json()) as { readonly state: string };
      return state === 'done' ? performance.now() - began : undefined;
    },
  );
  await post('/rebuilds:discard');
  return ms;
}

/** The rows that only one of the two tables has, or that differ in one of the columns that the contract names. */
async function differentRows(connection: mysql.Connection): Promise<number> {
  const columns = ['order_status', 'payment_status', 'review_status', 'ready_to_send', 'version'];
  const same = columns.map((name) => `a.${name} <=> b.${name}`).join(' AND ');
  const count = async (from: string, beside: string) => {
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      `SELECT COUNT(*) AS n FROM ${from} a LEFT JOIN ${beside} b ON a.order_id = b.order_id AND ${same} WHERE b.order_id IS NULL`,
    );
    return Number(rows[0]?.n);
  };
  return (await count('orders', 'bench_orders')) + (await count('bench_orders', 'orders'));
}
