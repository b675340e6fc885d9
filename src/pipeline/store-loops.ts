import { entityWords } from '../core/entity-words.ts';
import type { Store } from '../ports/store.ts';
import { type StuckStatus, StuckWatch } from './ask/stuck-watch.ts';
import type { Decoder } from './decode/decoder.ts';
import type { Defects } from './defects.ts';
import type { Deliver } from './deliver/deliver.ts';
import { LedgerWatch } from './deliver/ledger-watch.ts';
import type { DeliverStatus } from './deliver/options.ts';
import { followHold, type HoldWatch } from './holds.ts';
import { DueRules } from './ingest/due.ts';
import type { ParkedRegistry } from './ingest/parked.ts';
import { Rebuild } from './rebuild/rebuild.ts';
import { foldOf, type ViewStatus, ViewWatch } from './rebuild/view-mode.ts';
import { untilCaughtUp } from './reconcile/caught-up.ts';
import type { Sweeper, SweepStatus } from './reconcile/sweeper.ts';
import { RefusedGauge, type RefusedStatus } from './refused-gauge.ts';
import type { Meters } from './status/meters.ts';
import { supervised } from './supervised.ts';
import { type PartsOfHealth, StoreHealth } from './sync-health.ts';
import type { SyncOptions } from './sync-options.ts';
import { deliverOn, dueTargetsOf, fromBeginning, sweeperOn, type TargetRoute } from './target-route.ts';
import { Verifier, type VerifierStatus } from './verify/verifier.ts';
import { ViewRemaker } from './view-remaker.ts';

export interface StoreLoopsOptions<State, Event>
  extends Pick<
    SyncOptions<State, Event>,
    'domain' | 'log' | 'targets' | 'clock' | 'logger' | 'delivery' | 'stuckAfterMs'
  > {
  readonly store: Store;
  readonly decoder: Decoder<Event>;
  readonly parked: ParkedRegistry;
  /** The holds, which were read before. `start` has them watched. */
  readonly holds: HoldWatch;
  readonly defects: Defects;
  readonly meters: Meters;
  /** The actual names of the topics that are read. */
  readonly topics: readonly string[];
  /** Called when a program with a newer fold has taken over, so that this one must end. */
  readonly onOutdated: (error: unknown) => void;
  /** Ends the watches at once. `stop` ends the other loops. */
  readonly signal: AbortSignal;
}

export interface StoreLoopsStatus {
  readonly deliveries: Readonly<Record<string, DeliverStatus>>;
  /** By target, for the targets that are swept. */
  readonly sweeps: Readonly<Record<string, SweepStatus>>;
  /** The refused records and the dead deliveries in the store; null before they are counted first. */
  readonly refused: RefusedStatus | null;
  /** The entities that have waited for an event for too long; null before they are counted first. */
  readonly stuck: StuckStatus | null;
  /** The counts of the comparison of view and ledger with the journal. */
  readonly verification: VerifierStatus;
  /** By which fold the rows were made; null before the store is migrated. */
  readonly view: ViewStatus | null;
}

const STUCK_AFTER_DEFAULT_MS = 24 * 60 * 60_000;

/** The status before the store is migrated. No loop runs before that. */
export const NO_STORE_LOOPS: StoreLoopsStatus = {
  deliveries: {},
  sweeps: {},
  refused: null,
  stuck: null,
  verification: {
    compared: 0,
    repaired: 0,
    unfoldable: 0,
    passes: 0,
    differences: {},
    lastPass: null,
  },
  view: null,
};

/**
 * The parts of the pipeline that need only the migrated store and the targets, and not the log: deliveries, sweeps, the
 * verifier, the making of a missing view, and the watches. A defect in one of them does not stop the others.
 */
export class StoreLoops<State, Event> {
  readonly #options: StoreLoopsOptions<State, Event>;
  readonly #ledgerWatches: readonly LedgerWatch[];
  readonly #delivers: readonly Deliver[];
  readonly #sweepers: ReadonlyMap<string, Sweeper>;
  readonly #verifier: Verifier<State, Event>;
  readonly #remaker: ViewRemaker;
  readonly #refused: RefusedGauge;
  readonly #stuck: StuckWatch<State, Event>;
  readonly #storeHealth: StoreHealth;
  /** Knows by which fold the rows were made, for all parts of the pipeline. */
  readonly view: ViewWatch;
  #watching: Promise<unknown> | undefined;

