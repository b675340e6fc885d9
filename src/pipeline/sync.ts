import type { Domain } from '../core/domain.ts';
import { isRetryable, messageOf, TributaryError } from '../core/errors.ts';
import { type Backoff, fullJitterMs } from '../core/retry.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Logger } from '../ports/logger.ts';
import type { Store } from '../ports/store.ts';
import { createAdopter } from './adopt.ts';
import { createDecoder, type Decoder } from './decode/decoder.ts';
import type { Deliver } from './deliver/deliver.ts';
import { LedgerWatch } from './deliver/ledger-watch.ts';
import type { DeliverStatus, DeliverTiming } from './deliver/options.ts';
import { DueRules } from './ingest/due.ts';
import { Ingest } from './ingest/ingest.ts';
import type { IngestStatus } from './ingest/options.ts';
import { ParkedRegistry } from './ingest/parked.ts';
import { untilCaughtUp } from './reconcile/caught-up.ts';
import type { Sweeper, SweepStatus } from './reconcile/sweeper.ts';
import { deliverOn, dueTargetsOf, sweeperOn, type TargetRoute } from './target-route.ts';
import { Verifier, type VerifierStatus } from './verify/verifier.ts';

export interface SyncOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly log: EventLog;
  /** Opened with the names of `targets`. */
  readonly store: Store;
  /** Every state that is due is owed to each of them whose route it qualifies for. */
  readonly targets: readonly TargetRoute[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The actual name of each topic that the domain names, where it has another one. */
  readonly topicNames?: Readonly<Record<string, string>>;
  readonly group: string;
  readonly ingest?: Partial<IngestTuning>;
  readonly delivery?: Partial<DeliveryTuning>;
  /** Makes the topics before they are looked for, where that is not an operator's choice; tried until it works. */
  readonly makeTopics?: () => Promise<void>;
  /** Called once, when the store has its schema: while the log may still be missing. */
  readonly onStoreReady?: () => void;
}

export interface IngestTuning {
  /** How many transactions may run side by side; default 4. */
  readonly lanes: number;
  /** The most events of one transaction; default 4,000. */
  readonly batchEvents: number;
  /** How many events' worth of histories are kept in memory; default 200,000. */
  readonly cacheEvents: number;
  /** How many bytes of records may wait in memory; default 32 MiB. */
  readonly maxBufferedBytes: number;
  /** A larger record is quarantined; default 1 MiB. */
  readonly maxRecordBytes: number;
  /** Whether a record without a key is an event all the same; default false. */
  readonly acceptsMissingKeys: boolean;
}

/** For all targets; what is left out is as in `DEFAULT_TIMING`. */
export interface DeliveryTuning extends DeliverTiming {
  /** Whether this instance sends; what is due is written all the same. Default true. */
  readonly enabled: boolean;
}

export interface SyncStatus {
  readonly ingest: IngestStatus | null;
  readonly deliveries: Readonly<Record<string, DeliverStatus>>;
  /** Of the targets that are swept. */
  readonly sweeps: Readonly<Record<string, SweepStatus>>;
  /** How far the view was compared with the journal. */
  readonly verification: VerifierStatus;
}

const START_BACKOFF: Backoff = { baseMs: 250, capMs: 10_000 };
/** Whoever asks for the health gets an answer within this time, even if the store gives none. */
const HEALTH_DEADLINE_MS = 5_000;
/** A view that is missing for so long is made again. */
const REMAKE_AFTER_MS = 10_000;

