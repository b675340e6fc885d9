import { ANY_ENTITY, type EntityWords } from '../../core/entity-words.ts';
import { isDefect, messageOf, TributaryError } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { SweepRecord, SweepResult } from '../../ports/sweeps.ts';
import type { TargetHoldings } from '../../ports/target-holdings.ts';
import { Defects } from '../defects.ts';
import { LinkedAbort, OVER } from '../linked-abort.ts';
import { supervised } from '../supervised.ts';
import { type ReconcileOptions, type ReconcileReport, reconcile } from './reconcile.ts';
import { isOfTarget, SweepTally } from './sweep-tally.ts';

export interface SweeperOptions
  extends Pick<ReconcileOptions, 'target' | 'perSecond' | 'patienceMs' | 'pageRows' | 'untilCaughtUp'> {
  readonly holdings: TargetHoldings;
  readonly store: Pick<
    Store,
    | 'listOwed'
    | 'makeDueAgain'
    | 'makeRepairsDue'
    | 'readDelivery'
    | 'readView'
    | 'readSweep'
    | 'claimSweep'
    | 'endSweep'
  >;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How log lines name the entities. Default: as entities. */
  readonly words?: EntityWords;
  /** The time from the end of one sweep to the beginning of the next, give or take a tenth. */
  readonly everyMs: number;
  /** Whether the target is sent nothing for now, because of its breaker or because it is paused. */
  readonly isShut: () => boolean;
  /** The epoch of the view's record. Without it, an exchange of the view's tables is not noticed. */
  readonly viewEpoch?: () => number;
  /** Called when deliveries have become due. */
  readonly onMadeDue: () => void;
  /** Counts the defects of the program. Default: a new count. */
  readonly defects?: Defects;
  /** The most differences that become due before the sweep waits for them. Default: 1,000. */
  readonly portion?: number;
}

export interface SweepStatus {
  readonly everyMs: number;
  /** Whether this instance makes a sweep now. */
  readonly isUnderWay: boolean;
  /** The result of the last sweep, by whichever instance; null if none has ended yet. */
  readonly last: SweepResult | null;
}

/** The wait differs by up to this share from the one asked for, so that sweeps do not begin at the same time. */
const JITTER_SHARE = 0.1;
/** After a sweep that gave up, the next one begins after this time, if that is sooner. */
const GAVE_UP_WAIT_MS = 5 * 60_000;
/** The time between looks whether another instance has made the sweep, or the breaker lets calls through. */
const LOOK_EVERY_MS = 30_000;
/** After a crash, another instance may claim the sweep after this time. */
const LEASE_MS = 60_000;
const WATCH_EVERY_MS = 1_000;
const RENEW_EVERY_MS = 20_000;
/** The most differences in memory, and the most of its deliveries that are due at the same time. */
const PORTION = 1_000;
/** The share of its time in which a sweep asks the target and the store: deliveries come first. */
const BUSY_SHARE = 0.25;
/** The shortest wait between sweeps, whatever the setting says. */
const SHORTEST_WAIT_MS = 1_000;
const STORE_BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
const LOST_FOR_GOOD =
  'holds later versions than this database has, and all of the log has been read: either somebody else writes there, or ' +
  'the database was restored and the log no longer has what it lost. Publish those events again; order-sync reconcile ' +
  'names the entities';

