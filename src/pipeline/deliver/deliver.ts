import { messageOf } from '../../core/errors.ts';
import { fullJitterMs } from '../../core/retry.ts';
import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import type { Delivery } from '../../ports/delivery-target.ts';
import { Gate } from '../gate.ts';
import { Breaker } from './breaker.ts';
import { summaryOf } from './call-summary.ts';
import { ClaimAhead } from './claim-ahead.ts';
import { ClaimPlace } from './claim-place.ts';
import { DeliveryBatchSize } from './delivery-batch-size.ts';
import { Judge } from './judge.ts';
import type { DeliverOptions, DeliverStatus } from './options.ts';
import { Renewals } from './renewals.ts';
import { deliveryOf, NO_OUTCOME } from './settlement.ts';
import { Settler, STORE_BACKOFF } from './settler.ts';
import { Slots } from './slots.ts';
import { TokenBucket } from './token-bucket.ts';

export type { DeliverOptions, DeliverStatus } from './options.ts';

/** Looks for retries take up to a tenth of the time: they go through all that is due, which may be much. */
const RETRY_LOOKS_SHARE = 0.1;
/** Of so many calls one is a retry, if any is due. */
const RETRYS_TURN = 4;

type Attempts = 'first' | 'later';

/**
 * Sends what is due to one target. One delivery's life:
 *
 *   due --> claimed (lease, attempt counted) --> waiting --> sent --> settled: delivered
 *    ^                                              |         |          |--> due again, after a pause with full jitter
 *    +--- given back, not sent <--------------------+         |          +--> dead
 *    +--- lease over, nobody settled it <---------------------+
 *
 * Three things go on side by side: claiming ahead of the calls, so that no call waits for the store; the calls,
 * begun by `#pump` whenever something changes; and settling, each time as much as came up while the last
 * settlement ran. An entity has one row in the ledger and so one claim: its states arrive in sequence, and the
 * others flow. What the breaker does not let through is not claimed, or given back, so that it costs no attempts. What
 * fails by the target's own trouble is tried again, and that does not count as an attempt either.
 */
