import type { Domain } from '../core/domain.ts';
import { TributaryError } from '../core/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { Store } from '../ports/store.ts';
import { createDecoder, type Decoder } from './decode/decoder.ts';
import { Defects, type DefectsStatus } from './defects.ts';
import type { Deliver } from './deliver/deliver.ts';
import { LedgerWatch } from './deliver/ledger-watch.ts';
import type { DeliverStatus, DeliverTiming } from './deliver/options.ts';
import { DueRules } from './ingest/due.ts';
import { Ingest } from './ingest/ingest.ts';
import type { IngestStatus } from './ingest/options.ts';
import { ParkedRegistry } from './ingest/parked.ts';
import { QuarantineWatch } from './ingest/quarantine-watch.ts';
import { migrateStore } from './migrate-store.ts';
import { Opening } from './opening.ts';
import { untilCaughtUp } from './reconcile/caught-up.ts';
import type { Sweeper, SweepStatus } from './reconcile/sweeper.ts';
import { RefusedGauge, type RefusedStatus } from './refused-gauge.ts';
import { supervised } from './supervised.ts';
import { combinedHealth, type PartsHealth, StoreHealth, type SyncHealth, summaryOf } from './sync-health.ts';
import { deliverOn, dueTargetsOf, sweeperOn, type TargetRoute } from './target-route.ts';
import { Verifier, type VerifierStatus } from './verify/verifier.ts';
import { ViewRemaker } from './view-remaker.ts';

export interface SyncOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly log: EventLog;
  /** The store has to be opened with the names of `targets`. */
  readonly store: Store;
  /** Each state that becomes due is sent to every target whose route it qualifies for. */
  readonly targets: readonly TargetRoute[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** By the name that the domain gives a topic: the topic's actual name, where it is another one. */
  readonly topicNames?: Readonly<Record<string, string>>;
  readonly group: string;
  readonly ingest?: Partial<IngestTuning>;
  readonly delivery?: Partial<DeliveryTuning>;
  /** Makes the topics at the start, where no operator has to make them. Called until it works. */
  readonly makeTopics?: () => Promise<void>;
  /** Called once, when the store has its schema. The log may not answer yet. */
  readonly onStoreReady?: () => void;
  /** Counts the defects of this pipeline, and perhaps those of other parts of the program. Default: a new one. */
  readonly defects?: Defects;
}

export interface IngestTuning {
  /** The most transactions that run side by side. Default: 4. */
  readonly lanes: number;
  /** The most events in one transaction. Default: 8,000. */
  readonly batchEvents: number;
  /** The most events in the histories that are kept in memory. Default: 200,000. */
  readonly cacheEvents: number;
  /** The most bytes of records that wait in memory. Default: 32 MiB. */
  readonly maxBufferedBytes: number;
  /** A larger record is quarantined. Default: 1 MiB. */
  readonly maxRecordBytes: number;
  /** Whether a record without a key can be an event. Default: false. */
  readonly acceptsMissingKeys: boolean;
}

/** The timing for all targets. Defaults: `DEFAULT_TIMING`. */
export interface DeliveryTuning extends DeliverTiming {
  /** Whether this instance sends states. It records in any case which states are due. Default: true. */
  readonly enabled: boolean;
}

export interface SyncStatus {
  readonly ingest: IngestStatus | null;
  readonly deliveries: Readonly<Record<string, DeliverStatus>>;
  /** By target, for the targets that are swept. */
  readonly sweeps: Readonly<Record<string, SweepStatus>>;
  /** The refused records and the dead deliveries in the store; null before they are counted first. */
  readonly refused: RefusedStatus | null;
  /** The counts of the comparison of view and journal. */
  readonly verification: VerifierStatus;
  /** The defects since the start. */
  readonly defects: DefectsStatus;
}

/**
 * The whole pipeline of one domain: from the log to journal and view, and from there to the targets. The start waits for a
 * store or a log that does not answer yet, and for missing topics. It fails only with an error that does not pass by
 * itself. Deliveries and sweeps begin as soon as the store answers. Reading begins when the log answers too.
 */