/**
 * Sweeps one target again and again. One instance makes a sweep at a time:
 *
 *   waiting --the wait is over, the target is not shut, the sweep is claimed--> sweeping --it ends or gives up--> waiting
 *                                                             sweeping --stopped, or its lease is lost--> waiting
 *
 * The result of a sweep that ends or gives up is recorded. After a stop or a lost lease nothing is recorded, and the first
 * instance that claims the sweep begins it anew.
 *
 * A sweep goes through the ids in portions. The differences of a portion become due at a limited rate, and are delivered
 * or dead before the next portion begins. So neither memory nor the number of due deliveries grows with the number of lost
 * states. A sweep gives up when the breaker opens or the target is paused, when the target does not answer, or when a portion does not end. The
 * deliveries that it made due stay due.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #defects: Defects;
  readonly #stopping = new AbortController();
  #last: SweepResult | null = null;
  #isUnderWay = false;
  /** The last trouble that was logged. A trouble is logged only when it changes. */
  #told: string | null = null;
  #wait = { sinceMs: Number.NaN, seenMs: 0, ms: 0 };
  #running: Promise<void> | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
  }

  /** Does nothing after `stop`. */
  start(): void {
    const { clock, target } = this.#options;
    const supervision = { defects: this.#defects, clock, signal: this.#stopping.signal };
    this.#running ??= supervised(`the sweeps of ${target}`, () => this.#loop(), supervision);
  }

  /** Leaves a sweep that is under way to the next instance. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  status(): SweepStatus {
    return { everyMs: this.#options.everyMs, isUnderWay: this.#isUnderWay, last: this.#last };
  }

  async #loop(): Promise<void> {
    const { store, clock, logger, target, isShut } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const record = await store.readSweep(target);
        this.#last = record.last;
        const restMs = this.#restMs(record);
        if (restMs > 0) await clock.sleep(Math.min(restMs, LOOK_EVERY_MS), signal);
        else if (isShut() || !(await this.#sweepOnce(record))) await clock.sleep(LOOK_EVERY_MS, signal);
        failures = 0;
      } catch (error) {
        if (isDefect(error)) throw error;
        failures++;
        if (failures === 1) logger('warn', `A sweep of ${target} cannot go on just now: ${messageOf(error)}`);
        await clock.sleep(fullJitterMs(STORE_BACKOFF, failures, clock.random()), signal);
      }
    }
  }

  /**
   * In how many milliseconds the next sweep may begin. If the store's time was set back, the wait counts from the moment
   * when this instance saw the end of the last sweep.
   */
  #restMs({ waitsSinceMs, waitedMs, last }: SweepRecord): number {
    const { clock, everyMs } = this.#options;
    if (this.#wait.sinceMs !== waitsSinceMs) {
      const ms = last?.outcome === 'gave_up' ? Math.min(everyMs, GAVE_UP_WAIT_MS) : everyMs;
      const jittered = ms * (1 + JITTER_SHARE * (2 * clock.random() - 1));
      this.#wait = {
        sinceMs: waitsSinceMs,
        seenMs: clock.monotonicMs(),
        ms: Math.max(SHORTEST_WAIT_MS, jittered),
      };
    }
    return Math.ceil(this.#wait.ms - Math.max(waitedMs, clock.monotonicMs() - this.#wait.seenMs));
  }

  /** Resolves with false if another instance has claimed the sweep. */
  async #sweepOnce({ waitsSinceMs }: SweepRecord): Promise<boolean> {
    const { store, clock, target } = this.#options;
    const claimant = clock.uuid();
    const claim = () => store.claimSweep({ target, claimant, waitsSinceMs, leaseMs: LEASE_MS });
    if (!(await claim())) return false;
    this.#isUnderWay = true;
    try {
      const result = await this.#whileClaimed(claim);
      await store.endSweep({ target, claimant, result });
      this.#last = result ?? this.#last;
    } finally {
      this.#isUnderWay = false;
    }
    return true;
  }

  /** Makes one sweep, while `claim` renews its lease. Resolves with null if nothing is to be recorded. */
  async #whileClaimed(claim: () => Promise<boolean>): Promise<SweepResult | null> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    const tally = new SweepTally(clock.now());
    const cut = new LinkedAbort(signal);
    const over = new AbortController();
    const [watched, swept] = await Promise.allSettled([
      this.#watch(claim, over.signal).finally(() => cut.abort()),
      this.#portions(tally, cut.signal).finally(() => over.abort(OVER)),
    ]);
    cut.unlink();
    const wasShut = watched.status === 'fulfilled' && watched.value === 'shut' && !tally.isComplete;
    const error: unknown = wasShut
      ? unreachable('Its breaker opened meanwhile, or it was paused: nothing is sent to it for now.')
      : swept.status === 'rejected'
        ? swept.reason
        : null;
    const result = tally.result(clock.now(), error);
    this.#tellOfHealing(result, tally.examples);
    if (watched.status === 'rejected') throw watched.reason;
    if (signal.aborted || watched.value === 'lost') return null;
    if (error !== null && !isOfTarget(error)) throw error;
    this.#tellOfTrouble(result, tally);
    return result;
  }

  /** Resolves when the sweep is over, or with the reason why it has to end. */
  async #watch(claim: () => Promise<boolean>, over: AbortSignal): Promise<'over' | 'shut' | 'lost'> {
    const { clock, isShut } = this.#options;
    for (let renewedMs = clock.monotonicMs(); ; ) {
      await clock.sleep(WATCH_EVERY_MS, over);
      if (over.aborted) return 'over';
      if (isShut()) return 'shut';
      if (clock.monotonicMs() - renewedMs < RENEW_EVERY_MS) continue;
      if (!(await claim())) return 'lost';
      renewedMs = clock.monotonicMs();
    }
  }

  async #portions(tally: SweepTally, signal: AbortSignal): Promise<void> {
    const {
      holdings,
      store,
      clock,
      target,
      perSecond,
      patienceMs,
      pageRows,
      untilCaughtUp,
      onMadeDue,
      viewEpoch,
    } = this.#options;
    for (let after: string | null = null; !signal.aborted; ) {
      const beganMs = clock.monotonicMs();
      const report: ReconcileReport = await reconcile(
        {
          target,
          holdings,
          store,
          clock,
          perSecond,
          ...(patienceMs === undefined ? {} : { patienceMs }),
          ...(pageRows === undefined ? {} : { pageRows }),
          ...(untilCaughtUp === undefined ? {} : { untilCaughtUp }),
          heals: true,
          limit: this.#options.portion ?? PORTION,
          after,
          busyShare: BUSY_SHARE,
          ...(viewEpoch === undefined ? {} : { viewEpoch: viewEpoch() }),
          onMadeDue(count) {
            tally.addMadeDue(count);
            onMadeDue();
          },
        },
        signal,
      );
      tally.add(report);
      if (!report.isSettled && !signal.aborted) {
        throw unreachable('Deliveries that the sweep made due are still neither delivered nor dead.');
      }
      if (report.isComplete) return;
      after = report.reached;
      const restMs = (report.madeDue / perSecond) * 1_000 - (clock.monotonicMs() - beganMs);
      await clock.sleep(Math.max(0, restMs), signal);
    }
  }

  #tellOfHealing(
    { missing, older, different, unrecorded, madeDue, healed }: SweepResult,
    examples: string,
  ): void {
    if (madeDue === 0) return;
    const { logger, target, words: { plural } = ANY_ENTITY } = this.#options;
    logger(
      'warn',
      `${target} lacked states that were delivered to it: they are delivered again (${plural} ${examples})`,
      {
        missing,
        older,
        different,
        unrecorded,
        madeDue,
        healed,
      },
    );
  }

  /** Logs differences that cannot be healed, or why the sweep is not complete, when that has changed. */
  #tellOfTrouble(
    { outcome, error, unexpected, newer }: SweepResult,
    { isCaughtUp, examples }: SweepTally,
  ): void {
    const { logger, target, words: { plural } = ANY_ENTITY } = this.#options;
    const told = outcome === 'complete' ? `${unexpected} unexpected, ${newer} newer, ${isCaughtUp}` : outcome;
    if (told === this.#told) return;
    this.#told = told;
    if (outcome !== 'complete') {
      const level = outcome === 'failed' ? 'warn' : 'info';
      logger(level, `${target} could not be compared with the ledger: ${error}`, { outcome });
    } else if (newer > 0 && isCaughtUp === true) {
      logger('error', `${target} ${LOST_FOR_GOOD} (${plural} ${examples})`, { unexpected, newer });
    } else if (unexpected + newer > 0) {
      logger(
        'warn',
        `${target} holds states that were never delivered to it; order-sync reconcile lists them (${plural} ${examples})`,
        {
          unexpected,
          newer,
        },
      );
    }
  }
}

function unreachable(why: string): TributaryError {
  return new TributaryError('target_unreachable', why);
}