export class Deliver {
  readonly #options: DeliverOptions;
  readonly #stopping = new AbortController();
  readonly #cutting = new AbortController();
  readonly #over = new AbortController();
  readonly #wake = new Gate();
  readonly #roomMade = { first: new Gate(), later: new Gate() };
  readonly #claimant: string;
  readonly #breaker: Breaker;
  readonly #rate: TokenBucket;
  readonly #slots: Slots;
  readonly #ahead: ClaimAhead;
  readonly #place: ClaimPlace;
  readonly #batchSize: DeliveryBatchSize;
  readonly #judge: Judge;
  readonly #settler: Settler;
  readonly #renewals: Renewals;
  #claims = 0;
  #turns = 0;
  #claimLoops = 0;
  #underWay = 0;
  #pumpAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: DeliverOptions) {
    const { clock, target, logger, concurrency, breaker } = options;
    this.#options = options;
    this.#claimant = clock.uuid();
    this.#breaker = new Breaker(breaker, clock, (level, message) =>
      logger(level, `Deliveries to ${target.name}: ${message}`),
    );
    this.#rate = new TokenBucket(clock);
    this.#slots = new Slots(concurrency, clock);
    this.#ahead = new ClaimAhead(this.#slots.quickCalls, this.#slots.quickRetryCalls);
    this.#place = new ClaimPlace(clock);
    this.#batchSize = new DeliveryBatchSize(clock);
    this.#judge = new Judge(options, {
      breaker: this.#breaker,
      batchSize: this.#batchSize,
      slots: this.#slots,
    });
    this.#renewals = new Renewals(options);
    this.#settler = new Settler(options, {
      isMoreToCome: () => this.#claimLoops > 0 || this.#ahead.waiting > 0 || this.#underWay > 0,
      isBusy: () => this.#ahead.waiting > 0,
      settled: () => this.#openRoom(),
      stopping: this.#stopping.signal,
    });
  }

  start(): void {
    this.#running ??= Promise.all([this.#claimLoop('first'), this.#claimLoop('later'), this.#settler.run()]);
  }

  /** Something may have become due: look now, not at the next poll. */
  wake(): void {
    this.#wake.open();
  }

  status(): DeliverStatus {
    this.#breaker.tick();
    return {
      ...this.#settler.totals,
      inFlight: this.#inFlight,
      waiting: this.#ahead.waiting,
      breaker: this.#breaker.state,
      opensInMs: this.#breaker.opensInMs,
      ratePerSecond: this.#allowedPerSecond(),
      maxBatch: this.#options.target.maxBatch,
    };
  }

  /** Whether the target takes what is due; else what is wrong, in a sentence or two. */
  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    return this.#judge.health();
  }

  /** States that are being sent, or whose outcome is not in the ledger yet. */
  get #inFlight(): number {
    return this.#underWay + this.#settler.unsettled;
  }

  /** Claims nothing more, lets calls go on for a while, settles them. May be called twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { clock, stopGraceMs } = this.#options;
    this.#stopping.abort();
    void clock.sleep(stopGraceMs, this.#over.signal).then(() => {
      this.#cutting.abort();
      this.#pump();
    });
    this.#pump();
    this.#settler.wake();
    await this.#running;
    this.#over.abort();
  }

  /** First attempts follow every wake; retries have waited longer than a poll anyway. */
  async #claimLoop(attempts: Attempts): Promise<void> {
    const { clock, logger, target, pollMs } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    this.#claimLoops++;
    while (!signal.aborted) {
      this.#breaker.tick();
      const limit = this.#claimLimit(attempts);
      if (limit === 0) {
        this.#pumpLater();
        await this.#roomMade[attempts].wait(signal);
        continue;
      }
      // Asked for before the claim, so that what becomes due during it is not slept over.
      const woken =
        attempts === 'first' ? this.#wake.waitFor(pollMs, clock, signal) : clock.sleep(pollMs, signal);
      const beganMs = clock.monotonicMs();
      try {
        const isAll = await this.#claim(attempts, limit);
        failures = 0;
        const lookedMs = clock.monotonicMs() - beganMs;
        if (isAll) await woken;
        if (isAll && attempts === 'later') await clock.sleep(lookedMs / RETRY_LOOKS_SHARE, signal);
      } catch (error) {
        failures++;
        logger('warn', `Deliveries to ${target.name} paused: ${messageOf(error)}`, { failures });
        await clock.sleep(fullJitterMs(STORE_BACKOFF, failures, clock.random()), signal);
      }
    }
    this.#claimLoops--;
    this.#settler.wake();
  }

  #claimLimit(attempts: Attempts): number {
    const allowance = this.#breaker.allowance(attempts);
    if (allowance === 0) return 0;
    // Trials are what waits already, else claimed for the purpose.
    if (Number.isFinite(allowance)) return this.#ahead[attempts].length > 0 ? 0 : allowance;
    return this.#ahead.limit(attempts, this.#inFlight, this.#allowedPerSecond());
  }

  /** Resolves with whether nothing that is due is left. */
  async #claim(attempts: Attempts, limit: number): Promise<boolean> {
    const { store, target, clock, leaseMs } = this.#options;
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
    const isMore = claimed.length === limit;
    if (attempts === 'first') this.#place.moved(claimed, isMore);
    this.#settler.giveBack(this.#ahead.add(attempts, claimed, askedMs, isMore));
    this.#pump();
    // Less than a part of what was asked for: that was all, even if others claim at the same time.
    return behind === undefined && claimed.length * 4 < limit;
  }

  #allowedPerSecond(): number | null {
    const cap = this.#options.ratePerSecond;
    const ramp = this.#breaker.rampPerSecond;
    return cap === null || ramp === null ? (cap ?? ramp) : Math.min(cap, ramp);
  }

  /** Begins all calls that may begin now; called whenever one of the reasons why not may have gone. */
  #pump(): void {
    if (this.#over.signal.aborted) return;
    this.#breaker.tick();
    this.#rate.setRate(this.#allowedPerSecond());
    this.#settler.giveBack(this.#ahead.dropBefore(this.#options.clock.monotonicMs() - this.#options.holdMs));
    while (this.#beginOne());
    const isStopping = this.#stopping.signal.aborted;
    if (this.#isShut(isStopping)) this.#settler.giveBack(this.#ahead.drop());
    this.#pumpLater();
    this.#openRoom();
    if (isStopping) this.#settler.wake();
  }

  /** Whether what waits has no way out for now. */
  #isShut(isStopping: boolean): boolean {
    const { state } = this.#breaker;
    if (state === 'open' || state === 'disabled') return true;
    // Somebody else makes the trials.
    return isStopping && (state === 'half_open' || this.#cutting.signal.aborted);
  }

  #beginOne(): boolean {
    const { target } = this.#options;
    if (this.#rate.available() < 1 || this.#cutting.signal.aborted) return false;
    const allowed = Math.min(this.#breaker.allowance('first'), this.#rate.available());
    // Neither kind waits for ever for the other.
    const isRetrysTurn = ++this.#turns % RETRYS_TURN === 0;
    if (isRetrysTurn && this.#beginRetry()) return true;
    if (allowed >= 1 && this.#ahead.first.length > 0 && this.#slots.hasRoom(false)) {
      const isTrial = this.#breaker.state === 'half_open';
      const size = isTrial ? 1 : this.#batchSize.of(this.#ahead.first.length, target.maxBatch);
      this.#call(this.#ahead.takeFirst(Math.min(size, allowed), this.#options.clock.monotonicMs()));
      return true;
    }
    return this.#beginRetry();
  }

  /** A retry goes alone: what hangs or fails with it should be nothing but itself. */
  #beginRetry(): boolean {
    if (this.#ahead.later.length === 0 || this.#breaker.allowance('later') < 1) return false;
    if (!this.#slots.hasRoom(true)) return false;
    this.#call(this.#ahead.later.take(1));
    return true;
  }

  #call(group: readonly ClaimedDelivery[]): void {
    const { target, clock, view } = this.#options;
    const { generation } = this.#breaker;
    const [first] = group;
    if (first === undefined) return;
    const isFirstAttempt = !first.isRetry;
    this.#underWay += group.length;
    this.#rate.take(group.length);
    this.#breaker.began(isFirstAttempt);
    const slot = this.#slots.begin(!isFirstAttempt);
    const attemptedAtMs = clock.now();
    const deliveries = group.map((delivery) => deliveryOf(delivery, view));
    this.#renewals.began(group);
    target.deliver(deliveries, this.#cutting.signal, (outcomes) => {
      this.#renewals.ended(group);
      this.#slots.end(slot);
      this.#underWay -= group.length;
      const summary = summaryOf(group, outcomes);
      if (summary.isDisowned) this.#settler.giveBack(this.#ahead.disown(clock.monotonicMs()));
      // Of a call that was cut off when stopping, nobody knows what it would have said.
      if (!this.#cutting.signal.aborted)
        this.#judge.ended(summary, { generation, startedMs: slot.startedMs, first, isFirstAttempt });
      for (let index = 0; index < group.length; index++) {
        const delivery = group[index] as ClaimedDelivery;
        const outcome = outcomes[index] ?? NO_OUTCOME;
        if (outcome.verdict === 'unknown') continue;
        if (outcome.verdict === 'unsent' || outcome.verdict === 'disowned') {
          this.#settler.giveBack([delivery]);
          continue;
        }
        const { verdict, status, latencyMs, answer, error } = outcome;
        const next =
          verdict === 'delivered' ? verdict : this.#judge.next(delivery, outcome, slot.startedMs, summary);
        this.#settler.add({
          delivery,
          deliveryId: (deliveries[index] as Delivery).deliveryId,
          attemptedAtMs,
          verdict,
          status,
          latencyMs,
          answer,
          error,
          next,
        });
      }
      this.#pump();
    });
  }

  /** Time alone may let something begin: a breaker that opens its door, a rate, a slow call that stands aside. */
  #pumpLater(): void {
    const { clock } = this.#options;
    let waitMs = this.#breaker.nextTickMs ?? Number.POSITIVE_INFINITY;
    if (this.#ahead.waiting > 0) {
      waitMs = Math.min(waitMs, this.#slots.nextAsideMs() ?? waitMs);
      if (this.#rate.ratePerSecond !== null) waitMs = Math.min(waitMs, this.#rate.waitMs());
    }
    if (waitMs === Number.POSITIVE_INFINITY) return;
    const ms = Math.max(1, waitMs);
    const atMs = clock.monotonicMs() + ms;
    // One that is set for earlier sets the next one itself.
    if (this.#pumpAtMs <= atMs) return;
    this.#pumpAtMs = atMs;
    void clock.sleep(ms, this.#over.signal).then(() => {
      if (this.#pumpAtMs !== atMs) return;
      this.#pumpAtMs = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }

  #openRoom(): void {
    if (this.#claimLimit('first') > 0) this.#roomMade.first.open();
    if (this.#claimLimit('later') > 0) this.#roomMade.later.open();
  }
}
