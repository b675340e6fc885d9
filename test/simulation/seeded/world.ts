import { isRetryable, messageOf } from '../../../src/core/errors.ts';
import { partitionName } from '../../../src/core/offset.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import { DueRules } from '../../../src/pipeline/ingest/due.ts';
import { dueTargetsOf } from '../../../src/pipeline/target-route.ts';
import { refold } from '../../../src/pipeline/verify/refold.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { OpenedStore, Store } from '../../../src/ports/store.ts';
import { type DatabaseSnapshot, MemoryDatabase } from '../../../src/testing/memory-store/database.ts';
import { openMemoryStore, type StoreSession } from '../../../src/testing/memory-store/index.ts';
import { Chance } from '../scheduler.ts';
import { SimulatedLog } from '../simulated-log.ts';
import type { SimulatedPartition } from '../simulated-partition.ts';
import { Agenda } from './agenda.ts';
import { Books } from './books.ts';
import { DeliveryWatch } from './delivery-watch.ts';
import { fragileOrders, mendedOrders } from './fragile.ts';
import type { History, LogWeather, StoreWeather, TargetWeather } from './history.ts';
import { Instance, TOPIC_NAMES } from './instance.ts';
import { SimulatedProcess } from './process.ts';
import { factOf, ORDERS, orderIdOf, PAYMENTS, type RecordSpec, recordOf } from './records.ts';
import { StoreWay } from './store-session.ts';
import { TablesOfMemory } from './store-tables.ts';
import type { Tally } from './tally.ts';
import { SimulatedTarget } from './target.ts';

export const TARGET = 'order-mgt';
/** When the server of the database notices that a client is silent inside a transaction. */
const SERVER_NOTICES_MS = 8_000;

/** The log, the database, the target and the processes between them. Everything in it follows from the history. */
export class SeededWorld {
  readonly history: History;
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly log: SimulatedLog;
  readonly database: MemoryDatabase;
  readonly tables: TablesOfMemory;
  readonly books: Books;
  readonly target: SimulatedTarget;
  readonly deliveries: DeliveryWatch;
  readonly tally: Tally;
  readonly instances: Instance[] = [];
  /** What happened, one line each; null if nobody wants to know. */
  readonly trace: string[] | null;
  readonly storeWeather = new Set<StoreWeather>();
  readonly logWeather = new Set<LogWeather>();
  readonly targetWeather = new Set<TargetWeather>();
  /** A handle of the store that nothing befalls. */
  readonly operator: OpenedStore;
  /** Whether programs that start from now on accept records without keys. */
  acceptsMissingKeys = false;
  /** Whether programs that start from now on can fold every event. */
  isMended = false;
  snapshot: { readonly database: DatabaseSnapshot; readonly books: () => void } | null = null;
  /** Set when everything has healed: a program that cannot go on is a fault from then on. */
  isHealed = false;
  #processes = 0;
  readonly #published: RecordSpec[] = [];
  /** The steps of the first process. */
  get firstSteps(): number {
    return this.#first?.steps ?? 0;
  }
  #first: SimulatedProcess | null = null;

