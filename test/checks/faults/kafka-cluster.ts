/**
 * Private Kafka brokers that can be killed and started again with their data, one at a time. Each has a second listener,
 * whose advertised address is a TCP proxy: programs that bootstrap there always go through that broker's proxy.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { readEnvironment } from '../../services/environment.ts';
import { findJava, type Java } from '../../services/java.ts';
import { kafkaVersion, shortLivedJava } from '../../services/kafka.ts';
import { kraftProperties, log4j2File, toPropertiesFile } from '../../services/kafka-settings.ts';
import { fetchJars, readManifest } from '../../services/maven.ts';
import { freePort, probeKafka } from '../../services/ports.ts';
import {
  type PrivateProcess,
  privateFolder,
  startPrivateProcess,
  untilReady,
} from '../../services/private-process.ts';
import type { RunningCheck } from '../lib/command.ts';
import { TcpProxy } from './tcp-proxy.ts';

const START_TIMEOUT_MS = 120_000;
const HEAP = '384m';
/** A broker unpacks a whole batch to look at its records. */
const ALONE_HEAP = '2g';
const LOGGING = '-Dlog4j2.configurationFile=log4j2.properties';

/** Leaders are found dead within seconds. */
const QUICK_FENCING = { 'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500' };

export interface NewTopic {
  readonly name: string;
  /** The brokers of each partition, the preferred leader first. */
  readonly replicas: readonly (readonly number[])[];
  readonly configs?: Readonly<Record<string, string>>;
}

interface Broker {
  readonly id: number;
  readonly port: number;
  readonly proxiedPort: number;
  readonly proxy: TcpProxy;
  readonly data: string;
  process: PrivateProcess | null;
}

export class KafkaCluster {
  readonly #brokers: readonly Broker[];
  readonly #java: Java;
  readonly #jars: readonly string[];
  readonly #controllerPort: number;
  readonly #clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');

  /** Broker 1 is the controller too; brokers are numbered from 1. */
  static async start(check: RunningCheck, count: number): Promise<KafkaCluster> {
    const environment = readEnvironment();
    const java = await findJava(environment);
    const jars = await fetchJars(await readManifest(`kafka-${kafkaVersion}`), environment, (line) =>
      check.progress(line),
    );
    const folder = check.temporaryFolder();
    const brokers: Broker[] = [];
    for (let id = 1; id <= count; id++) {
      const proxiedPort = await freePort();
      const proxy = await TcpProxy.start(check, proxiedPort);
      const data = join(folder, String(id));
      mkdirSync(data);
      brokers.push({ id, port: await freePort(), proxiedPort, proxy, data, process: null });
    }
    const cluster = new KafkaCluster(brokers, java, jars, await freePort());
    check.defer(() => cluster.stop());
    await Promise.all(brokers.map(({ id }) => cluster.startBroker(id)));
    check.progress(`${count} private brokers, Apache Kafka ${kafkaVersion}`);
    return cluster;
  }

  private constructor(
    brokers: readonly Broker[],
    java: Java,
    jars: readonly string[],
    controllerPort: number,
  ) {
    this.#brokers = brokers;
    this.#java = java;
    this.#jars = jars;
    this.#controllerPort = controllerPort;
  }

  /** The brokers without a proxy. */
  get brokers(): string[] {
    return this.#brokers.map(({ port }) => `127.0.0.1:${port}`);
  }

  /** The brokers behind their proxies. */
  get proxied(): string[] {
    return this.#brokers.map(({ proxy }) => `127.0.0.1:${proxy.port}`);
  }

  get proxies(): readonly TcpProxy[] {
    return this.#brokers.map(({ proxy }) => proxy);
  }

  async startBroker(id: number): Promise<void> {
    const broker = this.#broker(id);
    const format = [
      ...shortLivedJava(this.#java, this.#jars, LOGGING),
      ...['kafka.tools.StorageTool', 'format', '--ignore-formatted'],
      ...['--cluster-id', this.#clusterId, '--config', 'server.properties'],
    ];
    const heap = [
      '-XX:-UsePerfData',
      '-XX:+UseG1GC',
      `-Xmx${this.#brokers.length === 1 ? ALONE_HEAP : HEAP}`,
      LOGGING,
    ];
    const server = [
      this.#java.path,
      ...heap,
      '-cp',
      this.#jars.join(':'),
      'kafka.Kafka',
      'server.properties',
    ];
    const process = startPrivateProcess({
      name: `broker ${id}`,
      folder: privateFolder(`kafka-${id}`),
      files: {
        'server.properties': toPropertiesFile(this.#propertiesOf(broker)),
        'log4j2.properties': log4j2File,
      },
      steps: [format, server],
    });
    broker.process = process;
    await untilReady(process, () => probeKafka(`127.0.0.1:${broker.port}`), START_TIMEOUT_MS);
  }

  /** SIGKILL; its data stays. */
  async killBroker(id: number): Promise<void> {
    const broker = this.#broker(id);
    await broker.process?.stop();
    broker.process = null;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#brokers.map(({ process }) => process?.stop()));
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    await this.#withAdmin(async (admin) => {
      for (const { name, replicas, configs } of topics) {
        const assignments = replicas.map((brokers, partition) => ({ partition, brokers: [...brokers] }));
        const settings = Object.entries(configs ?? {}).map(([setting, value]) => ({ name: setting, value }));
        // With replicas assigned, the protocol wants both numbers to be -1.
        await admin.createTopics({
          topics: [name],
          partitions: -1,
          replicas: -1,
          assignments,
          configs: settings,
        });
      }
    });
  }

  /** The leader of each partition of a topic, or null while one of them has none: then the library says nothing. */
  async leadersOf(topic: string): Promise<number[] | null> {
    const metadata = await this.#withAdmin((admin) =>
      admin.metadata({ topics: [topic], forceUpdate: true }).catch(() => null),
    );
    return metadata?.topics.get(topic)?.partitions.map((partition) => partition?.leader ?? -1) ?? null;
  }

  async #withAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = new Admin({ clientId: 'check-admin', bootstrapBrokers: this.brokers, timeout: 20_000 });
    try {
      return await work(admin);
    } finally {
      await admin.close();
    }
  }

  #broker(id: number): Broker {
    const broker = this.#brokers[id - 1];
    if (broker === undefined) throw new Error(`There is no broker ${id}`);
    return broker;
  }

  #propertiesOf({ id, port, proxiedPort, proxy, data }: Broker): Record<string, string> {
    const controller = `127.0.0.1:${this.#controllerPort}`;
    const isController = id === 1;
    const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `PROXIED://127.0.0.1:${proxiedPort}`];
    if (isController) listeners.push(`CONTROLLER://${controller}`);
    const replicas = String(Math.min(3, this.#brokers.length));
    return {
      ...kraftProperties(
        { clientPort: port, controllerPort: this.#controllerPort, listenHost: '127.0.0.1' },
        {},
      ),
      ...QUICK_FENCING,
      'node.id': String(id),
      'process.roles': isController ? 'broker,controller' : 'broker',
      'controller.quorum.voters': `1@${controller}`,
      listeners: listeners.join(','),
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxy.port}`,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT',
      'inter.broker.listener.name': 'PLAINTEXT',
      'offsets.topic.replication.factor': replicas,
      'transaction.state.log.replication.factor': replicas,
      'log.dirs': data,
    };
  }
}
