/**
 * The stage of a scenario. It has its own topics, database and folder, real programs, a feeder that publishes events at a
 * steady rate, and watches on the progress of each partition, on the target and on /readyz.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaCluster } from '../../services/index.ts';
import type { RunningCheck } from '../lib/command.ts';
import { createTopics } from '../lib/kafka-client.ts';
import { Program } from '../lib/programs.ts';
import { Tables } from '../lib/tables.ts';
import { Oracle, type RawRecord, type Topics } from '../oracle.ts';
import { Feeder } from './feeder.ts';
import type { ScenarioDatabase } from './ground.ts';
import { ProgressWatch } from './progress-watch.ts';
import { ReadyzWatch } from './readyz-watch.ts';
import type { ScenarioContext } from './scenario.ts';
import { embeddedLog, kafkaLog, type ScenarioLog } from './shared-log.ts';

/** The feeder publishes the events of a run within 30 s. */
const FEED_SECONDS = 30;

export interface StageOptions {
  /** `embedded` uses the embedded log if the database is SQLite, else Kafka. `kafka` always uses Kafka. */
  readonly log?: 'embedded' | 'kafka';
  /** The numbers of partitions of the order topic and of the payment topic. */
  readonly partitions?: readonly [orders: number, payments: number];
  /** The cluster, if not the shared broker. */
  readonly cluster?: KafkaCluster;
  /** Makes the topics, if the stage must not make them in the usual way. */
  readonly makeTopics?: (topics: Topics) => Promise<void>;
  readonly acks?: number;
  /** The database, if not a new one on the shared server. */
  readonly database?: ScenarioDatabase;
  /** Runs an order-mgt with its own store; the default is true. */
  readonly withTarget?: boolean;
  readonly targetSettings?: Readonly<Record<string, string>>;
}

interface Target {
  readonly program: Program;
  /** The database of its orders: `mysql://...` or `sqlite:file`. */
  readonly tables: string;
}

export class Stage {
  readonly check: RunningCheck;
  readonly folder: string;
  readonly topics: Topics;
  readonly partitions: ReadonlyMap<string, number>;
  /** The database of order-sync, without a proxy. */
  readonly database: ScenarioDatabase;
  readonly feeder: Feeder;
  readonly oracle: Oracle;
  readonly readyz: ReadyzWatch;
  readonly progress: ProgressWatch;
  readonly brokers: readonly string[] | null;
  readonly programs: Program[] = [];
  readonly #suffix: string;
  #target: Target | null = null;
  #faultAtMs = performance.now();

  static async open(context: ScenarioContext, options: StageOptions = {}): Promise<Stage> {
    const { check, ground } = context;
    const suffix = randomBytes(4).toString('hex');
    const folder = check.temporaryFolder();
    const topics: Topics = { order: `order_events_${suffix}`, payment: `payment_events_${suffix}` };
    const [orders, payments] = options.partitions ?? [4, 4];
    const partitions = new Map([
      [topics.order, orders],
      [topics.payment, payments],
    ]);
    const isEmbedded = ground.database === 'sqlite' && options.log !== 'kafka';
    const cluster = isEmbedded ? null : (options.cluster ?? (await ground.kafka()));
    const brokers = cluster?.brokers ?? null;
    if (options.makeTopics !== undefined) await options.makeTopics(topics);
    else if (brokers !== null) await createTopics(brokers, partitions);
    const log =
      brokers === null
        ? await embeddedLog(folder, partitions)
        : kafkaLog(brokers, partitions, { acks: options.acks ?? -1 });
    const database = options.database ?? (await ground.newDatabase(check, folder));
    const stage = new Stage(context, { suffix, folder, topics, partitions, database, brokers, log });
    if (options.withTarget !== false) await stage.#startTarget(options.targetSettings ?? {});
    return stage;
  }