  constructor(history: History, tally: Tally, isTraced: boolean) {
    const { seed, shape } = history;
    this.history = history;
    this.tally = tally;
    this.trace = isTraced ? [] : null;
    this.agenda = new Agenda(seed + 1);
    this.database = new MemoryDatabase({ clock: this.agenda });
    this.tables = new TablesOfMemory(this.database);
    this.chance = new Chance(seed + 2);
    const network = new Chance(seed + 3);
    this.log = new SimulatedLog(this.agenda, {
      latencyMs: () => network.number() * (2 * shape.logMs + this.#slowestLogMs()),
      fetchRecords: () => network.integer(1, shape.fetchRecords),
      refuses: () => this.#logRefuses(network),
    });
    this.log.createTopic(ORDERS, shape.partitions.orders);
    this.log.createTopic(PAYMENTS, shape.partitions.payments);
    this.books = new Books(this.log, this.tables, TARGET);
    this.operator = openMemoryStore({
      database: this.database,
      clock: this.agenda,
      targets: [TARGET],
    });
    this.deliveries = new DeliveryWatch(history, this.books, this.tables, TARGET);
    this.target = new SimulatedTarget({
      name: TARGET,
      agenda: this.agenda,
      chance: new Chance(seed + 4),
      meanMs: shape.targetMs,
      slowMs: shape.targetSlowMs,
      maxBatch: shape.delivery.maxBatch,
      watcher: this.deliveries,
    });
    this.database.onApplied = (session) => this.#applied(session);
  }

  get partitions(): SimulatedPartition[] {
    return [...this.log.allPartitions()];
  }

  note(line: string): void {
    this.trace?.push(`${this.agenda.monotonicMs().toFixed(1)} ms: ${line}`);
  }

  violations(): readonly string[] {
    return [...this.books.violations, ...this.deliveries.violations];
  }

  get isBroken(): boolean {
    return this.books.violations.length > 0 || this.deliveries.violations.length > 0;
  }

  publish(records: readonly RecordSpec[]): void {
    this.#published.push(...records);
    for (const spec of records) {
      const record = recordOf(spec);
      if (record.value !== null) this.books.learn(record.value, factOf(spec));
      const topic = this.log.partitionsOf(record.topic);
      const partition =
        spec.stray === undefined
          ? this.log.partitionFor(record)
          : (topic[spec.stray % topic.length] as SimulatedPartition);
      partition.append(record, this.agenda.now());
    }
  }

  /**
   * Publishes the events of some orders again: those of which the target holds a later version than the database, which went
   * back. Their events are lost in it, and in the log too after an election or a deletion, so nobody can make that state.
   */
  publishLost(): void {
    if (!this.books.wentBack) return;
    const lost = new Set<string>();
    for (const { orderId, version } of this.books.owed())
      if ((this.target.held.get(orderId)?.version ?? 0) > version) lost.add(orderId);
    const records = this.#published.filter(({ order }) => lost.has(orderIdOf(order)));
    if (records.length === 0) return;
    this.note(`the events of ${[...lost].join()} are published again`);
    this.tally.count('records published again after a loss', records.length);
    this.publish(records);
  }

  start(): Instance {
    const { seed, shape, diesAtStep } = this.history;
    const number = this.#processes++;
    const process = new SimulatedProcess(`order-sync ${number + 1}`, this.agenda, seed * 31 + number);
    if (number === 0) {
      this.#first = process;
      process.diesAtStep = diesAtStep ?? process.diesAtStep;
    }
    const way = new StoreWay({
      process,
      agenda: this.agenda,
      chance: new Chance(seed * 37 + number),
      meanMs: shape.storeMs,
      tally: this.tally,
      weather: this.storeWeather,
    });
    const store = openMemoryStore({
      database: this.database,
      clock: process.clock,
      targets: [TARGET],
      session: way,
      time: this.agenda,
    });
    const logger: Logger = (level, message) => {
      if (level !== 'debug') this.note(`${process.name}: ${level}: ${message}`);
    };
    const instance = new Instance({
      process,
      way,
      log: this.log.connect(process),
      store,
      target: this.target,
      shape,
      domain: this.isMended ? mendedOrders : fragileOrders,
      acceptsMissingKeys: this.acceptsMissingKeys,
      logger,
      onFailed: (error) => this.#couldNotStart(instance, error),
    });
    process.onDeath = () => this.#died(instance);
    this.instances.push(instance);
    this.note(`${process.name} starts`);
    instance.start();
    return instance;
  }

  /** SIGTERM. Another one starts later, if this was the last. */
  stop(instance: Instance): void {
    this.note(`${instance.process.name} is asked to stop`);
    this.#forget(instance);
    void instance.stop().then(() => {
      this.note(`${instance.process.name} has stopped`);
      if (this.instances.length === 0) this.start();
    });
  }

  freeze(instance: Instance, ms: number): void {
    const { process } = instance;
    const { sessionMs } = this.history.shape;
    this.note(`${process.name} is frozen for ${Math.round(ms)} ms`);
    process.freeze(ms);
    this.agenda.after(SERVER_NOTICES_MS, () => {
      if (process.isFrozen) this.database.endSession(instance.way);
    });
    this.agenda.after(sessionMs, () => {
      if (process.isFrozen) this.log.endSessionOf(process);
    });
  }

  /** Ends every run of this world. Nothing of it happens any more. */
  close(): void {
    this.database.onApplied = null;
    for (const { process } of this.instances) {
      process.onDeath = () => {};
      process.kill();
      this.log.abandon(process);
    }
  }

  /** What keeps the world from being settled, in words. */
  standstill(): string {
    const notDelivered = [...this.#notDelivered()].slice(0, 3).join('; ');
    return [
      `${this.books.lag()} offsets are not committed`,
      this.books.isHalted ? 'a partition is halted' : '',
      this.books.hasReadReplacements() ? '' : 'nobody noticed that records were replaced',
      this.tables.totals().parked > 0 ? 'orders are parked' : '',
      this.books.altered.size > 0 ? `rows are still altered: ${[...this.books.altered].join()}` : '',
      notDelivered === '' ? '' : `not at the target: ${notDelivered}`,
      this.tables.hasOpenJobs() ? 'a job has not ended' : '',
      ...this.instances.map((instance) => instance.describe()),
    ]
      .filter((part) => part !== '')
      .join('. ');
  }

  /** Whether nothing is left to be done. */
  isSettled(): boolean {
    if (this.books.lag() > 0 || this.books.isHalted) return false;
    this.books.findMended();
    if (this.books.altered.size > 0) return false;
    for (const _ of this.#notDelivered()) return false;
    if (!this.books.hasReadReplacements()) return false;
    return this.tables.totals().parked === 0 && !this.tables.hasOpenJobs();
  }

  /** The orders whose state the target does not hold. */
  *#notDelivered(): Iterable<string> {
    for (const { orderId, version, row } of this.books.owed()) {
      const held = this.target.held.get(orderId);
      const isSame = held !== undefined && String(held.row) === String(row);
      const entry = this.tables.ledger(TARGET, orderId);
      // What the target got before the database went back may be right although the ledger's entry is dead: see
      // docs/reliability.md, "Not covered".
      if (isSame && (this.books.wentBack || (held.version === version && entry?.status === 'delivered')))
        continue;
      yield `${orderId} at version ${version} (held: ${JSON.stringify(held) ?? 'nothing'}, ledger: ${JSON.stringify(entry)})`;
    }
  }

  #applied(way: StoreSession | null): void {
    const by = this.instances.find((instance) => instance.way === way)?.process;
    this.books.applied((partition) => by !== undefined && this.log.hasGivenBack(by, partition));
  }

  #died(instance: Instance): void {
    const { shape } = this.history;
    const { process } = instance;
    this.note(`${process.name} is killed`);
    this.tally.count('killed');
    this.log.abandon(process);
    this.#forget(instance);
    // Its connections end with it, and the others notice.
    this.agenda.after(this.chance.number() * 100, () => this.database.endSession(instance.way));
    this.agenda.after(shape.sessionMs, () => this.log.endSessionOf(process));
    this.agenda.after(shape.restartMs, () => this.start());
  }

