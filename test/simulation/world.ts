import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { stockLedger } from '../../examples/stock-ledger/domain.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/index.ts';
import { messageOf } from '../../src/core/errors.ts';
import { partitionName, type TopicPartition } from '../../src/core/offset.ts';
import { createDecoder } from '../../src/pipeline/decode/decoder.ts';
import { Ingest } from '../../src/pipeline/ingest/ingest.ts';
import type { IngestOptions } from '../../src/pipeline/ingest/options.ts';
import type { Hold } from '../../src/ports/holds.ts';
import type { OpenedStore, Store } from '../../src/ports/store.ts';
import type { StockEvent, StockState } from '../helpers/stock-types.ts';
import { IngestChecker } from './ingest-checker.ts';
import { Chance, Process, Scheduler } from './scheduler.ts';
import { type Network, SimulatedLog } from './simulated-log.ts';
import type { SimulatedPartition } from './simulated-partition.ts';
import { type Fate, type StoreWeather, storeTwin } from './store-twin.ts';
import { COUNTS, MOVEMENTS, type Written } from './workload.ts';

const GROUP = 'stock';
const TARGET = 'warehouse';
const STORE_FILE = 'stock.sqlite';
/** The milliseconds that a process may be silent before the group goes on without it. */
export const SESSION_TIMEOUT_MS = 10_000;

export type SimulatedTuning = Partial<
  Pick<IngestOptions<StockState, StockEvent>, 'lanes' | 'batchEvents' | 'cacheEvents' | 'maxBufferedBytes'>
>;

export interface SimulatedInstance {
  readonly process: Process;
  readonly ingest: Ingest<StockState, StockEvent>;
}

export interface WorldOptions {
  readonly seed: number;
  /** Makes the store on a server instead of a file; such a store cannot go back in time here. */
  readonly openStore?: (targets: readonly string[]) => Promise<OpenedStore>;
  readonly partitions: { readonly movements: number; readonly counts: number };
}

/** A log, a store and the processes between them, on one clock; everything in it comes from the seed. */
export class World {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly log: SimulatedLog;
  readonly store: Store;
  readonly checker: IngestChecker;
  readonly instances: SimulatedInstance[] = [];
  /** What happened, one line each. */
  readonly trace: string[] = [];
  /** May be exchanged while everything runs. */
  network: Network;
  weather: StoreWeather;
  readonly #folder: string;
  /** The partitions that are paused, by name. Every instance knows of a change at once. */
  readonly #holds = new Map<string, Hold>();
  readonly #holdListeners: (() => void)[] = [];
  #processes = 0;
  #snapshots = 0;

  static async make(options: WorldOptions): Promise<World> {
    // Nothing here outlives the test, so it need not be on a disk.
    const folder = await mkdtemp(
      join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tributary-simulation-'),
    );
    const scheduler = new Scheduler(options.seed);
    const opened =
      (await options.openStore?.([TARGET])) ??
      openSqliteStore({ file: join(folder, STORE_FILE), clock: scheduler.clock, targets: [TARGET] });
    const { table, keyColumn, columns } = stockLedger.view;
    const { store } = await opened.migrate({
      view: { table, keyColumn, columns },
      targets: [TARGET],
      adopt: null,
      nowMs: 0,
    });
    return new World(options, folder, scheduler, store);
  }

  private constructor(
    { seed, partitions }: WorldOptions,
    folder: string,
    scheduler: Scheduler,
    store: Store,
  ) {
    this.#folder = folder;
    this.scheduler = scheduler;
    this.chance = new Chance(seed + 1);
    const chance = new Chance(seed + 2);
    this.network = fairNetwork(chance);
    this.weather = fairWeather(chance);
    this.log = new SimulatedLog(this.scheduler.clock, {
      latencyMs: () => this.network.latencyMs(),
      fetchRecords: () => this.network.fetchRecords(),
    });
    this.log.createTopic(MOVEMENTS, partitions.movements);
    this.log.createTopic(COUNTS, partitions.counts);
    this.store = store;
    this.checker = new IngestChecker(this.store, this.log, TARGET);
  }

  get #file(): string {
    return join(this.#folder, STORE_FILE);
  }

  get partitions(): SimulatedPartition[] {
    return [MOVEMENTS, COUNTS].flatMap((topic) => this.log.partitionsOf(topic));
  }

  note(line: string): void {
    this.trace.push(`${this.scheduler.nowMs.toFixed(1)} ms: ${line}`);
  }

  /** Appends each record to the partition that its key chooses or, if told so, to that one. */
  append(written: readonly Written[], place?: TopicPartition): void {
    for (const { record, meaning } of written) {
      // Each record has bytes of its own, by which the checker knows it.
      const value = record.value === null ? null : Buffer.from(record.value);
      this.checker.learn(value, meaning);
      const partition = place === undefined ? this.log.partitionFor(record) : this.log.partition(place);
      partition.append({ ...record, value }, this.scheduler.clock.now());
    }
  }