  constructor(options: StoreLoopsOptions<State, Event>) {
    this.#options = options;
    const { domain, decoder, parked, holds, store, targets, clock, logger, defects, delivery = {} } = options;
    const { enabled = true } = delivery;
    this.#ledgerWatches = enabled
      ? targets.map(
          ({ target: { name } }) =>
            new LedgerWatch(name, store, clock, logger, () => holds.ofTarget(name) !== null),
        )
      : [];
    this.#delivers = enabled ? this.#createDelivers() : [];
    this.view = this.#createViewWatch();
    this.#sweepers = this.#createSweepers();
    this.#storeHealth = new StoreHealth(store, clock);
    this.#refused = new RefusedGauge(store, clock, logger);
    const { stuckAfterMs = STUCK_AFTER_DEFAULT_MS } = options;
    this.#stuck = new StuckWatch({ domain, store, clock, logger, stuckAfterMs });
    this.#verifier = new Verifier({
      domain,
      decoder,
      due: new DueRules(dueTargetsOf(targets, domain.view)),
      targetsFromBeginning: fromBeginning(targets),
      store,
      parked,
      view: this.view,
      clock,
      logger,
      defects,
      onFailure: (error) => this.failed(error),
    });
    this.#remaker = new ViewRemaker({
      store,
      table: domain.view.table,
      clock,
      logger,
      defects,
      onMade: () => this.#fillView(),
      signal: options.signal,
    });
  }

  start(): void {
    const { holds, clock, defects, signal } = this.#options;
    this.#delivers.forEach((deliver, index) => {
      followHold(deliver, this.#route(index).target.name, holds);
      deliver.start();
    });
    const run = (place: string, watch: { run(signal: AbortSignal): Promise<void> }) =>
      supervised(place, () => watch.run(signal), { defects, clock, signal });
    this.#watching = Promise.all([
      run('the watch of what is paused', holds),
      run('the count of what was refused', this.#refused),
      run('the watch of the view', this.view),
      run('the count of what is stuck', this.#stuck),
      ...this.#ledgerWatches.map((watch) => run('the watch of the ledger', watch)),
    ]);
    for (const sweeper of this.#sweepers.values()) sweeper.start();
    this.#verifier.start();
  }

  /** Finishes the repairs and calls that are under way. The signal has to be aborted before. */
  async stop(): Promise<void> {
    const loops = [this.#verifier, ...this.#sweepers.values(), ...this.#delivers];
    await Promise.all(loops.map((loop) => loop.stop()));
    await Promise.all([this.#remaker.idle(), this.#watching]);
  }

  status(): StoreLoopsStatus {
    const deliveries = this.#delivers.map(
      (deliver, index) => [this.#route(index).target.name, deliver.status()] as const,
    );
    return {
      deliveries: Object.fromEntries(deliveries),
      sweeps: Object.fromEntries([...this.#sweepers].map(([name, sweeper]) => [name, sweeper.status()])),
      refused: this.#refused.status(),
      stuck: this.#stuck.status(),
      verification: this.#verifier.status(),
      view: this.view.status(),
    };
  }

  /** Resolves within 5 s. */
  async health(): Promise<Pick<PartsOfHealth, 'store' | 'deliveries' | 'viewTrouble'>> {
    const store = await this.#storeHealth.ask();
    // Deliveries that stand still because the store does not answer are no second reason.
    const deliveries = store.ok
      ? [...this.#ledgerWatches, ...this.#delivers].map((part) => part.health())
      : [];
    return { store, deliveries, viewTrouble: this.#remaker.trouble };
  }

  /** One sentence for each kind of refused records and dead deliveries, and one if rows wait for a rebuild. */
  warnings(): string[] {
    return [...this.view.notes(), ...this.#refused.warnings()];
  }

  /** Looks for due deliveries now, because a commit has made some due. */
  wake(): void {
    for (const deliver of this.#delivers) deliver.wake();
  }

  /** Called with each error of another part. The view's table is made again if the error says that a table is missing. */
  failed(error: unknown): void {
    this.#remaker.failed(error);
  }

  /** Begins a comparison of the whole view with the journal now, without rests. */
  rushVerifier(): void {
    this.#verifier.rush();
  }

  /**
   * Has the rows of a table made that was made anew. That raises the view's epoch, and the verifier repairs only rows under
   * the epoch of the last look. If this look fails, the watch of the view logs it, and a later pass makes the rows.
   */
  async #fillView(): Promise<void> {
    await this.view.refresh().catch(() => undefined);
    this.rushVerifier();
  }

  #createViewWatch(): ViewWatch {
    const { domain, decoder, store, targets, clock, logger, onOutdated, signal } = this.#options;
    const due = new DueRules(dueTargetsOf(targets, domain.view));
    const rebuild = new Rebuild({ domain, decoder, due, store, clock, logger });
    return new ViewWatch({
      store,
      fold: foldOf(domain),
      clock,
      logger,
      onOutdated,
      onStandstill: (state) => rebuild.recover(state, signal),
      // Deliveries that waited for the settling are due now.
      onChanged: () => this.wake(),
    });
  }

  #createDelivers(): Deliver[] {
    const { domain, store, targets, clock, logger, defects, meters, delivery = {} } = this.#options;
    const { enabled: _, ...timing } = delivery;
    return targets.map((route, index) => {
      const watched = this.#ledgerWatches[index]?.store ?? store;
      const words = entityWords(domain);
      return deliverOn(
        route,
        { view: domain.view, store: watched, clock, logger, words, defects, meters },
        timing,
      );
    });
  }

  /** An instance that sends no states makes no sweeps, because it does not know whether a target is down. */
  #createSweepers(): Map<string, Sweeper> {
    const { domain, log, store, topics, clock, logger, defects } = this.#options;
    const caughtUp = (signal: AbortSignal) => untilCaughtUp({ log, store, topics, clock }, signal);
    const found = new Map<string, Sweeper>();
    this.#delivers.forEach((deliver, index) => {
      const route = this.#route(index);
      const sweeper = sweeperOn(route, deliver, {
        store,
        clock,
        logger,
        words: entityWords(domain),
        defects,
        untilCaughtUp: caughtUp,
        view: this.view,
      });
      if (sweeper !== null) found.set(route.target.name, sweeper);
    });
    return found;
  }

  #route(index: number): TargetRoute {
    return this.#options.targets[index] as TargetRoute;
  }
}
