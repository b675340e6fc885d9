import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import { type Delivery, type DeliveryOutcome, defectOutcome } from '../../ports/delivery-target.ts';
import { Defects } from '../defects.ts';
import { supervised } from '../supervised.ts';
import { AttemptTally } from './attempt-tally.ts';
import { Breaker } from './breaker.ts';
import { type CallSummary, summaryOf } from './call-summary.ts';
import { ClaimAhead } from './claim-ahead.ts';
import { ClaimLoops } from './claim-loops.ts';
import { DeliveryBatchSize } from './delivery-batch-size.ts';
import { Judge } from './judge.ts';
import type { DeliverOptions, DeliverStatus } from './options.ts';
import { Renewals } from './renewals.ts';
import { deliveryOf, idOf, NO_OUTCOME } from './settlement.ts';
import { Settler } from './settler.ts';
import { type Slot, Slots } from './slots.ts';
import { TokenBucket } from './token-bucket.ts';

export type { DeliverOptions, DeliverStatus } from './options.ts';

/** One call in four carries a retry, if a retry is due. */
const RETRYS_TURN = 4;
/** After a defect in `#pump` the next try waits for this long. */
const PUMP_REST_MS = 1_000;

/** A call that is under way. */
interface Call {
  readonly group: readonly ClaimedDelivery[];
  readonly first: ClaimedDelivery;
  readonly isFirstAttempt: boolean;
  /** The breaker's generation when the call began. */
  readonly generation: number;
  readonly slot: Slot;
  /** By the wall clock. */
  readonly attemptedAtMs: number;
  isOver: boolean;
}

/**
 * Sends the deliveries that are due to one target. A delivery passes through these states:
 *
 *   due --claim--> claimed --call--> sent --outcome--> ended --settle--> delivered | due | dead
 *    ^                |               |
 *    +--given back----+---------------+
 *    +--end of the lease, from claimed, sent and ended
 *
 * - Due: the ledger has it, and no instance holds it. A loop of `ClaimLoops` claims it. The ledger then names this
 *   instance and the end of the lease, and counts one attempt more.
 * - Claimed: it waits in `ClaimAhead`. `#pump` begins a call with it as soon as the breaker, the rate and the slots
 *   allow. It is given back if it has waited for `holdMs`, if the breaker opens or is disabled, if the target is paused, if
 *   the program stops while the breaker is half open or for longer than `stopGraceMs`, and if the target says that another
 *   instance took this one for dead. Given back means: due as before, and the attempt is not counted.
 * - Sent: a call with it is under way. The target ends each call with one outcome for each delivery. After `unsent` and
 *   `disowned` the delivery is given back. After `unknown` nothing is recorded, and its lease has to end. After every
 *   other failure `Judge` decides whether it is due again or dead.
 * - Ended: it waits in `Settler`, which records it in the ledger together with others: as delivered, as due again after
 *   a pause, or as dead. A failure that is blamed on the target does not count as an attempt, except at the first one.
 *
 * If the program dies, or a defect strikes, the lease ends, and the delivery is due for every instance. Its attempt counts
 * then. An entity has one row in the ledger, and so at most one claim: its states are sent one after the other.
 *
 * Three activities run side by side: the two claim loops, the calls, and the settler. `#pump` begins calls. It runs
 * after each claim, after each call, at a stop, and by a timer when time alone lets a call begin.
 */
