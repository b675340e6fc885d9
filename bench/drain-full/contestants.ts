/** The programs that drain the same topics into an empty database, each with what it does and how its result is judged. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import type { RunningCheck } from '../../test/checks/lib/command.ts';
import {
  areAllAcquired,
  areAllAtTheEnd,
  countWrong,
  type DrainRun,
  drainingOrderSync,
  timeDrain,
} from '../../test/checks/lib/drain-run.ts';
import type { PreloadedTopics } from '../../test/checks/lib/preloaded-topics.ts';
import { descendantPid } from '../../test/checks/lib/process-usage.ts';
import { Tables } from '../../test/checks/lib/tables.ts';
import { jdbcSink, startConnect } from '../../test/services/connect.ts';
import { ROOT } from '../lib/bench.ts';
import { startChild } from '../lib/child.ts';
import { UpsertedView } from './upserted-view.ts';

export const DATABASES = ['mariadb', 'mysql'] as const;
export type DatabaseName = (typeof DATABASES)[number];

/** Where a contestant drains to. */
export interface Place {
  readonly check: RunningCheck;
  readonly database: DatabaseName;
  /** An empty database, as `mysql://...`. */
  readonly url: string;
  readonly preloaded: PreloadedTopics;
}

export interface Contestant {
  readonly name: string;
  drain(place: Place): Promise<Drained>;
}

/** `wrong` counts what is not as the contestant promises it. */
export type Drained = DrainRun & { readonly wrong: number };

const VIEW_POLL_MS = 10;

export function orderSync(
  name: string,
  settings: Readonly<Record<string, string>>,
  checkout?: string,
): Contestant {
  return {
    name,
    async drain({ check, url, preloaded }) {
      const program = await drainingOrderSync(check, name, preloaded, url, settings, checkout);
      program.start();
      const run = await drainedTables(
        check,
        { name, pid: program.pid, assertRunning: () => program.assertRunning() },
        url,
        preloaded,
        () => program.stop(),
      );
      return run;
    },
  };
}

/** The Java rival. `command` starts it up to its words. */
export function rival(command: readonly string[], batchEvents: number): Contestant {
  return {
    name: 'java',
    async drain({ check, database, url, preloaded }) {
      await makeRivalTables(url);
      const child = startChild(check, 'java', [
        ...command,
        'drain',
        preloaded.brokers.join(','),
        preloaded.topics.order,
        preloaded.topics.payment,
        String(preloaded.partitions),
        jdbcUrl(database, url),
        String(batchEvents),
      ]);
      return drainedTables(check, { name: 'java', ...child }, url, preloaded, () => child.stop());
    },
  };
}

export async function makeRivalTables(url: string): Promise<void> {
  const connection = await mysql.createConnection(url);
  const sql = readFileSync(join(ROOT, 'bench', 'peers', 'rival', 'tables.sql'), 'utf8');
  for (const statement of sql.split(/;\n/)) if (statement.trim() !== '') await connection.query(statement);
  await connection.end();
}

/** Drains into the tables of the product, or into tables of the same names, and compares all of them with the oracle. */
async function drainedTables(
  check: RunningCheck,
  program: { readonly name: string; readonly pid: number; assertRunning(): void },
  url: string,
  preloaded: PreloadedTopics,
  stop: () => Promise<void>,
): Promise<Drained> {
  const tables = new Tables(url);
  const close = check.defer(() => tables.close());
  const run = await timeDrain(check, {
    name: program.name,
    pid: program.pid,
    assertRunning: () => program.assertRunning(),
    events: preloaded.events,
    hasBegun: () => areAllAcquired(tables, preloaded.ends),
    hasEnded: () => areAllAtTheEnd(tables, preloaded.ends),
  });
  await stop();
  const wrong = await countWrong(check, tables, preloaded.oracle);
  await close();
  return { ...run, wrong };
}

/** Debezium's JDBC sink: a connector for each topic, side by side in one worker, into one table. */
export const debezium: Contestant = {
  name: 'debezium',
  async drain({ check, database, url, preloaded }) {
    const { brokers, topics } = preloaded;
    const view = await UpsertedView.create(url, preloaded);
    const close = check.defer(() => view.close());
    const worker = await startConnect(brokers, (line) => check.progress(line), jdbcSink);
    const stop = check.defer(() => worker.stop());
    const names = [
      [`orders-${randomBytes(4).toString('hex')}`, topics.order, 'orderStatus'],
      [`payments-${randomBytes(4).toString('hex')}`, topics.payment, 'paymentStatus'],
    ] as const;
    const pid = descendantPid(/ConnectStandalone/);
    if (pid === undefined) throw new Error('Kafka Connect is no process of this run');
    const creating = Promise.all(
      names.map(([name, topic, field]) => worker.create(name, sinkOf(database, url, topic, field))),
    );
    // A connector that fails is reported by `check` in hasEnded, with its trace.
    creating.catch(() => {});
    const run = await timeDrain(
      check,
      {
        name: 'debezium',
        pid,
        assertRunning: () => {},
        events: preloaded.events,
        hasBegun: () => view.hasRows(),
        hasEnded: () => view.isComplete(),
      },
      VIEW_POLL_MS,
    );
    await creating;
    for (const [name] of names) await worker.check(name);
    await stop();
    const wrong = await view.countWrong();
    await close();
    return { ...run, wrong };
  },
};