  start(tuning: SimulatedTuning = {}): SimulatedInstance {
    const process = new Process(`process ${++this.#processes}`, this.scheduler.clock);
    const topicNames = { [MOVEMENTS]: MOVEMENTS, [COUNTS]: COUNTS };
    const ingest = new Ingest({
      domain: stockLedger,
      decoder: createDecoder(stockLedger, { topicNames, maxRecordBytes: 1 << 20 }),
      log: this.log.connect(process),
      store: storeTwin({
        real: this.store,
        process,
        scheduler: this.scheduler,
        weather: {
          latencyMs: () => this.weather.latencyMs(),
          fate: (method) => this.weather.fate(method),
        },
        checker: this.checker,
        trace: (line) => this.note(line),
        hasGivenBack: (partition) => this.log.hasGivenBack(process, partition),
      }),
      clock: process.clock,
      logger: (level, message) => {
        if (level !== 'debug') this.note(`${process.name}: ${level}: ${message}`);
      },
      holds: {
        ofIngest: () => null,
        ofPartition: (partition) => this.#holds.get(partitionName(partition)) ?? null,
        onChange: (listener) => void this.#holdListeners.push(listener),
      },
      topics: [COUNTS, MOVEMENTS],
      targets: [{ name: TARGET, qualifies: null }],
      group: GROUP,
      lanes: 2,
      batchEvents: 100,
      cacheEvents: 1_000,
      maxBufferedBytes: 1 << 16,
      ...tuning,
    });
    const instance = { process, ingest };
    this.instances.push(instance);
    this.note(`${process.name} starts`);
    ingest.start().catch(async (error: unknown) => {
      this.note(`${process.name} could not start, and is started anew: ${messageOf(error)}`);
      await ingest.stop();
      await process.clock.sleep(1_000);
      if (!this.instances.includes(instance)) return;
      this.#forget(instance);
      this.start(tuning);
    });
    return instance;
  }

  /** SIGKILL: nothing comes back to the process any more, and the group notices after its session. */
  kill(instance: SimulatedInstance): void {
    this.note(`${instance.process.name} is killed`);
    instance.process.kill();
    this.#forget(instance);
    void this.scheduler.clock.sleep(SESSION_TIMEOUT_MS).then(() => this.log.endSessionOf(instance.process));
  }

  /** SIGSTOP for `ms`: if that is longer than its session, others have its partitions when it goes on. */
  freeze(instance: SimulatedInstance, ms: number): void {
    const { process } = instance;
    this.note(`${process.name} is frozen for ${Math.round(ms)} ms`);
    process.freeze();
    const { clock } = this.scheduler;
    if (ms > SESSION_TIMEOUT_MS) {
      void clock.sleep(SESSION_TIMEOUT_MS).then(() => {
        if (process.isFrozen) this.log.endSessionOf(process);
      });
    }
    void clock.sleep(ms).then(() => process.thaw());
  }

  /** SIGTERM. */
  async stop(instance: SimulatedInstance): Promise<void> {
    this.note(`${instance.process.name} is asked to stop`);
    this.#forget(instance);
    await instance.ingest.stop();
    this.note(`${instance.process.name} has stopped`);
  }