export class Deliver {
  readonly #options: DeliverOptions;
  readonly #stopping = new AbortController();
  readonly #cutting = new AbortController();
  readonly #over = new AbortController();
  readonly #defects: Defects;
  readonly #claims: ClaimLoops;
  readonly #breaker: Breaker;
  readonly #rate: TokenBucket;
  readonly #slots: Slots;
  readonly #ahead: ClaimAhead;
  readonly #deliveryBatchSize: DeliveryBatchSize;
  readonly #judge: Judge;
  readonly #settler: Settler;
  readonly #renewals: Renewals;
  readonly #attempts = new AttemptTally();
  #turns = 0;
  #underWay = 0;
  #isPaused = false;
  /** When the last pause ended, by the monotonic clock. */
  #unpausedMs = Number.NEGATIVE_INFINITY;
  #pumpAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: DeliverOptions) {
    const { clock, target, logger, concurrency, breaker } = options;
    this.#options = options;
    this.#defects = options.defects ?? new Defects(clock, logger);
    this.#breaker = new Breaker(
      breaker,
      clock,
      (level, message) => logger(level, `Deliveries to ${target.name}: ${message}`),
      options.words?.noun,
    );
    this.#rate = new TokenBucket(clock);
    this.#slots = new Slots(concurrency, clock);
    this.#ahead = new ClaimAhead(this.#slots.quickCalls, this.#slots.quickRetryCalls);
    this.#deliveryBatchSize = new DeliveryBatchSize(clock);
    this.#judge = new Judge(options, {
      breaker: this.#breaker,
      deliveryBatchSize: this.#deliveryBatchSize,
      slots: this.#slots,
    });
    this.#renewals = new Renewals(options, this.#defects);
    const { signal } = this.#stopping;
    this.#claims = new ClaimLoops(options, {
      breaker: this.#breaker,
      ahead: this.#ahead,
      defects: this.#defects,
      stopping: signal,
      inFlight: () => this.#inFlight,
      allowedPerSecond: () => this.#allowedPerSecond(),
      giveBack: (unused) => this.#settler.giveBack(unused),
      isPaused: () => this.#isPaused,
      pump: () => this.#pump(),
      pumpLater: () => this.#pumpLater(),
    });
    this.#settler = new Settler(options, {
      isMoreToCome: () =>
        !signal.aborted || this.#claims.isRunning || this.#ahead.waiting > 0 || this.#underWay > 0,
      isBusy: () => this.#ahead.waiting > 0,
      settled: () => this.#claims.openRoom(),
      defects: this.#defects,
      stopping: signal,
    });
  }

  start(): void {
    const { clock, target } = this.#options;
    const supervision = { defects: this.#defects, clock, signal: this.#stopping.signal };
    const run = (what: string, loop: () => Promise<void>) =>
      supervised(`${what} for ${target.name}`, loop, supervision).finally(() => this.#settler.wake());
    this.#running ??= Promise.all([
      run('the claims of first attempts', () => this.#claims.run('first')),
      run('the claims of retries', () => this.#claims.run('later')),
      run('the recording of attempts', () => this.#settler.run()),
    ]);
  }

  /** Something may have become due: look now, not at the next poll. */
  wake(): void {
    this.#claims.wake();
  }

  /**
   * Claims nothing and begins no call until `goOn`. Calls that are under way end as always, and are recorded. States that
   * are claimed and not sent are given back. May be called before `start`, and twice.
   */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#pump();
  }

  /** Ends a pause. Does nothing if there is none. */
  goOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#unpausedMs = this.#options.clock.monotonicMs();
    this.#claims.openRoom();
  }

  status(): DeliverStatus {
    this.#breaker.tick();
    return {
      ...this.#settler.totals,
      inFlight: this.#inFlight,
      waiting: this.#ahead.waiting,
      isPaused: this.#isPaused,
      breaker: this.#breaker.state,
      notClosedForMs: this.#breaker.notClosedForMs,
      opensInMs: this.#breaker.opensInMs,
      lastFailure: this.#judge.lastFailure,
      ratePerSecond: this.#allowedPerSecond(),
      maxBatch: this.#options.target.maxDeliveryBatch,
      attempts: this.#attempts.status(),
    };
  }

  /** Whether the target takes what is due; else what is wrong, in a sentence or two. Nothing is expected during a pause. */
  health(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    if (this.#isPaused) return { ok: true };
    return this.#judge.health(this.#unpausedMs);
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

  #allowedPerSecond(): number | null {
    const cap = this.#options.ratePerSecond;
    const ramp = this.#breaker.rampPerSecond;
    return cap === null || ramp === null ? (cap ?? ramp) : Math.min(cap, ramp);
  }

  /** Begins every call that may begin now. Never throws: whoever calls this has work of its own to finish. */
  #pump(): void {
    if (this.#over.signal.aborted) return;
    try {
      this.#breaker.tick();
      this.#rate.setRate(this.#allowedPerSecond());
      const nowMs = this.#options.clock.monotonicMs();
      this.#settler.giveBack(this.#ahead.dropBefore(nowMs - this.#options.holdMs));
      while (this.#beginOne(nowMs));
      const isStopping = this.#stopping.signal.aborted;
      if (this.#isShut(isStopping)) this.#settler.giveBack(this.#ahead.drop());
      this.#pumpLater();
      this.#claims.openRoom();
      if (isStopping) this.#settler.wake();
    } catch (error) {
      this.#defects.met(`the calls to ${this.#options.target.name}`, error);
      this.#pumpAfter(PUMP_REST_MS);
    }
  }

  /** Whether what waits has no way out for now. */
  #isShut(isStopping: boolean): boolean {
    const { state } = this.#breaker;
    if (this.#isPaused || state === 'open' || state === 'disabled') return true;
    // Somebody else makes the trials.
    return isStopping && (state === 'half_open' || this.#cutting.signal.aborted);
  }

  #beginOne(nowMs: number): boolean {
    const { target } = this.#options;
    if (this.#isPaused || this.#rate.available() < 1 || this.#cutting.signal.aborted) return false;
    const allowed = Math.min(this.#breaker.allowance('first'), this.#rate.available());
    // Neither kind waits for ever for the other.
    const isRetrysTurn = ++this.#turns % RETRYS_TURN === 0;
    if (isRetrysTurn && this.#beginRetry()) return true;
    if (allowed >= 1 && this.#ahead.first.length > 0 && this.#slots.hasRoom(false)) {
      const isTrial = this.#breaker.state === 'half_open';
      const size = isTrial
        ? 1
        : this.#deliveryBatchSize.of(this.#ahead.first.length, target.maxDeliveryBatch);
      this.#call(this.#ahead.takeFirst(Math.min(size, allowed), nowMs));
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

  /** Begins a call with these deliveries, and ends it if its target, or the making of its states, throws. */
  #call(group: readonly ClaimedDelivery[]): void {
    const call = this.#begin(group);
    if (call === null) return;
    const { target, view } = this.#options;
    let deliveries: Delivery[] = [];
    try {
      deliveries = group.map((delivery) => deliveryOf(delivery, view));
      target.deliver(deliveries, this.#cutting.signal, (outcomes) => this.#end(call, deliveries, outcomes));
    } catch (error) {
      const failed = group.map(() => defectOutcome(error));
      // Not from within `#pump`, which begins calls.
      queueMicrotask(() => this.#end(call, deliveries, failed));
    }
  }

  #begin(group: readonly ClaimedDelivery[]): Call | null {
    const [first] = group;
    if (first === undefined) return null;
    const isFirstAttempt = !first.isRetry;
    const { generation } = this.#breaker;
    this.#underWay += group.length;
    this.#rate.take(group.length);
    this.#breaker.began(isFirstAttempt);
    const slot = this.#slots.begin(!isFirstAttempt);
    const attemptedAtMs = this.#options.clock.now();
    this.#renewals.began(group);
    return { group, first, isFirstAttempt, generation, slot, attemptedAtMs, isOver: false };
  }

  /** Called once by the target, or in its place if it throws. */
  #end(call: Call, deliveries: readonly Delivery[], outcomes: readonly DeliveryOutcome[]): void {
    if (call.isOver) return;
    call.isOver = true;
    const { group, slot } = call;
    this.#renewals.ended(group);
    this.#slots.end(slot);
    this.#underWay -= group.length;
    try {
      this.#judgeAndSettle(call, deliveries, outcomes);
    } catch (error) {
      // What was not settled is due again when its lease ends. Its id is the same then, so the target takes it once.
      this.#defects.met(`the outcomes of calls to ${this.#options.target.name}`, error);
    }
    this.#pump();
  }

  #judgeAndSettle(call: Call, deliveries: readonly Delivery[], outcomes: readonly DeliveryOutcome[]): void {
    const { group, first, isFirstAttempt, generation, slot } = call;
    const summary = summaryOf(group, outcomes);
    if (summary.sent > 0) this.#attempts.callEnded(this.#options.clock.monotonicMs() - slot.startedMs);
    if (summary.isDisowned) this.#settler.giveBack(this.#ahead.disown(this.#options.clock.monotonicMs()));
    for (const { defect } of outcomes)
      if (defect !== undefined) this.#defects.met(`deliveries to ${this.#options.target.name}`, defect);
    // The outcome of a call that the stop has cut off says nothing about the target.
    if (!this.#cutting.signal.aborted)
      this.#judge.ended(summary, { generation, startedMs: slot.startedMs, first, isFirstAttempt });
    for (let index = 0; index < group.length; index++) {
      const outcome = outcomes[index] ?? NO_OUTCOME;
      this.#settle(call, group[index] as ClaimedDelivery, deliveries[index], outcome, summary);
    }
  }

  #settle(
    { slot, attemptedAtMs }: Call,
    delivery: ClaimedDelivery,
    sent: Delivery | undefined,
    outcome: DeliveryOutcome,
    summary: CallSummary,
  ): void {
    const { verdict, status, latencyMs, answer, error } = outcome;
    this.#attempts.add(verdict, status);
    if (verdict === 'unknown') return;
    if (verdict === 'unsent' || verdict === 'disowned') {
      this.#settler.giveBack([delivery]);
      return;
    }
    const next =
      verdict === 'delivered' ? verdict : this.#judge.next(delivery, outcome, slot.startedMs, summary);
    const deliveryId = sent?.deliveryId ?? idOf(delivery);
    this.#settler.add({
      delivery,
      deliveryId,
      attemptedAtMs,
      verdict,
      status,
      latencyMs,
      answer,
      error,
      next,
    });
  }

  /** Sets a timer if time alone will let a call begin: a breaker goes on, a rate allows one more, a call counts as slow. */
  #pumpLater(): void {
    let waitMs = this.#breaker.nextTickMs ?? Number.POSITIVE_INFINITY;
    if (this.#ahead.waiting > 0) {
      const slowAtMs = this.#slots.nextSlowAtMs;
      // Mostly the timer is set for an earlier moment already, and then the clock is not read.
      if (slowAtMs !== null && slowAtMs < this.#pumpAtMs)
        waitMs = Math.min(waitMs, slowAtMs - this.#options.clock.monotonicMs());
      if (this.#rate.ratePerSecond !== null) waitMs = Math.min(waitMs, this.#rate.waitMs());
    }
    if (waitMs < Number.POSITIVE_INFINITY) this.#pumpAfter(Math.max(1, waitMs));
  }

  #pumpAfter(ms: number): void {
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + ms;
    // A timer that is set for an earlier moment sets the next one itself.
    if (this.#pumpAtMs <= atMs) return;
    this.#pumpAtMs = atMs;
    void clock.sleep(ms, this.#over.signal).then(() => {
      if (this.#pumpAtMs !== atMs) return;
      this.#pumpAtMs = Number.POSITIVE_INFINITY;
      this.#pump();
    });
  }
}
