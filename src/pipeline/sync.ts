import { TributaryError } from '../core/errors.ts';
import type { Hold } from '../ports/holds.ts';
import type { MigratedStore, Store } from '../ports/store.ts';
import { createDecoder, type Decoder } from './decode/decoder.ts';
import { Defects, type DefectsStatus } from './defects.ts';
import { foreignTopics } from './foreign-topics.ts';
import { HoldWatch, sentenceOf } from './holds.ts';
import { Ingest } from './ingest/ingest.ts';
import type { IngestStatus } from './ingest/options.ts';
import { ParkedRegistry } from './ingest/parked.ts';
import { QuarantineWatch } from './ingest/quarantine-watch.ts';
import { migrateStore } from './migrate-store.ts';
import { Opening } from './opening.ts';
import { type MeteredLatencies, Meters, type MetersStatus } from './status/meters.ts';
import { NO_STORE_LOOPS, StoreLoops, type StoreLoopsStatus } from './store-loops.ts';
import { supervised } from './supervised.ts';
import { combinedHealth, type PartsHealth, type SyncHealth, summaryOf } from './sync-health.ts';
import type { SyncOptions } from './sync-options.ts';
import { dueTargetsOf } from './target-route.ts';

export interface SyncStatus extends StoreLoopsStatus {
  readonly ingest: IngestStatus | null;
  /** What operators have paused, the oldest first. */
  readonly holds: readonly Hold[];
  /** What flows through this instance: counts, rates and latencies. */
  readonly meters: MetersStatus;
  /** The defects since the start. */
  readonly defects: DefectsStatus;
}

/**
 * The whole pipeline of one domain: from the log to journal and view, and from there to the targets. The start waits for a
 * store or a log that does not answer yet, and for missing topics. It fails only with an error that does not pass by
 * itself. Deliveries and sweeps begin as soon as the store is migrated. Reading begins when the log answers too.
 */