function sinkOf(
  database: DatabaseName,
  url: string,
  topic: string,
  statusField: string,
): Record<string, string> {
  const fields = ['eventType', 'orderId', statusField, 'timestamp'].map((field) => ({
    field,
    type: 'string',
    optional: field !== 'orderId',
  }));
  return {
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    'tasks.max': '1',
    topics: topic,
    'connection.url': sinkUrl(database, url),
    'connection.username': 'root',
    'connection.password': '',
    'insert.mode': 'upsert',
    'primary.key.mode': 'record_value',
    'primary.key.fields': 'orderId',
    'collection.name.format': 'orders',
    'schema.evolution': 'none',
    'quote.identifiers': 'true',
    'use.reduction.buffer': 'true',
    'batch.size': '5000',
    'consumer.override.max.poll.records': '5000',
    'consumer.override.max.partition.fetch.bytes': '4194304',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'true',
    'value.converter.schema.content': JSON.stringify({ type: 'struct', fields }),
  };
}

/** A job in Flink SQL: each topic by upserts into its columns of one table. `command` starts it up to its words. */
export function flink(command: readonly string[]): Contestant {
  return {
    name: 'flink',
    async drain({ check, database, url, preloaded }) {
      const { brokers, topics, partitions } = preloaded;
      const [jdbc, driver] = flinkUrl(database, url);
      return drainedView(check, 'flink', url, preloaded, [
        ...command,
        ...[brokers.join(','), topics.order, topics.payment, jdbc, driver, String(partitions)],
      ]);
    },
  };
}

/** Its connector knows MySQL alone, by the scheme of the URL, which the driver of MariaDB takes if it is told to. */
function flinkUrl(database: DatabaseName, url: string): readonly [url: string, driver: string] {
  const jdbc = sinkUrl(database, url);
  return database === 'mysql'
    ? [jdbc, 'com.mysql.cj.jdbc.Driver']
    : [`${jdbc.replace('jdbc:mariadb:', 'jdbc:mysql:')}&permitMysqlScheme=true`, 'org.mariadb.jdbc.Driver'];
}

/** A consumer as people write it: kafkajs, and a statement for each message. `packages` has kafkajs. */
export function kafkajs(packages: string): Contestant {
  return {
    name: 'kafkajs',
    async drain({ check, url, preloaded }) {
      const { brokers, topics } = preloaded;
      return drainedView(check, 'kafkajs', url, preloaded, [
        process.execPath,
        join(ROOT, 'bench', 'peers', 'kafkajs', 'consumer.mjs'),
        packages,
        brokers.join(','),
        `kafkajs-${randomBytes(4).toString('hex')}`,
        `${topics.order},${topics.payment}`,
        url,
      ]);
    },
  };
}

/** Runs a program that fills the table of the weaker peers, until all is there. */
async function drainedView(
  check: RunningCheck,
  name: string,
  url: string,
  preloaded: PreloadedTopics,
  command: readonly string[],
): Promise<Drained> {
  const view = await UpsertedView.create(url, preloaded);
  const close = check.defer(() => view.close());
  const child = startChild(check, name, command);
  const run = await timeDrain(
    check,
    {
      name,
      pid: child.pid,
      assertRunning: () => child.assertRunning(),
      events: preloaded.events,
      hasBegun: () => view.hasRows(),
      hasEnded: () => view.isComplete(),
    },
    VIEW_POLL_MS,
  );
  await child.stop();
  const wrong = await view.countWrong();
  await close();
  return { ...run, wrong };
}

/** The URL for a JDBC driver that sends rows in bulk, as the documentation of each driver says. */
export function jdbcUrl(database: DatabaseName, url: string): string {
  return `${sinkUrl(database, url)}&user=${new URL(url).username}`;
}

function sinkUrl(database: DatabaseName, url: string): string {
  const { host, pathname } = new URL(url);
  const bulk =
    database === 'mariadb'
      ? 'useBulkStmts=true'
      : 'rewriteBatchedStatements=true&sslMode=DISABLED&allowPublicKeyRetrieval=true';
  return `jdbc:${database}://${host}${pathname}?${bulk}`;
}
