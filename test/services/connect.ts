// Starts a Kafka Connect worker with plugins of Debezium: its MySQL connector, for the check of sources, or its JDBC sink.

import { mkdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { request } from 'undici';
import { makeOnce } from './cache.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { findJava } from './java.ts';
import { kafkaVersion, serverJava } from './kafka.ts';
import { log4j2File, toPropertiesFile } from './kafka-settings.ts';
import { fetchJars, readManifest, unpackedArchive } from './maven.ts';
import { freePort } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress } from './start.ts';

const startTimeoutMs = 180_000;

export interface ConnectPlugins {
  readonly title: string;
  /** The manifest of the connector's archive. */
  readonly archive: string;
  /** The manifests of converters of other people. Each is a plugin of its own, so that its libraries meet no others. */
  readonly converters: readonly string[];
}

export const mysqlSource: ConnectPlugins = {
  title: 'Debezium 3.6.1',
  archive: 'debezium-mysql-3.6.1',
  converters: ['apicurio-converter-2.6.13'],
};

export const jdbcSink: ConnectPlugins = {
  title: "Debezium's JDBC sink 3.6.0",
  archive: 'debezium-jdbc-3.6.0',
  converters: [],
};

/** A worker of Kafka Connect, and its connectors. */
export interface ConnectWorker {
  readonly description: string;
  /** The folder of the worker, which is deleted when it stops. */
  readonly folder: string;
  /** Makes a connector, and waits until its task runs. Throws with the trace of a task that failed. */
  create(name: string, configuration: Readonly<Record<string, string>>): Promise<void>;
  /** Throws with the trace of a task that has failed since. */
  check(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** Downloads what a worker with these plugins needs. Rejects if something cannot be had. */
export async function prepareConnect(
  progress: Progress,
  wanted: ConnectPlugins,
  environment: ServicesEnvironment = readEnvironment(),
) {
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`connect-${kafkaVersion}`), environment, progress);
  const plugins = [await unpackedArchive(wanted.archive, environment, progress)];
  for (const name of wanted.converters) plugins.push(await pluginOf(name, environment, progress));
  return { java, jars, plugins };
}

/** Starts a standalone worker, always as a private process: its plugin and its files are on this machine. */
export async function startConnect(
  brokers: readonly string[],
  progress: Progress,
  wanted: ConnectPlugins = mysqlSource,
): Promise<ConnectWorker> {
  const { java, jars, plugins } = await prepareConnect(progress, wanted);
  return withFreshPorts(async () => {
    const port = await freePort();
    const folder = privateFolder('connect');
    const worker = {
      'bootstrap.servers': brokers.join(','),
      'plugin.path': plugins.join(','),
      // Converters of other people announce no services.
      'plugin.discovery': 'hybrid_warn',
      listeners: `http://127.0.0.1:${port}`,
      'offset.storage.file.filename': join(folder, 'offsets'),
      'offset.flush.interval.ms': '1000',
      'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    };
    const logging = '-Dlog4j2.configurationFile=log4j2.properties';
    const service = startPrivateProcess({
      name: 'Kafka Connect',
      folder,
      files: { 'worker.properties': toPropertiesFile(worker), 'log4j2.properties': log4j2File },
      steps: [
        [
          ...serverJava(java, jars, '1g', logging),
          'org.apache.kafka.connect.cli.ConnectStandalone',
          'worker.properties',
        ],
      ],
    });
    const base = `http://127.0.0.1:${port}`;
    await untilReady(service, () => ask(`${base}/connectors`), startTimeoutMs);
    return {
      description: `Kafka Connect ${kafkaVersion} with ${wanted.title}`,
      folder,
      create: (name, configuration) => createConnector(base, name, configuration),
      check: async (name) => void (await runningTasks(base, name)),
      stop: service.stop,
    };
  });
}

/** A folder of plugins with one in it, whose jars are links into the cache. */
async function pluginOf(name: string, environment: ServicesEnvironment, progress: Progress): Promise<string> {
  const folder = join(environment.cacheFolder, name);
  const jars = await fetchJars(await readManifest(name), environment, progress);
  await makeOnce(folder, async (temporaryFolder) => {
    await mkdir(join(temporaryFolder, name), { recursive: true });
    for (const jar of jars) await symlink(jar, join(temporaryFolder, name, basename(jar)));
  });
  return folder;
}

const taskTimeoutMs = 90_000;

async function createConnector(
  base: string,
  name: string,
  configuration: Readonly<Record<string, string>>,
): Promise<void> {
  await ask(`${base}/connectors`, { name, config: configuration });
  const deadline = Date.now() + taskTimeoutMs;
  while (!(await runningTasks(base, name))) {
    if (Date.now() > deadline) throw new Error(`The connector ${name} has no running task`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Whether the connector has tasks and all of them run. Throws with the trace of a task that failed. */
async function runningTasks(base: string, name: string): Promise<boolean> {
  const status = (await ask(`${base}/connectors/${name}/status`).catch(() => ({ tasks: [] }))) as {
    readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
  };
  const failed = status.tasks.find(({ state }) => state === 'FAILED');
  if (failed !== undefined) throw new Error(`The connector ${name} failed: ${failed.trace?.slice(-2_500)}`);
  return status.tasks.length > 0 && status.tasks.every(({ state }) => state === 'RUNNING');
}

async function ask(url: string, body?: object): Promise<unknown> {
  const response = await request(url, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
  });
  const text = await response.body.text();
  if (response.statusCode >= 300)
    throw new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 500)}`);
  return text === '' ? null : JSON.parse(text);
}