export class Sync<State, Event> {
  readonly #options: SyncOptions<State, Event>;
  readonly #topics: readonly string[];
  readonly #stopping = new AbortController();
  readonly #decoder: Decoder<Event>;
  readonly #parked = new ParkedRegistry();
  readonly #defects: Defects;
  readonly #opening: Opening;
  readonly #quarantine: QuarantineWatch;
  readonly #meters: Meters;
  #watching: Promise<void> | undefined;
  /** Undefined until the store is migrated. */
  #holds: HoldWatch | undefined;
  /** Undefined until the store is migrated. */
  #loops: StoreLoops<State, Event> | undefined;
  #ingest: Ingest<State, Event> | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: SyncOptions<State, Event>) {
    this.#options = options;
    const { domain, clock, logger, ingest = {} } = options;
    const logical = new Set(Object.values(domain.eventTypes).map((type) => type.topic));
    const topicNames = Object.fromEntries(
      [...logical].map((topic) => [topic, options.topicNames?.[topic] ?? topic]),
    );
    this.#topics = [...new Set(Object.values(topicNames))].sort();
    this.#decoder = createDecoder(domain, {
      topicNames,
      acceptsMissingKeys: ingest.acceptsMissingKeys ?? false,
      sources: ingest.sources ?? {},
      schemas: ingest.schemas ?? null,
      ...(ingest.maxRecordBytes === undefined ? {} : { maxRecordBytes: ingest.maxRecordBytes }),
    });
    this.#defects = options.defects ?? new Defects(clock, logger);
    this.#opening = new Opening({ clock, logger, defects: this.#defects, signal: this.#stopping.signal });
    this.#quarantine = new QuarantineWatch(clock, logger);
    this.#meters = new Meters(clock, { delivers: options.delivery?.enabled ?? true });
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
    return {
      ingest: this.#ingest?.status() ?? null,
      meters: this.#meters.status(),
      ...(this.#loops?.status() ?? NO_STORE_LOOPS),
      holds: this.#holds?.list() ?? [],
      defects: this.#defects.status(),
    };
  }

  /** The latencies since the start, for the quantiles between two moments. */
  latencies(): MeteredLatencies {
    return this.#meters.latencies();
  }

  /** Whether every part works; else what is wrong. Resolves within 5 s. */
  async health(): Promise<SyncHealth> {
    const warnings = [...this.#quarantine.warnings(), ...(this.#loops?.warnings() ?? [])];
    const notes = (this.#holds?.list() ?? []).map(sentenceOf);
    return {
      ...(await this.#partsHealth()),
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(notes.length === 0 ? {} : { notes }),
    };
  }

  /** Reads the holds now, because somebody has changed them. If the store does not answer, a later look follows. */
  async holdsChanged(): Promise<void> {
    await this.#holds?.lookOrSay();
  }

  async #partsHealth(): Promise<PartsHealth> {
    const { waitingFor, code } = this.#opening;
    const [loops, ingest] = [this.#loops, this.#ingest];
    if (loops === undefined || ingest === undefined)
      return { ok: false, reason: waitingFor, summary: summaryOf(code) };
    const parts = await loops.health();
    return combinedHealth({ ...parts, ingest: ingest.health(), defects: this.#defects.health() });
  }

  async #start(): Promise<void> {
    const migrated = await this.#opening.untilItWorks(() => this.#migrate(), { hasBegun: false });
    if (migrated === undefined) return;
    const { store } = migrated;
    const { clock, logger } = this.#options;
    const holds = new HoldWatch(store, clock, logger);
    // Nothing is claimed and nothing is read before it is known what is on hold.
    await this.#opening.untilItWorks(() => holds.look(), { hasBegun: false });
    this.#holds = holds;
    const loops = this.#createLoops(store, holds);
    await this.#opening.untilItWorks(() => loops.view.refresh(), { hasBegun: false });
    if (this.#stopping.signal.aborted) return;
    this.#startLoops(loops, migrated);
    await this.#opening.untilItWorks(() => this.#prepareTopics(), { hasBegun: true });
    await this.#opening.untilItWorks(() => this.#startIngest(store, loops, holds), { hasBegun: true });
  }

  #migrate(): Promise<MigratedStore> {
    const { domain, store, targets, clock, logger } = this.#options;
    const names = targets.map(({ target }) => target.name);
    return migrateStore({ domain, store, targets: names, clock, logger });
  }

  #createLoops(store: Store, holds: HoldWatch): StoreLoops<State, Event> {
    return new StoreLoops({
      ...this.#options,
      store,
      decoder: this.#decoder,
      parked: this.#parked,
      holds,
      defects: this.#defects,
      meters: this.#meters,
      topics: this.#topics,
      onOutdated: (error) => this.#options.onOutdated?.(error),
      signal: this.#stopping.signal,
    });
  }

  /** Starts the parts that do not need the log. */
  #startLoops(loops: StoreLoops<State, Event>, { store, report }: MigratedStore): void {
    const { clock, onStoreReady } = this.#options;
    const { signal } = this.#stopping;
    this.#loops = loops;
    if (report.viewIsEmpty) loops.rushVerifier();
    const watch = () => this.#quarantine.run(signal);
    this.#watching = supervised('the watch of the quarantine', watch, {
      defects: this.#defects,
      clock,
      signal,
    });
    loops.start();
    onStoreReady?.(store);
  }

  async #prepareTopics(): Promise<void> {
    await this.#options.makeTopics?.();
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

  /** A consumer starts only once, so each try makes a new ingest. */
  async #startIngest(store: Store, loops: StoreLoops<State, Event>, holds: HoldWatch): Promise<void> {
    const foreign = foreignTopics(await store.checkpoints(), this.#topics);
    if (foreign !== null) this.#options.logger('warn', foreign);
    const ingest = this.#createIngest(store, loops, holds, await store.storeId());
    this.#ingest = ingest;
    try {
      await ingest.start();
    } catch (error) {
      this.#ingest = undefined;
      await ingest.stop();
      throw error;
    }
  }

  #createIngest(
    store: Store,
    loops: StoreLoops<State, Event>,
    holds: HoldWatch,
    storeId: string,
  ): Ingest<State, Event> {
    const { domain, log, targets, clock, logger, group, tracing, ingest = {} } = this.#options;
    const {
      lanes = 4,
      apartFromRecords,
      batchEvents = 4_000,
      cacheEvents = 200_000,
      cacheBytes = 32 * 1024 * 1024,
      maxBufferedBytes = 16 * 1024 * 1024,
    } = ingest;
    return new Ingest({
      domain,
      decoder: this.#decoder,
      parked: this.#parked,
      quarantine: this.#quarantine,
      holds,
      defects: this.#defects,
      meters: this.#meters,
      log,
      store,
      clock,
      logger,
      topics: this.#topics,
      group,
      storeId,
      lanes,
      ...(apartFromRecords === undefined ? {} : { apartFromRecords }),
      batchEvents,
      cacheEvents,
      cacheBytes,
      maxBufferedBytes,
      targets: dueTargetsOf(targets, domain.view),
      view: loops.view,
      ...(tracing === undefined ? {} : { tracing }),
      onCommitted: ({ deliveriesDue }) => {
        if (deliveriesDue > 0) loops.wake();
      },
      onFailure: (error) => loops.failed(error),
    });
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    await this.#starting?.catch(() => undefined);
    await this.#ingest?.stop();
    await this.#loops?.stop();
    await this.#watching;
  }
}