type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/**
 * The whole pipeline of one domain: log to journal and view, view to targets. Starting waits for a store or a
 * log that does not answer yet, and for topics that are not there yet; it gives up only on what waiting cannot
 * mend. Deliveries and sweeps begin as soon as the store is there; reading waits for the log.
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
  #remaking: Promise<void> | undefined;
  #ledgerWatches: readonly LedgerWatch[] = [];
  #watching: Promise<unknown> | undefined;
  #asking: Promise<Health> | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #waitingFor = 'not started';

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
    this.#verifier = new Verifier({
      domain,
      decoder: this.#decoder,
      due: new DueRules(dueTargetsOf(targets, domain.view)),
      store,
      parked: this.#parked,
      clock,
      logger,
      onFailure: (error) => this.#failed(error),
    });
  }

  /** The topics that are read, by their actual names. */
  get topics(): readonly string[] {
    return this.#topics;
  }

  /** Resolves when it runs, or when `stop` was called meanwhile. Rejects with what waiting cannot mend. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Finishes what is in hand. The log, the store and the targets stay open: they are the caller's. */
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
      verification: this.#verifier.status(),
    };
  }

  /** Whether every part of it is at work; else what is wrong, in one sentence. Answers within 5 s. */
  async health(): Promise<Health> {
    if (this.#ingest === undefined) return { ok: false, reason: this.#waitingFor };
    const store = await this.#storeHealth();
    const ingest = this.#ingest?.health() ?? { ok: false, reason: this.#waitingFor };
    // What stands still because the store does not answer is said once.
    const deliveries = store.ok
      ? [...this.#ledgerWatches, ...this.#delivers].map((part) => part.health())
      : [];
    const reasons = [store, ingest, ...deliveries].flatMap((part) => (part.ok ? [] : [part.reason]));
    return reasons.length === 0 ? { ok: true } : { ok: false, reason: reasons.join(' ') };
  }

  /** All who ask while the store has not answered share one question. */
  async #storeHealth(): Promise<Health> {
    const { store, clock } = this.#options;
    this.#asking ??= store.health().finally(() => {
      this.#asking = undefined;
    });
    const over = new AbortController();
    const late = clock.sleep(HEALTH_DEADLINE_MS, over.signal).then(
      (): Health => ({
        ok: false,
        reason: `The store has not answered for ${HEALTH_DEADLINE_MS / 1_000} s.`,
      }),
    );
    try {
      return await Promise.race([this.#asking, late]);
    } finally {
      over.abort();
    }
  }

  async #start(): Promise<void> {
    await this.#untilItWorks(() => this.#migrate());
    if (this.#stopping.signal.aborted) return;
    this.#startWithoutLog();
    await this.#untilItWorks(() => this.#prepareTopics());
    await this.#untilItWorks(() => this.#startIngest());
  }

  /** What needs the store and the targets alone goes on, whether or not the log answers. */
  #startWithoutLog(): void {
    this.#delivers = this.#createDelivers();
    this.#sweepers = this.#createSweepers();
    for (const deliver of this.#delivers) deliver.start();
    this.#watching = Promise.all(this.#ledgerWatches.map((watch) => watch.run(this.#stopping.signal)));
    for (const sweeper of this.#sweepers.values()) sweeper.start();
    this.#verifier.start();
    this.#options.onStoreReady?.();
  }

  async #prepareTopics(): Promise<void> {
    await this.#options.makeTopics?.();
    await this.#checkTopics();
  }

  /** Makes the view's table again if it was dropped or renamed under the running program. */
  #failed(error: unknown): void {
    if (!(error instanceof TributaryError) || error.code !== 'table_missing') return;
    if (this.#stopping.signal.aborted) return;
    this.#remaking ??= this.#remakeView()
      .catch((failure: unknown) =>
        this.#options.logger('error', `The missing table could not be made again: ${messageOf(failure)}`),
      )
      .finally(() => {
        this.#remaking = undefined;
      });
  }

  /** A backup that is being put back drops tables and makes them again: it is given time to do so itself. */
  async #remakeView(): Promise<void> {
    const { clock, store, domain, logger } = this.#options;
    await clock.sleep(REMAKE_AFTER_MS, this.#stopping.signal);
    if (this.#stopping.signal.aborted || !(await store.remakeView())) return;
    const { table } = domain.view;
    logger(
      'warn',
      `The table ${table} was missing: it was made anew, and its rows are made from the journal.`,
    );
    this.#verifier.rush();
  }

  /** A consumer starts once, so that every try has an ingest of its own. */
  async #startIngest(): Promise<void> {
    const ingest = this.#createIngest();
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
    await Promise.all([this.#remaking, this.#watching]);
  }

  async #untilItWorks(step: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (!isRetryable(error)) throw error;
        this.#waitingFor = messageOf(error);
        logger('warn', `Waiting: ${messageOf(error)}`, { attempt });
        await clock.sleep(fullJitterMs(START_BACKOFF, attempt, clock.random()), signal);
      }
    }
  }

  async #migrate(): Promise<void> {
    const { domain, store, targets, clock, logger } = this.#options;
    const { table, keyColumn, columns } = domain.view;
    const adopter = createAdopter(domain);
    const nowMs = clock.now();
    const report = await store.migrate({
      view: { table, keyColumn, columns },
      targets: targets.map(({ target }) => target.name),
      adopt: adopter === null ? null : (entityId, row) => adopter(entityId, row, nowMs),
      nowMs,
    });
    if (report.fromVersion !== report.toVersion) {
      logger('info', `Schema brought from version ${report.fromVersion} to ${report.toVersion}`);
    }
    if (report.adoptedRows > 0)
      logger('info', `Took over ${report.adoptedRows} rows of ${table} that were there before`);
    for (const note of report.notes) logger('warn', note);
    if (report.viewIsEmpty) {
      logger(
        'warn',
        `The table ${table} was missing: it was made anew, and its rows are made from the journal.`,
      );
      this.#verifier.rush();
    }
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

  #createIngest(): Ingest<State, Event> {
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
      log,
      store,
      clock,
      logger,
      topics: this.#topics,
      group,
      lanes,
      batchEvents,
      cacheEvents,
      maxBufferedBytes,
      targets: dueTargetsOf(targets, domain.view),
      onCommitted: ({ deliveriesDue }) => {
        if (deliveriesDue > 0) for (const deliver of this.#delivers) deliver.wake();
      },
      onFailure: (error) => this.#failed(error),
    });
  }

  #createDelivers(): Deliver[] {
    const { domain, store, targets, clock, logger, delivery = {} } = this.#options;
    const { enabled = true, ...timing } = delivery;
    if (!enabled) return [];
    this.#ledgerWatches = targets.map(({ target }) => new LedgerWatch(target.name, store, clock, logger));
    return targets.map((route, index) => {
      const watched = this.#ledgerWatches[index]?.store ?? store;
      return deliverOn(route, { view: domain.view, store: watched, clock, logger }, timing);
    });
  }

  /** An instance that sends nothing sweeps nothing: it would not know whether the target is down. */
  #createSweepers(): Map<string, Sweeper> {
    const { log, store, targets, clock, logger } = this.#options;
    const caughtUp = (signal: AbortSignal) =>
      untilCaughtUp({ log, store, topics: this.#topics, clock }, signal);
    const found = new Map<string, Sweeper>();
    this.#delivers.forEach((deliver, index) => {
      const route = targets[index] as TargetRoute;
      const sweeper = sweeperOn(route, deliver, { store, clock, logger, untilCaughtUp: caughtUp });
      if (sweeper !== null) found.set(route.target.name, sweeper);
    });
    return found;
  }
}
