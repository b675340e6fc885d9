// Starts Apache ShardingSphere-Proxy over two MySQL servers, with the rules of docs/shardingsphere.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { type DatabaseOptions, defaultDatabase, startDatabase } from './databases.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { findJava } from './java.ts';
import { serverJava } from './kafka.ts';
import { fetchJars, readManifest } from './maven.ts';
import { freePort } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress } from './start.ts';

const version = '5.1.0';
const startTimeoutMs = 90_000;
const rulesFolder = join(import.meta.dirname, '..', '..', 'docs', 'shardingsphere');
const rulesFile = 'config-event_synchronization.yaml';

/** Writes warnings and errors alone, where a private process keeps the end of its log. */
const logback = `<configuration>
  <appender name="log" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="log"/></root>
</configuration>
`;

export interface ShardedOptions {
  readonly databases?: DatabaseOptions;
  /** The view of the domain, if it is not `orders` with the key `order_id`. */
  readonly view?: { readonly table: string; readonly key: string };
  /** The heap of the proxy; default 1g. */
  readonly heap?: string;
  /** Keeps Java from optimising the code, for a proxy that runs for some seconds. */
  readonly isShortLived?: boolean;
}

/** Two MySQL servers behind one proxy. */
export interface ShardedDatabase {
  /** `mysql://user:password@host:port/database` of the proxy. */
  readonly url: string;
  /** The URLs of the databases behind it, by the number of the server in the rules. */
  readonly servers: readonly [string, string];
  readonly description: string;
  /** Drops all tables and views, so that the databases are as they were at the start. */
  empty(): Promise<void>;
  /** Runs a statement on each server, as the proxy does not take all of them. */
  onEachServer(sql: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts two MySQL servers and a proxy. The proxy is always a private process. */
export async function startSharded(
  options: ShardedOptions,
  progress: Progress,
  environment: ServicesEnvironment = readEnvironment(),
): Promise<ShardedDatabase> {
  // A server that the environment names would be both servers.
  const own = { ...environment, mysqlUrl: undefined };
  const started = await Promise.all(
    [0, 1].map(() => startDatabase('mysql', options.databases ?? {}, own, progress)),
  );
  const stopServers = () => Promise.all(started.map(({ stop }) => stop()));
  try {
    const [first, second] = started.map(({ address }) => address.url) as [string, string];
    const servers = [first, second] as const;
    const proxy = await startProxy(servers, options, environment, progress);
    const [{ address }] = started as [(typeof started)[0]];
    return {
      url: proxy.url,
      servers,
      description: `${proxy.description} over two ${address.description}`,
      onEachServer: (sql) => onEach(servers, sql),
      async empty() {
        await onEach(servers, 'DROP VIEW IF EXISTS event_journal');
        await dropTables(proxy.url);
      },
      async stop() {
        await proxy.stop();
        await stopServers();
      },
    };
  } catch (error) {
    await stopServers();
    throw error;
  }
}

async function startProxy(
  servers: ShardedDatabase['servers'],
  { view, heap = '1g', isShortLived = false }: ShardedOptions,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Pick<ShardedDatabase, 'url' | 'description' | 'stop'>> {
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`shardingsphere-${version}`), environment, progress);
  const server = await readFile(join(rulesFolder, 'server.yaml'), 'utf8');
  const rules = await rulesOf(servers, view);
  return withFreshPorts(async () => {
    const port = await freePort();
    const folder = privateFolder('shardingsphere');
    const [program, ...words] = serverJava(
      java,
      [folder, ...jars],
      heap,
      '-Dlogback.configurationFile=logback.xml',
    ) as [string, ...string[]];
    const quick = isShortLived ? ['-XX:TieredStopAtLevel=1'] : [];
    const main = ['org.apache.shardingsphere.proxy.Bootstrap', String(port), '/conf'];
    const service = startPrivateProcess({
      name: 'ShardingSphere-Proxy',
      folder,
      files: { 'conf/server.yaml': server, [`conf/${rulesFile}`]: rules, 'logback.xml': logback },
      steps: [[program, ...quick, ...words, ...main]],
    });
    const url = `mysql://tributary:change-me@127.0.0.1:${port}/${defaultDatabase}`;
    await untilReady(service, () => ask(url), startTimeoutMs);
    return {
      url,
      description: `Apache ShardingSphere-Proxy ${version} (private, Java ${java.version})`,
      stop: service.stop,
    };
  });
}

/** The rules that users read, with the addresses of these servers, and with another view if it is given. */
async function rulesOf(servers: ShardedDatabase['servers'], view: ShardedOptions['view']): Promise<string> {
  let rules = await readFile(join(rulesFolder, rulesFile), 'utf8');
  for (const [index, url] of servers.entries()) {
    const { host, username, password } = new URL(url);
    rules = rules
      .replace(`database-${index}.example:3306`, host)
      .replace('username: tributary', `username: '${decodeURIComponent(username)}'`)
      .replace('password: change-me', `password: '${decodeURIComponent(password)}'`);
  }
  if (view === undefined) return rules;
  return rules.replaceAll(/\borders\b/g, view.table).replaceAll(/\border_id\b/g, view.key);
}

async function onEach(urls: readonly string[], sql: string): Promise<void> {
  for (const uri of urls) {
    const connection = await createConnection({ uri });
    await connection.query(sql);
    await connection.end();
  }
}

/** Drops the tables through the proxy, because it remembers which tables there are. */
async function dropTables(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, rowsAsArray: true });
  const [rows] = await connection.query<RowDataPacket[]>('SHOW TABLES');
  for (const [name] of rows as unknown as [string][]) await connection.query(`DROP TABLE IF EXISTS ${name}`);
  await connection.end();
}

async function ask(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    await connection.query('SELECT 1');
  } finally {
    await connection.end();
  }
}
