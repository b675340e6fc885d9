/**
 * What a scenario plays on: topics, a database and a folder of its own, real programs, events that come at a steady
 * rate, and watches on how far each partition and the target are and on what /readyz says.
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

/** At this rate the events of a run are published within half a minute. */
const FEED_SECONDS = 30;

export interface StageOptions {
  /** `embedded`: without Kafka where the database is SQLite. `kafka`: Kafka, whatever the database is. */
  readonly log?: 'embedded' | 'kafka';
  /** Partitions of the order topic and of the payment topic. */
  readonly partitions?: readonly [orders: number, payments: number];
  /** The brokers, if not the shared one. */
  readonly cluster?: KafkaCluster;
  /** Makes the topics with these names, if they are not made in the usual way. */
  readonly makeTopics?: (topics: Topics) => Promise<void>;
  readonly acks?: number;
  /** The database, if not a new one on the shared server. */
  readonly database?: ScenarioDatabase;
  /** Whether order-mgt runs, with a store of its own. Default true. */
  readonly withTarget?: boolean;
  readonly targetSettings?: Readonly<Record<string, string>>;
}

interface Target {
  readonly program: Program;
  /** Where its orders are: `mysql://...` or `sqlite:file`. */
  readonly tables: string;
}

export class Stage {
  readonly check: RunningCheck;
  readonly folder: string;
  readonly topics: Topics;
  readonly partitions: ReadonlyMap<string, number>;
  /** Where the tables are, without any proxy between. */
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

  /** The address that the watch and the comparison read; a failover gives it another one. */
  databaseUrl: () => string = () => this.database.url;

  /** order-mgt's own port; throws if the stage has none. */
  get targetUrl(): string {
    return `http://127.0.0.1:${this.target.port}/api/orders`;
  }

  get target(): Program {
    if (this.#target === null) throw new Error('This stage has no target');
    return this.#target.program;
  }

  /** Where order-mgt's orders are, or null if there is no order-mgt. */
  get targetTables(): string | null {
    return this.#target?.tables ?? null;
  }

  get faultAtMs(): number {
    return this.#faultAtMs;
  }

  /** Settings of an order-sync of this stage. */
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

  /** An order-sync that is not started yet. */
  async orderSync(label: string, more: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = await Program.create(this.check, 'order-sync', label, this.folder, this.settings(more));
    this.programs.push(program);
    return program;
  }

  /** An order-mgt that is not started yet. */
  async orderMgt(label: string, settings: Readonly<Record<string, string>>): Promise<Program> {
    const all = { TRIBUTARY_DATA_DIR: this.folder, ...settings };
    const program = await Program.create(this.check, 'order-mgt', label, this.folder, all);
    this.programs.push(program);
    return program;
  }

  /** The program has played its part: that it runs no more is right. */
  forget(program: Program | undefined): void {
    const index = program === undefined ? -1 : this.programs.indexOf(program);
    if (index >= 0) this.programs.splice(index, 1);
  }

  /** Says where deliveries go by default, and where the orders are that are compared in the end. */
  setTarget(program: Program, tables: string): void {
    this.#target = { program, tables };
  }

  /** Starts as many order-syncs, waits until all are ready and own something, and begins to feed. */
  async startSyncs(count: number, more: Readonly<Record<string, string>> = {}): Promise<Program[]> {
    const syncs: Program[] = [];
    for (let number = 1; number <= count; number++)
      syncs.push(await this.orderSync(`order-sync-${number}`, more));
    for (const sync of syncs) sync.start();
    await Promise.all(syncs.map((sync) => sync.ready()));
    return syncs;
  }

  /** Feeds for so long, and waits until what was fed is journaled. */
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

  /** The fault begins now: seconds are counted from here. */
  faultBegins(what: string): void {
    this.#faultAtMs = performance.now();
    this.readyz.setOrigin(this.#faultAtMs);
    this.say(what);
  }

  /** Waits until the checkpoints are at these ends; resolves with the seconds since `sinceMs`, or null in vain. */
  async caughtUp(
    ends: ReadonlyMap<string, bigint>,
    patienceSeconds: number,
    sinceMs = performance.now(),
  ): Promise<number | null> {
    // A picture from before the call may be older than what is asked about.
    const looks = this.progress.looks;
    return this.until(
      patienceSeconds,
      () => this.progress.looks > looks + 1 && this.progress.isAt(ends),
      sinceMs,
    );
  }

  /** Waits until the target has got right, at one look or another, every order that it holds wrongly now. */
  async targetCaughtUp(patienceSeconds: number, sinceMs = performance.now()): Promise<number | null> {
    const owed = new Set(this.progress.wrongOrders);
    const isDone = () => {
      for (const orderId of owed) if (!this.progress.wrongOrders.has(orderId)) owed.delete(orderId);
      return owed.size === 0;
    };
    return this.until(patienceSeconds, isDone, sinceMs);
  }

  /** The partitions that an order-sync follows, by `topic/partition`. */
  async ownedBy(program: Program): Promise<ReadonlySet<string>> {
    return new Set((await ingestOf(program))?.owned.map(({ name }) => name));
  }

  /** The partitions that an order-sync has halted, each with the reason. */
  async haltedBy(program: Program): Promise<ReadonlyMap<string, string>> {
    return new Map((await ingestOf(program))?.halted.map(({ name, reason }) => [name, reason]));
  }

  /** Waits until it is so; resolves with the seconds since `sinceMs`, or null when the patience is over. */
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
  // A program that is starting answers nothing yet.
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/pipeline`).catch(() => null);
  return answer === null ? null : ((await answer.json()) as { ingest: Ingest | null }).ingest;
}
