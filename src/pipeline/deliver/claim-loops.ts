import { isDefect, messageOf } from '../../core/errors.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import type { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import type { Breaker } from './breaker.ts';
import type { ClaimAhead } from './claim-ahead.ts';
import { ClaimPlace } from './claim-place.ts';
import type { DeliverOptions } from './options.ts';
import { STORE_BACKOFF } from './settler.ts';

/** The loop that looks for retries spends at most a tenth of its time on looking: each look goes through all that is due. */
const RETRY_LOOKS_SHARE = 0.1;

export type Attempts = 'first' | 'later';

/** The parts and functions of a target's delivery that the loops need. */
export interface ClaimContext {
  readonly breaker: Breaker;
  readonly ahead: ClaimAhead;
  readonly defects: Defects;
  readonly stopping: AbortSignal;
  /** States that are being sent, or whose outcome is not in the ledger yet. */
  inFlight(): number;
  /** The most states a second; null for no limit. */
  allowedPerSecond(): number | null;
  /** Gives claims back that were not sent. */
  giveBack(unused: readonly ClaimedDelivery[]): void;
  /** Whether an operator has paused the target. */
  isPaused(): boolean;
  /** Begins the calls that may begin now. */
  pump(): void;
  /** Nothing may be claimed now: has the loops woken when time alone changes that. */
  pumpLater(): void;
}

/** Two loops that claim ahead of the calls, so that no call waits for the store: one for first attempts, one for retries. */
export class ClaimLoops {
  readonly #options: DeliverOptions;
  readonly #context: ClaimContext;
  readonly #wake = new Gate();
  readonly #roomMade = { first: new Gate(), later: new Gate() };
  readonly #place: ClaimPlace;
  readonly #claimant: string;
  readonly #failures = { first: 0, later: 0 };
  #claims = 0;
  #running = 0;

  constructor(options: DeliverOptions, context: ClaimContext) {
    this.#options = options;
    this.#context = context;
    this.#claimant = options.clock.uuid();
    this.#place = new ClaimPlace(options.clock);
  }

  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Something may have become due: first attempts are looked for now, not at the next poll. */
  wake(): void {
    this.#wake.open();
  }

  /** Wakes each loop that may claim something now. */
  openRoom(): void {
    if (this.#limit('first') > 0) this.#roomMade.first.open();
    if (this.#limit('later') > 0) this.#roomMade.later.open();
  }

  /** Claims until the delivery stops. */
  async run(attempts: Attempts): Promise<void> {
    this.#running++;
    try {
      while (!this.#context.stopping.aborted) await this.#turn(attempts);
    } finally {
      this.#running--;
    }
  }

  /** One claim, and the wait for a reason to make the next one. */
  async #turn(attempts: Attempts): Promise<void> {
    const { clock, pollMs } = this.#options;
    const { breaker, stopping, pumpLater } = this.#context;
    breaker.tick();
    const limit = this.#limit(attempts);
    if (limit === 0) {
      pumpLater();
      await this.#roomMade[attempts].wait(stopping);
      return;
    }
    // Begun before the claim, so that a wake during the claim is not slept over. Only first attempts follow a wake.
    const woken =
      attempts === 'first' ? this.#wake.waitFor(pollMs, clock, stopping) : clock.sleep(pollMs, stopping);
    const beganMs = clock.monotonicMs();
    try {
      const isAll = await this.#claim(attempts, limit);
      this.#failures[attempts] = 0;
      const lookedMs = clock.monotonicMs() - beganMs;
      if (isAll) await woken;
      if (isAll && attempts === 'later') await clock.sleep(lookedMs / RETRY_LOOKS_SHARE, stopping);
    } catch (error) {
      await clock.sleep(this.#failed(attempts, error), stopping);
    }
  }

  /** Returns how long to wait before the next claim. */
  #failed(attempts: Attempts, error: unknown): number {
    const { clock, logger, target } = this.#options;
    const failures = ++this.#failures[attempts];
    if (isDefect(error)) return this.#context.defects.rest(this.#nameOf(attempts), error, failures);
    logger('warn', `Deliveries to ${target.name} paused: ${messageOf(error)}`, { failures });
    return fullJitterMs(STORE_BACKOFF, failures, clock.random());
  }

  /** The name of one loop's claims where defects are counted. */
  #nameOf(attempts: Attempts): string {
    return `the claims of ${attempts === 'first' ? 'first attempts' : 'retries'} for ${this.#options.target.name}`;
  }

  /** The number of deliveries to claim now. */
  #limit(attempts: Attempts): number {
    const { breaker, ahead, inFlight, allowedPerSecond, isPaused } = this.#context;
    if (isPaused()) return 0;
    const allowance = breaker.allowance(attempts);
    if (allowance === 0) return 0;
    // A trial is a delivery that is claimed already, or else one that is claimed to be the trial.
    if (Number.isFinite(allowance)) return ahead[attempts].length > 0 ? 0 : allowance;
    return ahead.limit(attempts, inFlight(), allowedPerSecond());
  }

  /** Resolves with whether no more deliveries are due. */
  async #claim(attempts: Attempts, limit: number): Promise<boolean> {
    const { store, target, clock, leaseMs } = this.#options;
    const { ahead, defects, giveBack, pump } = this.#context;
    const behind = attempts === 'first' ? this.#place.next() : undefined;
    const askedMs = clock.monotonicMs();
    const claimed = await store.claimDeliveries({
      target: target.name,
      claimant: `${this.#claimant}:${++this.#claims}`,
      limit,
      leaseMs,
      attempts,
      ...(behind === undefined ? {} : { behind }),
    });
    defects.passed(this.#nameOf(attempts));
    const isMore = claimed.length === limit;
    if (attempts === 'first') this.#place.moved(claimed, isMore);
    giveBack(ahead.add(attempts, claimed, askedMs, isMore));
    pump();
    // Less than a quarter of what was asked for: those were all, even if other instances claim at the same time.
    return behind === undefined && claimed.length * 4 < limit;
  }
}
