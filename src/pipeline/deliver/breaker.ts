import { ANY_ENTITY } from '../../core/entity-words.ts';
import type { Backoff } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import { RETRY_AFTER_MAX_MS } from '../../ports/delivery-target.ts';
import { HUNG_MS } from './blame.ts';
import type { BreakerOptions, BreakerState } from './options.ts';

/** The outcome of one call, as far as it concerns the target as a whole. */
export interface CallReport {
  /** `Breaker.generation` when the call began. */
  readonly generation: number;
  /** When the call began, by the monotonic clock. */
  readonly startedMs: number;
  /**
   * `accepted`: the target took a state. `refused`: it answered, and took none. `fault`: it gave no answer, or the answer
   * of a broken server.
   */
  readonly outcome: 'accepted' | 'refused' | 'fault';
  /**
   * The entities that the outcome counts for, without those whose own trouble is proven. A fault counts for the first
   * entity of the call alone.
   */
  readonly entityIds: readonly string[];
  readonly isFirstAttempt: boolean;
  /** A description of the failure, in one sentence; null if nothing failed. */
  readonly error: string | null;
}

/** A call that the target answered with a `Retry-After`. */
export interface AskReport extends Pick<CallReport, 'generation' | 'isFirstAttempt'> {
  readonly entityId: string;
  /** The time of the `Retry-After`, in milliseconds. */
  readonly ms: number;
  /** The number of states in the call. */
  readonly states: number;
}

/** At this rate the ramp ends. */
const RAMP_END_PER_SECOND = 20_000;
/** The fault of a retry counts less, because the state itself may be its cause. */
const RETRY_WEIGHT = 0.25;
/** At most this many of the trials are retries. If they hang, first attempts can still find out whether the target is back. */
const RETRY_TRIALS = 1;
/** A refusal counts less than a fault, because the state may be its cause. */
const REFUSAL_WEIGHT = 0.5;
/** After refusals the breaker is open for at most this time, because a target that answers may be asked again soon. */
const REFUSED_OPEN_MAX_MS = 5_000;
/** During a long `Retry-After` one trial is sent this often, so that a wrong `Retry-After` costs little. */
export const PROBE_EVERY_MS = 30_000;
const PAUSE_TRIALS = 1;
/** While a target goes on failing, there is at most one log line in this time. */
const SAY_EVERY_MS = 30_000;