  private constructor(
    context: ScenarioContext,
    parts: Pick<Stage, 'folder' | 'topics' | 'partitions' | 'database' | 'brokers'> & {
      readonly suffix: string;
      readonly log: ScenarioLog;
    },
  ) {
    const { check } = context;
    this.check = check;
    this.folder = parts.folder;
    this.topics = parts.topics;
    this.partitions = parts.partitions;
    this.database = parts.database;
    this.brokers = parts.brokers;
    this.#suffix = parts.suffix;
    this.oracle = new Oracle(parts.topics);
    check.defer(() => parts.log.close());
    this.feeder = new Feeder(check, {
      log: parts.log,
      oracle: this.oracle,
      topics: parts.topics,
      eventsPerSecond: Math.max(10, context.events / FEED_SECONDS),
      seed: context.seed,
    });
    this.readyz = new ReadyzWatch(
      () => this.programs,
      (line) => check.progress(line),
    );
    this.progress = new ProgressWatch({
      oracle: this.oracle,
      ends: () => this.feeder.ends(),
      source: () => this.databaseUrl(),
      target: () => this.#target?.tables ?? null,
    });
    check.defer(() => this.readyz.stop());
    check.defer(() => this.progress.stop());
    this.readyz.start();
    this.progress.start();
  }

  /** Returns the URL that the watch and the comparison read. A failover replaces it. */
  databaseUrl: () => string = () => this.database.url;

  /** The URL of order-mgt. Throws if the stage has no order-mgt. */
  get targetUrl(): string {
    return `http://127.0.0.1:${this.target.port}/api/orders`;
  }

  get target(): Program {
    if (this.#target === null) throw new Error('This stage has no target');
    return this.#target.program;
  }

  /** The database with order-mgt's orders; null if there is no order-mgt. */
  get targetTables(): string | null {
    return this.#target?.tables ?? null;
  }

  get faultAtMs(): number {
    return this.#faultAtMs;
  }

  /** Returns the settings of an order-sync of this stage. */
  settings(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      ...(this.brokers === null ? {} : { KAFKA_BROKERS: this.brokers.join(',') }),
      DATABASE_URL: this.database.url,
      TRIBUTARY_DATA_DIR: this.folder,
      ORDER_TOPIC: this.topics.order,
      PAYMENT_TOPIC: this.topics.payment,
      ORDER_SYNC_GROUP: `check-${this.#suffix}`,
      ...(this.#target === null
        ? { ORDER_SYNC_DELIVER: 'false' }
        : { ORDER_SYNC_TARGET_URL: this.targetUrl }),
      ...more,
    };
  }

  /** Makes an order-sync, and does not start it. */
  async orderSync(label: string, more: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = await Program.create(this.check, 'order-sync', label, this.folder, this.settings(more));
    this.programs.push(program);
    return program;
  }

  /** Makes an order-mgt, and does not start it. */
  async orderMgt(label: string, settings: Readonly<Record<string, string>>): Promise<Program> {
    const all = { TRIBUTARY_DATA_DIR: this.folder, ...settings };
    const program = await Program.create(this.check, 'order-mgt', label, this.folder, all);
    this.programs.push(program);
    return program;
  }

  /** Removes a program from the stage. It does not have to run at the end. */
  forget(program: Program | undefined): void {
    const index = program === undefined ? -1 : this.programs.indexOf(program);
    if (index >= 0) this.programs.splice(index, 1);
  }

  /** Sets the order-mgt to which deliveries go by default, and the tables of orders that are compared at the end. */
  setTarget(program: Program, tables: string): void {
    this.#target = { program, tables };
  }

  /** Starts `count` order-syncs, waits until each is ready and owns a partition, and starts the feeder. */
  async startSyncs(count: number, more: Readonly<Record<string, string>> = {}): Promise<Program[]> {
    const syncs: Program[] = [];
    for (let number = 1; number <= count; number++)
      syncs.push(await this.orderSync(`order-sync-${number}`, more));
    for (const sync of syncs) sync.start();
    await Promise.all(syncs.map((sync) => sync.ready()));
    return syncs;
  }

