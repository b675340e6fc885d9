import { type ConnectWorker, startConnect } from '../../services/connect.ts';
import { createDatabase, type KcatAddress, kcat, type RunningServices } from '../../services/index.ts';
import { type SchemaRegistry, startSchemaRegistry } from '../../services/registry.ts';
import type { RunningCheck } from '../lib/command.ts';
import { createTopics } from '../lib/kafka-client.ts';
import { Outbox, type Written } from './outbox.ts';
import type { Need, Topics } from './variant.ts';

/** The partitions of the topics of producers that choose partitions. */
export const PARTITIONS = 3;

/** An application with an outbox table, and the worker that publishes it. */
export interface OutboxApplication {
  /** The database of the application. */
  readonly url: string;
  readonly connect: ConnectWorker;
  /** Writes the second half of the events. The first half is there before any connector. Does nothing the second time. */
  writeRest(): Promise<void>;
}

/** The servers that the publishers of a run share. */
export class Stage {
  readonly check: RunningCheck;
  /** The events of all publishers. */
  readonly events: readonly Written[];
  readonly #services: RunningServices;
  #application: OutboxApplication | null = null;
  #registry: SchemaRegistry | null = null;

  constructor(check: RunningCheck, services: RunningServices, events: readonly Written[]) {
    this.check = check;
    this.events = events;
    this.#services = services;
  }

  /** Starts what these variants need. */
  async open(needs: ReadonlySet<Need>): Promise<void> {
    if (needs.has('registry')) {
      const registry = await startSchemaRegistry((line) => this.check.progress(line));
      this.check.defer(() => registry.stop());
      this.check.progress(registry.description);
      this.#registry = registry;
    }
    if (needs.has('connect')) this.#application = await this.#openApplication();
  }

  get brokers(): readonly string[] {
    return this.#services.kafka.brokers;
  }

  get application(): OutboxApplication {
    if (this.#application === null) throw new Error('No variant of this run needs Kafka Connect');
    return this.#application;
  }

  get registry(): SchemaRegistry {
    if (this.#registry === null) throw new Error('No variant of this run needs a registry');
    return this.#registry;
  }

  /** Makes the two topics of a variant, with as many partitions as a producer can choose from. */
  async makeTopics(name: string): Promise<Topics> {
    const topics = { order: `${name}.order_events`, payment: `${name}.payment_events` };
    await createTopics(this.brokers, new Map(Object.values(topics).map((topic) => [topic, PARTITIONS])));
    return topics;
  }

  /** Runs kcat with `-P`. */
  async kcat(kcatArguments: readonly string[], input: string): Promise<void> {
    const program: KcatAddress = this.#services.kcat;
    await kcat(program, this.#services.kafka, ['-P', ...kcatArguments], input);
  }

  async #openApplication(): Promise<OutboxApplication> {
    const { url } = await createDatabase(this.#services.mysql.url);
    const outbox = await Outbox.make(url);
    this.check.defer(() => outbox.close());
    // The connectors read the first half as a snapshot.
    const half = Math.floor(this.events.length / 2);
    await outbox.write(this.events.slice(0, half));
    const connect = await startConnect(this.brokers, (line) => this.check.progress(line));
    this.check.defer(() => connect.stop());
    this.check.progress(connect.description);
    let isWritten = false;
    return {
      url,
      connect,
      writeRest: async () => {
        if (isWritten) return;
        isWritten = true;
        await outbox.write(this.events.slice(half));
      },
    };
  }
}
