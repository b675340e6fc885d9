import { type ErrorCode, isRetryable, messageOf, TributaryError } from '../core/errors.ts';
import { type Backoff, fullJitterMs } from '../core/retry.ts';
import type { MigratedStore, Store } from '../ports/store.ts';
import { createDecoder, type Decoder } from './decode/decoder.ts';
import { Ingest } from './ingest/ingest.ts';
import type { IngestStatus } from './ingest/options.ts';
import { ParkedRegistry } from './ingest/parked.ts';
import { QuarantineWatch } from './ingest/quarantine-watch.ts';
import { migrateStore } from './migrate-store.ts';
import { NO_STORE_LOOPS, StoreLoops, type StoreLoopsStatus } from './store-loops.ts';
import { combinedHealth, type PartsHealth, type SyncHealth, summaryOf } from './sync-health.ts';
import type { SyncOptions } from './sync-options.ts';
import { dueTargetsOf } from './target-route.ts';

export interface SyncStatus extends StoreLoopsStatus {
  readonly ingest: IngestStatus | null;
}

const START_BACKOFF: Backoff = { baseMs: 250, capMs: 10_000 };
/** The log names what the start waits for when that changes, and once a minute. */
const WAITING_LOGGED_EVERY_MS = 60_000;

/**
 * The whole pipeline of one domain: from the log to journal and view, and from the view to the targets. The start waits
 * for a store or a log that does not answer yet, and for topics that do not exist yet. It fails only with errors that
 * are not retryable. Deliveries and sweeps begin once the store is migrated; reading waits for the log.
 */
export class Sync<State, Event> {
  readonly #options: SyncOptions<State, Event>;
  readonly #topics: readonly string[];
  readonly #stopping = new AbortController();
  readonly #decoder: Decoder<Event>;
  readonly #parked = new ParkedRegistry();
  readonly #quarantine: QuarantineWatch;
  #watching: Promise<void> | undefined;
  /** Undefined until the store is migrated. */
  #loops: StoreLoops<State, Event> | undefined;
  #ingest: Ingest<State, Event> | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #waitingFor = 'not started';
  #waitingCode: ErrorCode | 'unexpected' | null = null;

  constructor(options: SyncOptions<State, Event>) {
    this.#options = options;
    const { domain, clock, logger, ingest = {} } = options;
    const logical = new Set(Object.values(domain.eventTypes).map((type) => type.topic));
    const topicNames = Object.fromEntries(
      [...logical].map((topic) => [topic, options.topicNames?.[topic] ?? topic]),
    );
    this.#topics = Object.values(topicNames).sort();
    this.#decoder = createDecoder(domain, {
      topicNames,
      acceptsMissingKeys: ingest.acceptsMissingKeys ?? false,
      ...(ingest.maxRecordBytes === undefined ? {} : { maxRecordBytes: ingest.maxRecordBytes }),
    });
    this.#quarantine = new QuarantineWatch(clock, logger);
  }

  /** The actual names of the topics that are read. */
  get topics(): readonly string[] {
    return this.#topics;
  }

  /**
   * Resolves when the pipeline runs, or when `stop` was called meanwhile. Rejects with an error that is not retryable.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Finishes the work in hand. The log, the store and the targets stay open, because they are the caller's. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  status(): SyncStatus {
    return { ingest: this.#ingest?.status() ?? null, ...(this.#loops?.status() ?? NO_STORE_LOOPS) };
  }

  /** Whether every part works; if not, what is wrong, in one sentence. Answers within 5 s. */
  async health(): Promise<SyncHealth> {
    const warnings = [...this.#quarantine.warnings(), ...(this.#loops?.warnings() ?? [])];
    return { ...(await this.#partsHealth()), ...(warnings.length === 0 ? {} : { warnings }) };
  }

  async #partsHealth(): Promise<PartsHealth> {
    if (this.#ingest === undefined || this.#loops === undefined)
      return { ok: false, reason: this.#waitingFor, summary: summaryOf(this.#waitingCode) };
    const parts = await this.#loops.health();
    return combinedHealth({ ...parts, ingest: this.#ingest.health() });
  }

  async #start(): Promise<void> {
    const migrated = await this.#untilItWorks(() => this.#migrate());
    if (migrated === undefined || this.#stopping.signal.aborted) return;
    const { store } = migrated;
    const loops = this.#startLoops(migrated);
    await this.#untilItWorks(() => this.#prepareTopics());
    await this.#untilItWorks(() => this.#startIngest(store, loops));
  }

  #migrate(): Promise<MigratedStore> {
    const { domain, store, targets, clock, logger } = this.#options;
    const names = targets.map(({ target }) => target.name);
    return migrateStore({ domain, store, targets: names, clock, logger });
  }

  #startLoops({ store, report }: MigratedStore): StoreLoops<State, Event> {
    const loops = new StoreLoops({
      ...this.#options,
      store,
      decoder: this.#decoder,
      parked: this.#parked,
      topics: this.#topics,
      signal: this.#stopping.signal,
    });
    this.#loops = loops;
    if (report.viewIsEmpty) loops.rushVerifier();
    this.#watching = this.#quarantine.run(this.#stopping.signal);
    loops.start();
    this.#options.onStoreReady?.(store);
    return loops;
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

  /** Every attempt has an ingest of its own, because a consumer starts only once. */
  async #startIngest(store: Store, loops: StoreLoops<State, Event>): Promise<void> {
    const ingest = this.#createIngest(store, loops, await store.storeId());
    this.#ingest = ingest;
    try {
      await ingest.start();
    } catch (error) {
      this.#ingest = undefined;
      await ingest.stop();
      throw error;
    }
  }

  #createIngest(store: Store, loops: StoreLoops<State, Event>, storeId: string): Ingest<State, Event> {
    const { domain, log, targets, clock, logger, group, ingest = {} } = this.#options;
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

  /**
   * Repeats the step until it works. Resolves with undefined if `stop` was called before. Rejects with an error that is
   * not retryable.
   */
  async #untilItWorks<Result>(step: () => Promise<Result>): Promise<Result | undefined> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopping;
    let logged = '';
    let loggedAtMs = 0;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.#waitingFor = messageOf(error);
        this.#waitingCode = error instanceof TributaryError ? error.code : 'unexpected';
        if (this.#waitingFor !== logged || clock.monotonicMs() - loggedAtMs >= WAITING_LOGGED_EVERY_MS) {
          logged = this.#waitingFor;
          loggedAtMs = clock.monotonicMs();
          logger('warn', `Waiting: ${logged}`, { attempt });
        }
        await clock.sleep(fullJitterMs(START_BACKOFF, attempt, clock.random()), signal);
      }
    }
    return undefined;
  }
}
