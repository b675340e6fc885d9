// Starts a Kafka Connect worker with Debezium's MySQL connector, for the check of sources.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { exists, makeOnce } from './cache.ts';
import { run } from './commands.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { findJava } from './java.ts';
import { kafkaVersion, serverJava } from './kafka.ts';
import { log4j2File, toPropertiesFile } from './kafka-settings.ts';
import { fetchJars, readManifest } from './maven.ts';
import { freePort } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress } from './start.ts';

const startTimeoutMs = 180_000;
const debezium = 'debezium-mysql-3.6.1';

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

/** Starts a standalone worker, always as a private process: its plugin and its files are on this machine. */
export async function startConnect(
  brokers: readonly string[],
  progress: Progress,
  environment: ServicesEnvironment = readEnvironment(),
): Promise<ConnectWorker> {
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`connect-${kafkaVersion}`), environment, progress);
  const plugins = await unpackedPlugin(environment, progress);
  return withFreshPorts(async () => {
    const port = await freePort();
    const folder = privateFolder('connect');
    const worker = {
      'bootstrap.servers': brokers.join(','),
      'plugin.path': plugins,
      'plugin.discovery': 'service_load',
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
      description: `Kafka Connect ${kafkaVersion} with Debezium 3.6.1`,
      folder,
      create: (name, configuration) => createConnector(base, name, configuration),
      check: async (name) => void (await runningTasks(base, name)),
      stop: service.stop,
    };
  });
}

async function unpackedPlugin(environment: ServicesEnvironment, progress: Progress): Promise<string> {
  const folder = join(environment.cacheFolder, debezium);
  if (await exists(folder)) return folder;
  const [archive] = await fetchJars(await readManifest(debezium), environment, progress);
  await makeOnce(folder, async (temporaryFolder) => {
    await mkdir(temporaryFolder);
    await run('tar', ['-xzf', archive as string, '-C', temporaryFolder]);
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
  if (failed !== undefined) throw new Error(`The connector ${name} failed: ${failed.trace?.slice(0, 2_000)}`);
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
