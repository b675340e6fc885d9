// Starts the current Kafka (with KRaft), and Kafka 3.9, the last version that runs with ZooKeeper.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { KafkaAddress } from './addresses.ts';
import { containerTimeoutMs, isDockerAnswering, startContainer } from './docker.ts';
import type { ServicesEnvironment } from './environment.ts';
import { ServiceUnavailableError } from './errors.ts';
import { findJava, type Java } from './java.ts';
import {
  kraftProperties,
  log4j2File,
  log4jFile,
  type Properties,
  toContainerEnvironment,
  toPropertiesFile,
  zookeeperProperties,
} from './kafka-settings.ts';
import { fetchJars, readManifest } from './maven.ts';
import { freePort, probeKafka } from './ports.ts';
import { privateFolder, startPrivateProcess, untilReady, withFreshPorts } from './private-process.ts';
import type { Progress, Started } from './start.ts';

export interface KafkaOptions {
  /** The broker's Java heap, such as `1g`; the default is 512m. */
  readonly heap?: string;
  /** Broker settings that override those of kafka-settings.ts, such as `{ 'log.segment.bytes': '1048576' }`. */
  readonly properties?: Properties;
  /** More listeners of a private broker. `properties` has the settings of their certificates and logins. */
  readonly listeners?: readonly KafkaListener[];
}

export interface KafkaListener {
  /** The name in capitals. Broker settings name the listener in small letters: `listener.name.<name>.ssl...`. */
  readonly name: string;
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  readonly port: number;
  /** The `host:port` that the broker tells clients; the default is the address where it listens. */
  readonly advertised?: string;
}

export const kafkaVersion = '4.3.0';
export const kafka39Version = '3.9.1';
const startTimeoutMs = 120_000;
const defaultHeap = '512m';

export async function startKafka(
  options: KafkaOptions,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<KafkaAddress>> {
  if (environment.kafkaBrokers !== undefined) {
    return givenKafka('kafka', environment.kafkaBrokers, 'TEST_KAFKA_BROKERS');
  }
  if (await isDockerAnswering(environment)) {
    try {
      return await withFreshPorts(() => kafkaContainer(options));
    } catch (error) {
      progress(`Kafka in Docker failed, so a private process is started: ${(error as Error).message}`);
    }
  }
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`kafka-${kafkaVersion}`), environment, progress);
  return withFreshPorts(() => privateKafka(options, java, jars));
}

/** Starts a private broker even if Docker answers, for settings that name files of this machine. */
export async function startPrivateKafka(
  options: KafkaOptions,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<KafkaAddress>> {
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`kafka-${kafkaVersion}`), environment, progress);
  return withFreshPorts(() => privateKafka(options, java, jars));
}

/** Starts Kafka 3.9 with ZooKeeper, always as private processes: no maintained image for Docker has ZooKeeper. */
export async function startKafka39(
  options: KafkaOptions,
  environment: ServicesEnvironment,
  progress: Progress,
): Promise<Started<KafkaAddress>> {
  if (environment.kafka39Brokers !== undefined) {
    return givenKafka('kafka39', environment.kafka39Brokers, 'TEST_KAFKA39_BROKERS');
  }
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`kafka-${kafka39Version}`), environment, progress);
  return withFreshPorts(() => privateKafka39(options, java, jars));
}

async function givenKafka(
  name: KafkaAddress['name'],
  list: string,
  variable: string,
): Promise<Started<KafkaAddress>> {
  const brokers = list.split(',').map((broker) => broker.trim());
  await Promise.any(brokers.map((broker) => probeKafka(broker))).catch((error: AggregateError) => {
    const reasons = error.errors.map((reason: Error) => reason.message).join('; ');
    throw new ServiceUnavailableError(`${variable}=${list}: ${reasons}`, `correct or unset ${variable}`);
  });
  const description = `Kafka at ${brokers.join(',')} (${variable})`;
  return { address: { name, brokers, origin: 'environment', description }, stop: async () => {} };
}

async function kafkaContainer(options: KafkaOptions): Promise<Started<KafkaAddress>> {
  const port = await freePort();
  const controllerPort = await freePort();
  const addresses = { clientPort: port, controllerPort, listenHost: '0.0.0.0' };
  const properties = {
    ...kraftProperties(addresses, options.properties ?? {}),
    'log.dirs': '/tmp/kraft-combined-logs',
  };
  const heap = options.heap ?? defaultHeap;
  const service = startContainer({
    name: 'kafka',
    image: `apache/kafka:${kafkaVersion}`,
    ports: { [port]: port },
    environment: {
      ...toContainerEnvironment(properties),
      CLUSTER_ID: newClusterId(),
      KAFKA_HEAP_OPTS: `-Xms${heap} -Xmx${heap}`,
    },
    arguments: [],
  });
  const broker = `127.0.0.1:${port}`;
  await untilReady(service, () => probeKafka(broker), containerTimeoutMs);
  const description = `Apache Kafka ${kafkaVersion} (Docker)`;
  return { address: { name: 'kafka', brokers: [broker], origin: 'docker', description }, stop: service.stop };
}