/**
 * Stops the sending to a target that is down, and lets the rate rise slowly when it comes back. It is in one of these
 * states:
 *
 *     closed --faults or refusals of different entities in a row, or a large share of faults--> open
 *     open --its time is over--> half_open --a trial is taken--> ramping --the rate is at the top--> closed
 *     half_open --all trials failed--> open, for longer
 *     ramping --a few faults in a row--> open
 *     closed, ramping --`Retry-After` at several entities in a row--> open, for the time asked --> ramping
 *     half_open --`Retry-After` at a trial--> open, for the time asked --> ramping
 *     any --the target wants no more deliveries--> disabled
 *
 * During a `Retry-After` of more than 30 s one trial is sent every 30 s. As soon as the target takes one, the breaker is
 * ramping.
 *
 * Several failures of one entity count once. They count not at all when its own trouble is proven. Each state that the
 * target takes ends the row. A call that hung does not count if the target has answered a call that began later, nor if it
 * was a retry. So one entity that the target cannot take, or a few among many, never stop the others.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'random'>;
  readonly #say: (level: 'info' | 'warn' | 'error', message: string) => void;
  /** What messages call an entity. */
  readonly #noun: string;
  #state: BreakerState = 'closed';
  #notClosedSinceMs: number | null = null;
  #generation = 0;
  /** The number of openings since it was last closed. */
  #openings = 0;
  #openUntilMs = 0;
  #afterOpen: 'half_open' | 'ramping' = 'half_open';
  /** When the time of a `Retry-After` ends; null if the breaker is not open because of one. */
  #askedUntilMs: number | null = null;
  #saidMs = Number.NEGATIVE_INFINITY;
  #trialsLeft = 0;
  #retryTrialsLeft = 0;
  #trialsOut = 0;
  /** When the latest of the answered calls began. */
  #answeredSinceMs = Number.NEGATIVE_INFINITY;
  /** By entity: the states in the call whose first attempt the target answered with a `Retry-After`. */
  readonly #asks = new Map<string, number>();
  /** By entity that failed in the row: its weight. The breaker opens when the weights add up to 1. */
  readonly #failedInRow = new Map<string, number>();
  #window = { untilMs: 0, calls: 0, faults: 0 };
  #ramp = { ratePerSecond: 0, untilMs: 0, accepted: 0, faults: 0 };

  constructor(
    options: BreakerOptions,
    clock: Pick<Clock, 'monotonicMs' | 'random'>,
    say: (level: 'info' | 'warn' | 'error', message: string) => void,
    noun = ANY_ENTITY.noun,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#say = say;
    this.#noun = noun;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** For how long the breaker has not been closed; null if it is closed. */
  get notClosedForMs(): number | null {
    return this.#notClosedSinceMs === null ? null : this.#clock.monotonicMs() - this.#notClosedSinceMs;
  }

  /** Incremented on every reset, so that results of older calls are ignored. */
  get generation(): number {
    return this.#generation;
  }

  /** In how many milliseconds the next call may begin; null unless the breaker is open. */
  get opensInMs(): number | null {
    return this.#state === 'open' ? Math.max(0, this.#openUntilMs - this.#clock.monotonicMs()) : null;
  }

  /** The states a second that the ramp allows; null unless the breaker is ramping. */
  get rampPerSecond(): number | null {
    return this.#state === 'ramping' ? this.#ramp.ratePerSecond : null;
  }

  /** The number of first attempts, or of retries, that may begin now. If it is finite, they are trials, and go singly. */
  allowance(attempts: 'first' | 'later'): number {
    if (this.#state === 'half_open') {
      return attempts === 'first' ? this.#trialsLeft : Math.min(this.#trialsLeft, this.#retryTrialsLeft);
    }
    return this.#state === 'closed' || this.#state === 'ramping' ? Number.POSITIVE_INFINITY : 0;
  }

  /** Makes the changes that are due by time. Called before anything else is asked. */
  tick(): void {
    if (this.#state !== 'open' && this.#state !== 'ramping') return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#state === 'open' && nowMs >= this.#openUntilMs) {
      if (this.#afterOpen === 'ramping') this.#startRamp(nowMs);
      else {
        this.#enter('half_open');
        this.#trialsLeft = this.#askedUntilMs === null ? this.#options.trials : PAUSE_TRIALS;
        this.#retryTrialsLeft = RETRY_TRIALS;
        this.#trialsOut = 0;
      }
    }
    if (this.#state === 'ramping' && nowMs >= this.#ramp.untilMs) this.#climb(nowMs);
  }

  /** In how many milliseconds `tick` will change something; null if it will not. */
  get nextTickMs(): number | null {
    if (this.#state === 'ramping') return Math.max(0, this.#ramp.untilMs - this.#clock.monotonicMs());
    return this.opensInMs;
  }

  /** A call begins. */
  began(isFirstAttempt: boolean): void {
    if (this.#state !== 'half_open') return;
    this.#trialsLeft--;
    if (!isFirstAttempt) this.#retryTrialsLeft--;
    this.#trialsOut++;
  }

  ended(report: CallReport): void {
    if (report.outcome !== 'fault') {
      this.#answeredSinceMs = Math.max(this.#answeredSinceMs, report.startedMs);
    }
    if (report.generation !== this.#generation) return;
    if (this.#state === 'half_open') this.#trialEnded(report);
    else if (this.#state === 'closed' || this.#state === 'ramping') this.#callEnded(report);
  }

  /**
   * The target answers with a `Retry-After`, and does not say whether it means the state or everything. It counts for the
   * state alone, which waits for the time asked, until several entities in a row get such an answer.
   */
  asked({ generation, ms, entityId, states, isFirstAttempt }: AskReport): void {
    if (this.#state === 'disabled') return;
    if (this.#state !== 'open' && generation !== this.#generation) return;
    if (this.#state === 'closed' || this.#state === 'ramping') {
      // A retry waits for the time asked in any case, and stops no other state.
      if (!isFirstAttempt) return;
      this.#asks.set(entityId, states);
      if (sumOf(this.#asks) < this.#fewFaults) return;
    }
    // Calls that were under way when faults opened the breaker say nothing new.
    if (this.#state === 'open' && this.#askedUntilMs === null) return;
    this.#pause(Math.min(ms, RETRY_AFTER_MAX_MS));
  }

  #pause(ms: number): void {
    const nowMs = this.#clock.monotonicMs();
    // The longest of several times asked counts.
    if (this.#state === 'open' && (this.#askedUntilMs ?? 0) >= nowMs + ms) return;
    const wasAsked = this.#askedUntilMs !== null;
    const isLong = ms > PROBE_EVERY_MS;
    this.#open(nowMs + Math.min(ms, PROBE_EVERY_MS), isLong ? 'half_open' : 'ramping');
    this.#askedUntilMs = nowMs + ms;
    const trials = isLong ? `, and one trial is sent every ${PROBE_EVERY_MS / 1_000} s` : '';
    this.#warn(`The target asks to be left alone for ${ms} ms${trials}.`, !wasAsked);
  }

  /** The target wants no more deliveries. */
  disable(error: string | null): void {
    if (this.#state === 'disabled') return;
    this.#enter('disabled');
    this.#generation++;
    this.#say(
      'error',
      `The target wants no more deliveries, so NOTHING is sent to it until this program is started again: ${error ?? '410'}`,
    );
  }

  #callEnded(report: CallReport): void {
    const { outcome, startedMs, isFirstAttempt, error } = report;
    const { faultShare, minimumCalls } = this.#options;
    const window = this.#currentWindow();
    if (isFirstAttempt) window.calls++;
    if (outcome === 'accepted') {
      this.#ramp.accepted++;
      // Mostly they are empty, and clearing a map makes a new one.
      if (this.#failedInRow.size > 0) this.#failedInRow.clear();
      if (this.#asks.size > 0) this.#asks.clear();
      return;
    }
    const hasHung = this.#clock.monotonicMs() - startedMs >= HUNG_MS;
    if (hasHung && (!isFirstAttempt || startedMs < this.#answeredSinceMs)) return;
    if (outcome === 'fault') {
      this.#ramp.faults++;
      if (isFirstAttempt) window.faults++;
    }
    this.#lengthenRow(report);
    // A little less than 1, because the weights are fractions.
    if (sumOf(this.#failedInRow) >= 0.999) {
      const [firstId = ''] = this.#failedInRow.keys();
      const count = this.#failedInRow.size;
      this.#trip(
        `${count} states in a row (the first is that of ${this.#noun} ${quoted(firstId, 255)}) were not taken: ${error}`,
        outcome,
      );
    } else if (window.calls >= minimumCalls && window.faults >= window.calls * faultShare) {
      const percent = Math.round((100 * window.faults) / window.calls);
      this.#trip(`${percent} % of first attempts failed: ${error}`, outcome);
    }
  }

  #lengthenRow({ outcome, entityIds, isFirstAttempt }: CallReport): void {
    const { faults } = this.#options;
    // While the target comes back, fewer faults open the breaker again.
    const limit = this.#state === 'ramping' && outcome === 'fault' ? this.#fewFaults : faults;
    const weight = (outcome === 'fault' ? 1 : REFUSAL_WEIGHT) * (isFirstAttempt ? 1 : RETRY_WEIGHT);
    for (const entityId of entityIds) {
      this.#failedInRow.set(entityId, Math.max(this.#failedInRow.get(entityId) ?? 0, weight / limit));
    }
  }

  get #fewFaults(): number {
    return Math.max(1, Math.ceil(this.#options.faults / 3));
  }

  /** After each window, the earlier calls count half as much. */
  #currentWindow(): { calls: number; faults: number } {
    const nowMs = this.#clock.monotonicMs();
    const { windowMs } = this.#options;
    const overMs = nowMs - this.#window.untilMs;
    if (overMs >= 0) {
      const kept = 0.5 ** (1 + Math.floor(overMs / windowMs));
      this.#window.calls *= kept;
      this.#window.faults *= kept;
      this.#window.untilMs = nowMs + windowMs;
    }
    return this.#window;
  }

  #trialEnded({ outcome, error }: CallReport): void {
    this.#trialsOut--;
    if (outcome === 'accepted') this.#startRamp(this.#clock.monotonicMs());
    else if (this.#trialsOut === 0) this.#trip(`it still takes nothing: ${error}`, outcome);
  }

  #trip(why: string, outcome: CallReport['outcome']): void {
    this.#openings++;
    const backoffMs = halfJitterMs(this.#options.backoff, this.#openings, this.#clock.random());
    const ms = outcome === 'refused' ? Math.min(backoffMs, REFUSED_OPEN_MAX_MS) : backoffMs;
    this.#warn(`Nothing is sent for ${ms} ms, since ${why}`, this.#openings === 1);
    this.#open(this.#clock.monotonicMs() + ms, 'half_open');
  }

  /** Logs a new trouble at once, and an old one at most every 30 s. */
  #warn(message: string, isNew: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    if (!isNew && nowMs - this.#saidMs < SAY_EVERY_MS) return;
    this.#saidMs = nowMs;
    this.#say('warn', message);
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    if (state === 'closed') this.#notClosedSinceMs = null;
    else this.#notClosedSinceMs ??= this.#clock.monotonicMs();
  }

  #open(untilMs: number, after: 'half_open' | 'ramping'): void {
    this.#enter('open');
    this.#openUntilMs = untilMs;
    this.#afterOpen = after;
    this.#askedUntilMs = null;
    this.#generation++;
    this.#failedInRow.clear();
    this.#asks.clear();
    this.#window = { untilMs: 0, calls: 0, faults: 0 };
  }

  #startRamp(nowMs: number): void {
    const { rampStartPerSecond, rampIntervalMs } = this.#options;
    this.#enter('ramping');
    this.#askedUntilMs = null;
    this.#generation++;
    this.#ramp = {
      ratePerSecond: rampStartPerSecond,
      untilMs: nowMs + rampIntervalMs,
      accepted: 0,
      faults: 0,
    };
    this.#say('info', `The target takes states again: ${rampStartPerSecond} states a second at first.`);
  }

  /** The rate doubles only after an interval with states taken, and with at most one fault for ten of them. */
  #climb(nowMs: number): void {
    const { ratePerSecond, accepted, faults } = this.#ramp;
    const goesWell = accepted > 0 && faults * 10 <= accepted;
    const untilMs = nowMs + this.#options.rampIntervalMs;
    this.#ramp = {
      ratePerSecond: goesWell ? ratePerSecond * 2 : ratePerSecond,
      untilMs,
      accepted: 0,
      faults: 0,
    };
    if (this.#ramp.ratePerSecond < RAMP_END_PER_SECOND) return;
    this.#enter('closed');
    this.#openings = 0;
    this.#say('info', 'The target gets all states again, without a limit of the rate.');
  }
}

function sumOf(weights: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const weight of weights.values()) sum += weight;
  return sum;
}

/** Half of the wait is certain, to spare the target. Half is random, so that several instances do not come at once. */
function halfJitterMs(backoff: Backoff, opening: number, random: number): number {
  const limit = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(opening - 1, 40));
  return Math.ceil(limit / 2 + (random * limit) / 2);
}