  #couldNotStart(instance: Instance, error: unknown): void {
    this.note(`${instance.process.name} cannot go on: ${messageOf(error)}`);
    this.tally.count('could not start');
    if (!this.instances.includes(instance)) return;
    this.#forget(instance);
    void instance.stop();
    this.agenda.after(1_000, () => this.start());
  }

  #forget(instance: Instance): void {
    const place = this.instances.indexOf(instance);
    if (place !== -1) this.instances.splice(place, 1);
  }

  #slowestLogMs(): number {
    let slowest = 0;
    for (const { slowMs } of this.logWeather) slowest = Math.max(slowest, slowMs);
    return slowest;
  }

  #logRefuses(chance: Chance): boolean {
    for (const { refuses } of this.logWeather) {
      if (!chance.happens(refuses)) continue;
      this.tally.count('request to the log refused');
      return true;
    }
    return false;
  }

  /** The offset at which a halted partition can be read on. */
  readableFrom(partition: SimulatedPartition, from: bigint): bigint {
    let offset = from < partition.endOffset ? from : partition.endOffset;
    while (offset < partition.startOffset || partition.isCorrupt(offset)) offset++;
    return offset;
  }

  /** Another owner appears out of nowhere: it raises the epoch of the partition, and is not seen again. */
  async fence({ topic, topicId, partition }: SimulatedPartition): Promise<void> {
    const store = await this.migratedStore();
    this.note(`somebody acquires ${partitionName({ topic, partition })}`);
    await this.tried(store.acquire([{ topic, topicId, partition, startOffset: 0n }]));
  }

  /** Waits for what a person asked the database for. If others hold its locks, the person tries again later, or not at all. */
  async tried(asked: Promise<unknown>): Promise<void> {
    try {
      await this.agenda.answerOf(asked);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      this.note(`a person gives up for now: ${messageOf(error)}`);
    }
  }

  async migratedStore(): Promise<Store> {
    const { view } = mendedOrders;
    const nowMs = this.agenda.now();
    return (await this.operator.migrate({ view, targets: [TARGET], adopt: null, nowMs })).store;
  }

  /** An operator has all instances replaced by those of the next version, and lets parked orders go on. */
  async unpark(): Promise<void> {
    if (!this.isMended) {
      this.isMended = true;
      for (const instance of [...this.instances]) this.stop(instance);
      if (this.instances.length === 0) this.start();
    }
    const { view } = mendedOrders;
    const store = await this.migratedStore();
    const parked = await this.operator.listParked({ after: null, limit: 1_000 });
    const decoder = createDecoder(mendedOrders, { topicNames: TOPIC_NAMES });
    const due = new DueRules(dueTargetsOf([{ target: this.target, qualifies: null }], view));
    const parts = { domain: mendedOrders, decoder, due, store, clock: this.agenda };
    this.note(`an operator lets ${parked.length} parked orders go on`);
    this.tally.count('orders that were parked', parked.length);
    const parkedIds = parked.map(({ entityId }) => entityId);
    await this.tried(refold(parts, parkedIds, 'release'));
  }

  /** An operator lets every halted partition go on at the next record that can be read. */
  async decide(): Promise<void> {
    const halted = (await this.operator.checkpoints()).filter(({ haltReason }) => haltReason !== null);
    for (const { topic, partition, nextOffset } of halted) {
      const log = this.log.partition({ topic, partition });
      const { divergedAt } = log;
      const offset = this.readableFrom(
        log,
        divergedAt !== null && divergedAt < nextOffset ? divergedAt : nextOffset,
      );
      log.divergedAt = null;
      const name = partitionName({ topic, partition });
      this.note(`${name} goes on at ${offset} by decision`);
      this.tally.count('decisions about halted partitions');
      const decision = {
        topic,
        partition,
        offset,
        topicId: log.topicId,
        decidedBy: 'an operator',
        reason: 'accepted',
        decidedAtMs: this.agenda.now(),
      };
      await this.tried(this.operator.resume(decision));
    }
  }
}