  #forget(instance: SimulatedInstance): void {
    const place = this.instances.indexOf(instance);
    if (place !== -1) this.instances.splice(place, 1);
  }

  /** Another owner appears out of nowhere: it raises the epochs and is not seen again. */
  async fence(partitions: readonly TopicPartition[]): Promise<void> {
    const known = await this.store.checkpoints();
    const fenced = known.filter((checkpoint) =>
      partitions.some(
        ({ topic, partition }) => topic === checkpoint.topic && partition === checkpoint.partition,
      ),
    );
    this.note(`somebody acquires ${fenced.map(({ topic, partition }) => `${topic}/${partition}`).join(' ')}`);
    const acquired = await this.store.acquire(fenced.map((each) => ({ ...each, startOffset: 0n })));
    this.checker.afterAcquire(acquired);
  }

  /** An operator pauses the partition, or ends its pause. */
  togglePause({ topic, partition }: TopicPartition): void {
    const name = partitionName({ topic, partition });
    const part = { kind: 'partition', topic, partition } as const;
    if (!this.#holds.delete(name)) this.#holds.set(name, { part, heldBy: 'ops', reason: '', heldAtMs: 0 });
    this.note(`${name} is ${this.#holds.has(name) ? 'paused' : 'not paused any more'}`);
    for (const listener of this.#holdListeners) listener();
  }

  /** An operator lets every halted partition go on at the next record that can be read; gives their number. */
  async decide(): Promise<number> {
    const halted = (await this.store.checkpoints()).filter(({ haltReason }) => haltReason !== null);
    for (const { topic, partition, nextOffset } of halted) {
      const log = this.log.partition({ topic, partition });
      const { topicId } = log;
      let offset = nextOffset;
      while (offset < log.startOffset || log.isCorrupt(offset)) offset++;
      this.note(`${topic}/${partition} goes on at ${offset} by decision`);
      const decision = { topic, partition, offset, topicId, decidedBy: 'an operator', reason: 'accepted' };
      await this.store.resume({ ...decision, decidedAtMs: 0 });
      this.checker.afterResume({ ...decision, decidedAtMs: 0 });
    }
    return halted.length;
  }

  /** Keeps what stands in the store now; the function returned puts it back, as a restore from a dump does. */
  snapshot(): () => void {
    const copy = join(this.#folder, `snapshot-${++this.#snapshots}.sqlite`);
    const source = new DatabaseSync(this.#file);
    source.prepare('VACUUM INTO ?').run(copy);
    source.close();
    const books = this.checker.snapshot();
    this.note('a snapshot of the store is taken');
    return () => {
      const database = new DatabaseSync(this.#file);
      database.prepare('ATTACH ? AS dump').run(copy);
      const tables = database
        .prepare("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .all();
      // The journal's triggers refuse what a restore does.
      const triggers = database
        .prepare("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'")
        .all();
      database.exec('BEGIN IMMEDIATE');
      for (const { name } of triggers) database.exec(`DROP TRIGGER main."${name}"`);
      for (const { name } of tables) {
        database.exec(`DELETE FROM main."${name}"`);
        database.exec(`INSERT INTO main."${name}" SELECT * FROM dump."${name}"`);
      }
      for (const { sql } of triggers) database.exec(String(sql));
      database.exec('COMMIT');
      database.close();
      this.checker.restore(books);
      this.note('the store goes back to the snapshot');
    };
  }

  /** From now on nothing fails, and every answer comes soon. */
  heal(): void {
    this.note('everything heals');
    const chance = new Chance(0);
    this.network = fairNetwork(chance);
    this.weather = fairWeather(chance);
    for (const { part } of [...this.#holds.values()]) if (part.kind === 'partition') this.togglePause(part);
  }

  /** Lets time pass until `isDone` or `limitMs` is over; throws at the first broken invariant. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const { violations } = this.checker;
    const result = await this.scheduler.runUntil(() => violations.length > 0 || isDone(), limitMs);
    if (violations.length > 0) throw new Error(violations.slice(0, 5).join('\n'));
    return result;
  }

  async run(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  /** The number of offsets that are still to be committed, over all partitions. */
  get lag(): number {
    return this.partitions.reduce(
      (sum, partition) => sum + Number(partition.endOffset - (this.checker.checkpointOf(partition) ?? 0n)),
      0,
    );
  }

  /**
   * Waits until every partition is committed to its end, within `limitMs` of virtual time, and compares everything.
   * Lets each halted partition go on, every time that it halts.
   */
  async settles(limitMs: number): Promise<void> {
    let isSettled = false;
    for (let leftMs = limitMs; !isSettled && leftMs > 0; leftMs -= 1_000) {
      await this.decide();
      isSettled = await this.runUntil(() => this.lag === 0, 1_000);
    }
    if (!isSettled) throw new Error(`I11: ${this.lag} offsets are not committed after ${limitMs} ms.`);
    await this.compareAll();
  }

  async compareAll(): Promise<void> {
    await this.checker.compareAll();
    await this.runUntil(() => true, 0);
  }

  async close(): Promise<void> {
    for (const { process } of this.instances) process.kill();
    await this.store.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Runs the body in a world; an error is thrown on with the seed and the last lines of the trace. */
export async function inWorld(options: WorldOptions, body: (world: World) => Promise<void>): Promise<World> {
  const world = await World.make(options);
  try {
    await body(world);
  } catch (error) {
    const last = world.trace.slice(-40).join('\n');
    throw new Error(`Seed ${options.seed}: ${error instanceof Error ? error.message : error}\n${last}`, {
      cause: error,
    });
  } finally {
    await world.close();
    if (process.env.SIMULATION_TRACE !== undefined) console.log(world.trace.join('\n'));
  }
  return world;
}

export function fairNetwork(chance: Chance): Network {
  return {
    latencyMs: () => 0.5 + chance.number() * 2,
    fetchRecords: () => chance.integer(50, 400),
  };
}

export function fairWeather(chance: Chance): StoreWeather {
  return {
    latencyMs: () => 0.5 + chance.number() * 2,
    fate: (): Fate => ({ kind: 'answers' }),
  };
}