async function privateKafka(
  options: KafkaOptions,
  java: Java,
  jars: readonly string[],
): Promise<Started<KafkaAddress>> {
  const port = await freePort();
  const addresses = { clientPort: port, controllerPort: await freePort(), listenHost: '127.0.0.1' };
  const folder = privateFolder('kafka');
  const properties = {
    ...withListeners(kraftProperties(addresses, options.properties ?? {}), options.listeners ?? []),
    'log.dirs': join(folder, 'data'),
  };
  const logging = '-Dlog4j2.configurationFile=log4j2.properties';
  const service = startPrivateProcess({
    name: `Apache Kafka ${kafkaVersion}`,
    folder,
    files: { 'server.properties': toPropertiesFile(properties), 'log4j2.properties': log4j2File },
    steps: [
      [
        ...shortLivedJava(java, jars, logging),
        'kafka.tools.StorageTool',
        ...['format', '--cluster-id', newClusterId(), '--config', 'server.properties'],
      ],
      [...serverJava(java, jars, options.heap ?? defaultHeap, logging), 'kafka.Kafka', 'server.properties'],
    ],
  });
  const broker = `127.0.0.1:${port}`;
  await untilReady(service, () => probeKafka(broker), startTimeoutMs);
  const description = `Apache Kafka ${kafkaVersion} (private, Java ${java.version})`;
  return {
    address: { name: 'kafka', brokers: [broker], origin: 'private', description },
    stop: service.stop,
  };
}

function withListeners(properties: Properties, listeners: readonly KafkaListener[]): Properties {
  const add = (setting: string, of: (listener: KafkaListener) => string) =>
    [properties[setting], ...listeners.map(of)].join(',');
  return {
    ...properties,
    listeners: add('listeners', ({ name, port }) => `${name}://127.0.0.1:${port}`),
    'advertised.listeners': add(
      'advertised.listeners',
      ({ name, port, advertised = `127.0.0.1:${port}` }) => `${name}://${advertised}`,
    ),
    'listener.security.protocol.map': add(
      'listener.security.protocol.map',
      ({ name, protocol }) => `${name}:${protocol}`,
    ),
    'inter.broker.listener.name': 'PLAINTEXT',
  };
}

async function privateKafka39(
  options: KafkaOptions,
  java: Java,
  jars: readonly string[],
): Promise<Started<KafkaAddress>> {
  const port = await freePort();
  const zookeeperPort = await freePort();
  const logging = '-Dlog4j.configuration=file:log4j.properties';
  const zookeeperFolder = privateFolder('zookeeper');
  const zookeeper = startPrivateProcess({
    name: 'ZooKeeper',
    folder: zookeeperFolder,
    files: {
      'log4j.properties': log4jFile,
      'zoo.cfg': toPropertiesFile({
        dataDir: join(zookeeperFolder, 'data'),
        clientPort: String(zookeeperPort),
        clientPortAddress: '127.0.0.1',
        'admin.enableServer': 'false',
        maxClientCnxns: '0',
      }),
    },
    steps: [
      [
        ...serverJava(java, jars, '128m', logging),
        'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        'zoo.cfg',
      ],
    ],
  });
  const folder = privateFolder('kafka39');
  const properties = {
    ...zookeeperProperties(port, zookeeperPort, options.properties ?? {}),
    'log.dirs': join(folder, 'data'),
  };
  // The broker waits for ZooKeeper, so both start at the same time.
  const kafka = startPrivateProcess({
    name: `Apache Kafka ${kafka39Version}`,
    folder,
    files: { 'server.properties': toPropertiesFile(properties), 'log4j.properties': log4jFile },
    steps: [
      [...serverJava(java, jars, options.heap ?? defaultHeap, logging), 'kafka.Kafka', 'server.properties'],
    ],
  });
  const stop = async (): Promise<void> => {
    await Promise.all([kafka.stop(), zookeeper.stop()]);
  };
  const broker = `127.0.0.1:${port}`;
  try {
    const zookeeperEnded = zookeeper.exited.then(({ logTail }) => {
      throw new Error(`ZooKeeper ended while Kafka was starting; the end of its log:\n${logTail}`);
    });
    await Promise.race([untilReady(kafka, () => probeKafka(broker), startTimeoutMs), zookeeperEnded]);
    // After the start no code awaits this promise. If ZooKeeper ends later, the broker reports it.
    zookeeperEnded.catch(() => {});
  } catch (error) {
    await stop();
    throw error;
  }
  const description = `Apache Kafka ${kafka39Version} with ZooKeeper (private, Java ${java.version})`;
  return { address: { name: 'kafka39', brokers: [broker], origin: 'private', description }, stop };
}

/** The command of a server. Its heap starts small and grows up to `heap`. -UsePerfData writes no files to /tmp. */
export function serverJava(java: Java, jars: readonly string[], heap: string, logging: string): string[] {
  return [java.path, '-XX:-UsePerfData', '-XX:+UseG1GC', `-Xmx${heap}`, logging, '-cp', jars.join(':')];
}

/** The command of a program that runs for one or two seconds. Its flags keep Java from optimising the code. */
export function shortLivedJava(java: Java, jars: readonly string[], ...flags: readonly string[]): string[] {
  const quick = ['-XX:-UsePerfData', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xmx256m'];
  return [java.path, ...quick, ...flags, '-cp', jars.join(':')];
}

/** Makes a cluster id: 16 bytes in base64url. Its first character is no dash, which would make it an option. */
export function newClusterId(): string {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A');
}