export class Sync<State, Event> {
  readonly #options: SyncOptions<State, Event>;
  readonly #topics: readonly string[];
  readonly #topicNames: Readonly<Record<string, string>>;
  readonly #stopping = new AbortController();
  #ingest: Ingest<State, Event> | undefined;
  #delivers: readonly Deliver[] = [];
  #sweepers: ReadonlyMap<string, Sweeper> = new Map();
  readonly #decoder: Decoder<Event>;
  readonly #parked = new ParkedRegistry();
  readonly #verifier: Verifier<State, Event>;
  readonly #defects: Defects;
  readonly #opening: Opening;
  readonly #view: ViewRemaker;
  readonly #quarantine: QuarantineWatch;
  readonly #refused: RefusedGauge;
  #ledgerWatches: readonly LedgerWatch[] = [];
  #watching: Promise<unknown> | undefined;
  readonly #storeHealth: StoreHealth;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: SyncOptions<State, Event>) {
    this.#options = options;
    const logical = new Set(Object.values(options.domain.eventTypes).map((type) => type.topic));
    this.#topicNames = Object.fromEntries(
      [...logical].map((topic) => [topic, options.topicNames?.[topic] ?? topic]),
    );
    this.#topics = Object.values(this.#topicNames).sort();
    const { domain, store, targets, clock, logger, ingest = {} } = options;
    this.#decoder = createDecoder(domain, {
      topicNames: this.#topicNames,
      acceptsMissingKeys: ingest.acceptsMissingKeys ?? false,
      ...(ingest.maxRecordBytes === undefined ? {} : { maxRecordBytes: ingest.maxRecordBytes }),
    });
    const { signal } = this.#stopping;
    this.#defects = options.defects ?? new Defects(clock, logger);
    const shared = { clock, logger, defects: this.#defects };
    this.#opening = new Opening({ ...shared, signal });
    this.#storeHealth = new StoreHealth(store, clock);
    this.#quarantine = new QuarantineWatch(clock, logger);
    this.#refused = new RefusedGauge(store, clock, logger);
    this.#verifier = new Verifier({
      domain,
      decoder: this.#decoder,
      due: new DueRules(dueTargetsOf(targets, domain.view)),
      store,
      parked: this.#parked,
      ...shared,
      onFailure: (error) => this.#view.failed(error),
    });
    const { table } = domain.view;
    this.#view = new ViewRemaker({ ...shared, table, store, signal, onMade: () => this.#verifier.rush() });
  }

  /** The actual names of the topics that are read. */
  get topics(): readonly string[] {
    return this.#topics;
  }

  /** Resolves when the pipeline runs, or after `stop`. Rejects with an error that does not pass by itself. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Finishes the commits and calls that are under way. The caller closes the log, the store and the targets. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  status(): SyncStatus {
    const deliveries = this.#options.targets.flatMap(({ target }, index) => {
      const deliver = this.#delivers[index];
      return deliver === undefined ? [] : [[target.name, deliver.status()] as const];
    });
    return {
      ingest: this.#ingest?.status() ?? null,
      deliveries: Object.fromEntries(deliveries),
      sweeps: Object.fromEntries([...this.#sweepers].map(([name, sweeper]) => [name, sweeper.status()])),
      refused: this.#refused.status(),
      verification: this.#verifier.status(),
      defects: this.#defects.status(),
    };
  }

  /** Whether every part works; else what is wrong. Resolves within 5 s. */
  async health(): Promise<SyncHealth> {
    const warnings = [...this.#quarantine.warnings(), ...this.#refused.warnings()];
    return { ...(await this.#partsHealth()), ...(warnings.length === 0 ? {} : { warnings }) };
  }

  async #partsHealth(): Promise<PartsHealth> {
    const { waitingFor, code } = this.#opening;
    if (this.#ingest === undefined) return { ok: false, reason: waitingFor, summary: summaryOf(code) };
    const store = await this.#storeHealth.ask();
    const ingest = this.#ingest.health();
    // Deliveries that stand still because the store does not answer are no second reason.
    const deliveries = store.ok
      ? [...this.#ledgerWatches, ...this.#delivers].map((part) => part.health())
      : [];
    const [defects, viewTrouble] = [this.#defects.health(), this.#view.trouble];
    return combinedHealth({ store, ingest, deliveries, viewTrouble, defects });
  }

  async #start(): Promise<void> {
    await this.#opening.untilItWorks(() => this.#migrate(), { hasBegun: false });
    if (this.#stopping.signal.aborted) return;
    this.#startWithoutLog();
    await this.#opening.untilItWorks(() => this.#prepareTopics(), { hasBegun: true });
    await this.#opening.untilItWorks(() => this.#startIngest(), { hasBegun: true });
  }

  /** Starts the parts that need only the store and the targets. */
  #startWithoutLog(): void {
    this.#delivers = this.#createDelivers();
    this.#sweepers = this.#createSweepers();
    for (const deliver of this.#delivers) deliver.start();
    const { signal } = this.#stopping;
    const supervision = { defects: this.#defects, clock: this.#options.clock, signal };
    const run = (place: string, watch: { run(signal: AbortSignal): Promise<void> }) =>
      supervised(place, () => watch.run(signal), supervision);
    this.#watching = Promise.all([
      run('the watch of the quarantine', this.#quarantine),
      run('the count of what was refused', this.#refused),
      ...this.#ledgerWatches.map((watch) => run('the watch of the ledger', watch)),
    ]);
    for (const sweeper of this.#sweepers.values()) sweeper.start();
    this.#verifier.start();
    this.#options.onStoreReady?.();
  }

  async #prepareTopics(): Promise<void> {
    await this.#options.makeTopics?.();
    await this.#checkTopics();
  }

  /** A consumer starts only once, so each try makes a new ingest. */
  async #startIngest(): Promise<void> {
    const ingest = this.#createIngest(await this.#options.store.storeId());
    this.#ingest = ingest;
    try {
      await ingest.start();
    } catch (error) {
      this.#ingest = undefined;
      await ingest.stop();
      throw error;
    }
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => undefined);
    await this.#ingest?.stop();
    const loops = [this.#verifier, ...this.#sweepers.values(), ...this.#delivers];
    await Promise.all(loops.map((loop) => loop.stop()));
    await Promise.all([this.#view.idle(), this.#watching]);
  }

  async #migrate(): Promise<void> {
    const { domain, store, targets, clock, logger } = this.#options;
    const names = targets.map(({ target }) => target.name);
    const { viewIsEmpty } = await migrateStore({ domain, store, targets: names, clock, logger });
    if (viewIsEmpty) this.#verifier.rush();
  }

  async #checkTopics(): Promise<void> {
    const found = await this.#options.log.partitionCounts(this.#topics);
    const missing = this.#topics.filter((topic) => !found.has(topic));
    if (missing.length === 0) return;
    throw new TributaryError(
      'topic_missing',
      `There is no topic ${missing.join(' and no topic ')}; create it.`,
      {
        retryable: true,
      },
    );
  }

  #createIngest(storeId: string): Ingest<State, Event> {
    const { domain, log, store, targets, clock, logger, group, ingest = {} } = this.#options;
    const {
      lanes = 4,
      batchEvents = 8_000,
      cacheEvents = 200_000,
      maxBufferedBytes = 32 * 1024 * 1024,
    } = ingest;
    return new Ingest({
      domain,
      decoder: this.#decoder,
      parked: this.#parked,
      quarantine: this.#quarantine,
      defects: this.#defects,
      log,
      store,
      clock,
      logger,
      topics: this.#topics,
      group,
      storeId,
      lanes,
      batchEvents,
      cacheEvents,
      maxBufferedBytes,
      targets: dueTargetsOf(targets, domain.view),
      onCommitted: ({ deliveriesDue }) => {
        if (deliveriesDue > 0) for (const deliver of this.#delivers) deliver.wake();
      },
      onFailure: (error) => this.#view.failed(error),
    });
  }

  #createDelivers(): Deliver[] {
    const { domain, store, targets, clock, logger, delivery = {} } = this.#options;
    const { enabled = true, ...timing } = delivery;
    if (!enabled) return [];
    this.#ledgerWatches = targets.map(({ target }) => new LedgerWatch(target.name, store, clock, logger));
    return targets.map((route, index) => {
      const watched = this.#ledgerWatches[index]?.store ?? store;
      const parts = { view: domain.view, store: watched, clock, logger, defects: this.#defects };
      return deliverOn(route, parts, timing);
    });
  }

  /** An instance that sends no states makes no sweeps, because it does not know whether a target is down. */
  #createSweepers(): Map<string, Sweeper> {
    const { log, store, targets, clock, logger } = this.#options;
    const caughtUp = (signal: AbortSignal) =>
      untilCaughtUp({ log, store, topics: this.#topics, clock }, signal);
    const found = new Map<string, Sweeper>();
    this.#delivers.forEach((deliver, index) => {
      const route = targets[index] as TargetRoute;
      const parts = { store, clock, logger, defects: this.#defects, untilCaughtUp: caughtUp };
      const sweeper = sweeperOn(route, deliver, parts);
      if (sweeper !== null) found.set(route.target.name, sweeper);
    });
    return found;
  }
}
