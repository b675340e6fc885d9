// Runs a cluster of small Kafka brokers with a separate controller. Each broker can be killed, frozen and started again.
// Each broker may stand behind a TCP proxy; a client that bootstraps at a proxy reaches every broker through its proxy.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import type { KafkaAddress } from './addresses.ts';
import { readEnvironment, type ServicesEnvironment } from './environment.ts';
import { findJava, type Java } from './java.ts';
import { kafkaVersion, newClusterId, serverJava, shortLivedJava } from './kafka.ts';
import { clusterProperties, log4j2File, type Properties, toPropertiesFile } from './kafka-settings.ts';
import { fetchJars, readManifest } from './maven.ts';
import { freePort, probeKafka } from './ports.ts';
import {
  type PrivateProcess,
  privateFolder,
  startPrivateProcess,
  untilReady,
  withFreshPorts,
} from './private-process.ts';
import type { Progress } from './start.ts';
import { TcpProxy } from './tcp-proxy.ts';

export interface KafkaClusterOptions {
  /** The number of brokers; the default is 3. Their node ids are 1, 2, 3 and so on. */
  readonly brokers?: number;
  /** The Java heap of each broker; the default is `256m`. */
  readonly heap?: string;
  /** Broker settings that override those of this file. */
  readonly properties?: Properties;
  /** Puts a proxy before each broker; the default is false. */
  readonly isProxied?: boolean;
  readonly environment?: ServicesEnvironment;
  readonly progress?: Progress;
}

const startTimeoutMs = 180_000;
const controllerId = 100;

/** Starts the controller and the brokers, and resolves when every broker answers. */
export async function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  const environment = options.environment ?? readEnvironment();
  const progress = options.progress ?? ((line: string) => process.stderr.write(`${line}\n`));
  const java = await findJava(environment, progress);
  const jars = await fetchJars(await readManifest(`kafka-${kafkaVersion}`), environment, progress);
  return withFreshPorts(async () => {
    const cluster = new KafkaCluster(java, jars, options);
    try {
      await cluster.start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  });
}

export interface NewTopic {
  readonly name: string;
  /** The brokers of each partition, the preferred leader first. */
  readonly replicas: readonly (readonly number[])[];
  readonly configs?: Readonly<Record<string, string>>;
}

interface Broker {
  readonly listensAt: string;
  readonly properties: Properties;
  readonly proxy: TcpProxy | null;
}

/**
 * A running cluster. The controller is a process of its own, so the cluster elects leaders even when brokers are killed.
 * A killed broker keeps its data until `stop`.
 */
export class KafkaCluster {
  readonly #java: Java;
  readonly #jars: readonly string[];
  readonly #options: KafkaClusterOptions;
  readonly #clusterId = newClusterId();
  /** The controller's folder. It holds the data of the brokers: a broker's own folder is deleted with its process. */
  readonly #folder = privateFolder('kafka-cluster');
  readonly #brokers = new Map<number, Broker>();
  readonly #running = new Map<number, { readonly process: PrivateProcess; readonly pidFile: string }>();
  #controllerPort = 0;

  constructor(java: Java, jars: readonly string[], options: KafkaClusterOptions) {
    this.#java = java;
    this.#jars = jars;
    this.#options = options;
  }