  /** Publishes for `seconds`, and waits until all these events are journaled. */
  async warmUp(seconds: number): Promise<void> {
    this.feeder.start();
    await this.wait(seconds);
    await this.caughtUp(this.feeder.ends(), 60);
  }

  async wait(seconds: number): Promise<void> {
    await sleep(seconds * 1_000, undefined, { signal: this.check.signal });
  }

  say(line: string): void {
    this.check.progress(line);
  }

  /** Marks the beginning of the fault. The seconds of the report begin here. */
  faultBegins(what: string): void {
    this.#faultAtMs = performance.now();
    this.readyz.setOrigin(this.#faultAtMs);
    this.say(what);
  }

  /** Waits until the checkpoints reach these ends. Returns the seconds since `sinceMs`, or null after the patience. */
  async caughtUp(
    ends: ReadonlyMap<string, bigint>,
    patienceSeconds: number,
    sinceMs = performance.now(),
  ): Promise<number | null> {
    // The last look may be older than this call, so two more looks must pass.
    const looks = this.progress.looks;
    return this.until(
      patienceSeconds,
      () => this.progress.looks > looks + 1 && this.progress.isAt(ends),
      sinceMs,
    );
  }

  /** Waits until each order that is wrong at the target now has been right in one of the later looks. */
  async targetCaughtUp(patienceSeconds: number, sinceMs = performance.now()): Promise<number | null> {
    const owed = new Set(this.progress.wrongOrders);
    const isDone = () => {
      for (const orderId of owed) if (!this.progress.wrongOrders.has(orderId)) owed.delete(orderId);
      return owed.size === 0;
    };
    return this.until(patienceSeconds, isDone, sinceMs);
  }

  /** Returns the partitions that an order-sync owns, as `topic/partition`. */
  async ownedBy(program: Program): Promise<ReadonlySet<string>> {
    return new Set((await ingestOf(program))?.owned.map(({ name }) => name));
  }

  /** Returns the halted partitions of an order-sync with their reasons. */
  async haltedBy(program: Program): Promise<ReadonlyMap<string, string>> {
    return new Map((await ingestOf(program))?.halted.map(({ name, reason }) => [name, reason]));
  }

  /** Waits until `isSo` is true. Returns the seconds since `sinceMs`, or null after the patience. */
  async until(
    patienceSeconds: number,
    isSo: () => boolean | Promise<boolean>,
    sinceMs = performance.now(),
  ): Promise<number | null> {
    const deadlineMs = performance.now() + patienceSeconds * 1_000;
    while (performance.now() < deadlineMs) {
      this.check.signal.throwIfAborted();
      if (await isSo()) return Math.round((performance.now() - sinceMs) / 100) / 10;
      await sleep(100, undefined, { signal: this.check.signal });
    }
    return null;
  }

  give(records: readonly RawRecord[]): void {
    this.feeder.give(records);
  }

  async tables<Result>(work: (tables: Tables) => Promise<Result>): Promise<Result> {
    const tables = new Tables(this.databaseUrl());
    try {
      return await work(tables);
    } finally {
      await tables.close().catch(() => {});
    }
  }

  async #startTarget(settings: Readonly<Record<string, string>>): Promise<void> {
    const tables = `sqlite:${join(this.folder, 'order-mgt.sqlite')}`;
    const program = await this.orderMgt('order-mgt', { ORDER_MGT_DATABASE_URL: tables, ...settings });
    this.setTarget(program, tables);
    program.start();
    await program.ready();
  }
}

interface Ingest {
  readonly owned: readonly { readonly name: string }[];
  readonly halted: readonly { readonly name: string; readonly reason: string }[];
}

async function ingestOf({ port }: Program): Promise<Ingest | null> {
  // A starting program does not answer yet.
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/pipeline`).catch(() => null);
  return answer === null ? null : ((await answer.json()) as { ingest: Ingest | null }).ingest;
}