  /** The addresses of the brokers, without the proxies. */
  get brokers(): string[] {
    return [...this.#brokers.values()].map(({ listensAt }) => listensAt);
  }

  /** The addresses of the proxies. Clients that bootstrap there learn only these addresses. */
  get proxied(): string[] {
    return this.proxies.map(({ address }) => address);
  }

  /** The proxies of the brokers, sorted by node id. */
  get proxies(): TcpProxy[] {
    return [...this.#brokers.values()].flatMap(({ proxy }) => proxy ?? []);
  }

  get nodeIds(): number[] {
    return [...this.#brokers.keys()];
  }

  listensAt(nodeId: number): string {
    return this.#of(nodeId).listensAt;
  }

  /** The address of the cluster for `kafkaTool` and `kcat`. */
  get address(): KafkaAddress {
    const description = `Apache Kafka ${kafkaVersion}, ${this.#brokers.size} brokers (private)`;
    return { name: 'kafka', brokers: this.brokers, origin: 'private', description };
  }

  async start(): Promise<void> {
    this.#controllerPort = await freePort();
    for (let nodeId = 1; nodeId <= (this.#options.brokers ?? 3); nodeId++) {
      const listensAt = await freeAddress();
      const properties = {
        'process.roles': 'broker',
        listeners: `PLAINTEXT://${listensAt}`,
        'advertised.listeners': `PLAINTEXT://${listensAt}`,
        'inter.broker.listener.name': 'PLAINTEXT',
      };
      if (this.#options.isProxied !== true) {
        this.#brokers.set(nodeId, { listensAt, properties, proxy: null });
        continue;
      }
      const behind = await freeAddress();
      const proxy = await TcpProxy.start(behind);
      properties.listeners += `,PROXIED://${behind}`;
      properties['advertised.listeners'] += `,PROXIED://${proxy.address}`;
      this.#brokers.set(nodeId, { listensAt, properties, proxy });
    }
    this.#launch(controllerId, '192m', {
      'process.roles': 'controller',
      listeners: `CONTROLLER://127.0.0.1:${this.#controllerPort}`,
    });
    await Promise.all(this.nodeIds.map((nodeId) => this.startBroker(nodeId)));
  }

  isRunning(nodeId: number): boolean {
    return this.#running.has(nodeId);
  }

  /** Starts a killed broker with its old data, and resolves when it answers. */
  async startBroker(nodeId: number): Promise<void> {
    const { listensAt, properties } = this.#of(nodeId);
    const broker = this.#launch(nodeId, this.#options.heap ?? '256m', properties);
    await untilReady(broker, () => probeKafka(listensAt), startTimeoutMs);
  }

  /** Kills the broker by SIGKILL, as a crash would. Unflushed data stays, because it is in the system's cache. */
  async killBroker(nodeId: number): Promise<void> {
    const running = this.#running.get(nodeId);
    this.#running.delete(nodeId);
    await running?.process.stop();
  }

  /** Freezes the broker by SIGSTOP. Its connections stay open, and it answers nothing. */
  freezeBroker(nodeId: number): Promise<void> {
    return this.#signal(nodeId, 'SIGSTOP');
  }

  thawBroker(nodeId: number): Promise<void> {
    return this.#signal(nodeId, 'SIGCONT');
  }

  /** Ends brokers, controller and proxies, and deletes all data. May be called twice. */
  async stop(): Promise<void> {
    await Promise.all(this.nodeIds.map((nodeId) => this.killBroker(nodeId)));
    await this.killBroker(controllerId);
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    await this.#withAdmin(async (admin) => {
      for (const { name, replicas, configs } of topics) {
        const assignments = replicas.map((brokers, partition) => ({ partition, brokers: [...brokers] }));
        const settings = Object.entries(configs ?? {}).map(([setting, value]) => ({ name: setting, value }));
        // The protocol requires -1 for both numbers when the request assigns the replicas.
        const numbers = { partitions: -1, replicas: -1 };
        await admin.createTopics({ topics: [name], ...numbers, assignments, configs: settings });
      }
    });
  }

  /** Returns the leader of each partition of a topic; null while a partition has none, which the library cannot report. */
  async leadersOf(topic: string): Promise<number[] | null> {
    const metadata = await this.#withAdmin((admin) =>
      admin.metadata({ topics: [topic], forceUpdate: true }).catch(() => null),
    );
    return metadata?.topics.get(topic)?.partitions.map((partition) => partition?.leader ?? -1) ?? null;
  }

  async #withAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = new Admin({ clientId: 'cluster-admin', bootstrapBrokers: this.brokers, timeout: 20_000 });
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  }

  #of(nodeId: number): Broker {
    const broker = this.#brokers.get(nodeId);
    if (broker === undefined) throw new Error(`The cluster has no broker ${nodeId}.`);
    return broker;
  }

  async #signal(nodeId: number, signal: NodeJS.Signals): Promise<void> {
    const running = this.#running.get(nodeId);
    if (running === undefined) throw new Error(`Broker ${nodeId} does not run.`);
    process.kill(Number(await readFile(running.pidFile, 'utf8')), signal);
  }

  #launch(nodeId: number, heap: string, own: Properties): PrivateProcess {
    const folder = nodeId === controllerId ? this.#folder : privateFolder(`kafka-${nodeId}`);
    const properties: Properties = {
      ...clusterProperties(`${controllerId}@127.0.0.1:${this.#controllerPort}`, this.#options.brokers ?? 3),
      ...own,
      ...this.#options.properties,
      'node.id': String(nodeId),
      'log.dirs': join(this.#folder, 'data', String(nodeId)),
    };
    const logging = '-Dlog4j2.configurationFile=log4j2.properties';
    const format = [
      'format',
      '--ignore-formatted',
      '--cluster-id',
      this.#clusterId,
      '--config',
      'server.properties',
    ];
    const server = [...serverJava(this.#java, this.#jars, heap, logging), 'kafka.Kafka', 'server.properties'];
    const started = startPrivateProcess({
      name: `Apache Kafka ${kafkaVersion}, node ${nodeId}`,
      folder,
      files: { 'server.properties': toPropertiesFile(properties), 'log4j2.properties': log4j2File },
      steps: [
        [...shortLivedJava(this.#java, this.#jars, logging), 'kafka.tools.StorageTool', ...format],
        // The shell writes its process id to a file. `exec` makes it the process id of the server.
        ['sh', '-c', 'echo $$ > pid && exec "$@"', 'sh', ...server],
      ],
    });
    this.#running.set(nodeId, { process: started, pidFile: join(folder, 'pid') });
    return started;
  }
}

async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}
