import type { Backoff } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import { RETRY_AFTER_MAX_MS } from '../../ports/delivery-target.ts';
import { HUNG_MS } from './blame.ts';
import type { BreakerOptions, BreakerState } from './options.ts';

/** What a call came to, as far as the target as a whole is concerned. */
export interface CallReport {
  /** `Breaker.generation` when the call was begun. */
  readonly generation: number;
  /** When it was begun, by the clock that never jumps. */
  readonly startedMs: number;
  /**
   * `accepted`: the target took a state. `refused`: it answered, and took none. `fault`: there was no answer, or one of a
   * broken target.
   */
  readonly outcome: 'accepted' | 'refused' | 'fault';
  /**
   * The entities that the outcome speaks of: of a fault one, though others may have been in the call, and none that is
   * known to be in trouble of its own.
   */
  readonly entityIds: readonly string[];
  readonly isFirstAttempt: boolean;
  /** What went wrong, in one sentence. */
  readonly error: string | null;
}

/** A call that the target answered by asking to be left alone for a while. */
export interface AskReport extends Pick<CallReport, 'generation' | 'isFirstAttempt'> {
  readonly entityId: string;
  /** For how long. */
  readonly ms: number;
  /** States that the call carried. */
  readonly states: number;
}

/** Past this rate the ramp is over. */
const RAMP_END_PER_SECOND = 20_000;
/** A fault of a retry says less: the state itself may be what the target stumbles over. */
const RETRY_WEIGHT = 0.25;
/** Of the trials so many may be retries: if those hang, the first attempts that come meanwhile still find out. */
const RETRY_TRIALS = 1;
/** A refusal says less than a fault, because a state may deserve it. */
const REFUSAL_WEIGHT = 0.5;
/** A target that answers may be asked again soon: it stays open for no longer after refusals. */
const REFUSED_OPEN_MAX_MS = 5_000;
/** While the target wants to be left alone, one trial is sent this often, so that a wrong pause costs little. */
export const PROBE_EVERY_MS = 30_000;
const PAUSE_TRIALS = 1;
/** A target that goes on failing is told of in the log this often. */
const SAY_EVERY_MS = 30_000;

/**
 * Keeps a target that is down from being asked, and one that comes back from being run over.
 *
 *     closed --faults or refusals of different entities in a row, or too large a share of faults--> open
 *     open --its time is over--> half_open --a state is taken--> ramping --rate at the top--> closed
 *     half_open --all trials failed--> open, for longer
 *     ramping --a few faults in a row--> open
 *     any --the target asks to be left alone at several entities in a row--> open, for as long as asked --> ramping
 *     any --the target wants no more--> disabled
 *
 * A pause of over half a minute is not believed blindly: one trial is sent every half minute, and the breaker ramps as
 * soon as one is taken.
 *
 * One entity's failures count once, however often it is tried, and not at all once its trouble is known to be its own;
 * any state that is taken ends the row. A call that
 * hung says nothing if the target has answered another that was begun later, or if it hung before. So one entity that
 * the target cannot take, or a few among many, never hold up the others.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'random'>;
  readonly #say: (level: 'info' | 'warn' | 'error', message: string) => void;
  #state: BreakerState = 'closed';
  #generation = 0;
  /** Since it was last closed. */
  #openings = 0;
  #openUntilMs = 0;
  #afterOpen: 'half_open' | 'ramping' = 'half_open';
  /** Until when the target wants to be left alone; null if it is not open because of that. */
  #askedUntilMs: number | null = null;
  #saidMs = Number.NEGATIVE_INFINITY;
  #trialsLeft = 0;
  #retryTrialsLeft = 0;
  #trialsOut = 0;
  /** When the latest call was begun that was answered. */
  #answeredSinceMs = Number.NEGATIVE_INFINITY;
  /** Entities at whose first attempts the target asked to be left alone, and how many states each call carried. */
  readonly #asks = new Map<string, number>();
  /** Entities that failed in a row, and which part of what opens the breaker each of them is. */
  readonly #failedInRow = new Map<string, number>();
  #window = { untilMs: 0, calls: 0, faults: 0 };
  #ramp = { ratePerSecond: 0, untilMs: 0, accepted: 0, faults: 0 };

  constructor(
    options: BreakerOptions,
    clock: Pick<Clock, 'monotonicMs' | 'random'>,
    say: (level: 'info' | 'warn' | 'error', message: string) => void,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#say = say;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Rises whenever what was begun before says nothing any more about the target. */
  get generation(): number {
    return this.#generation;
  }

  /** Until it lets something through again; null unless it is open. */
  get opensInMs(): number | null {
    return this.#state === 'open' ? Math.max(0, this.#openUntilMs - this.#clock.monotonicMs()) : null;
  }

  /** States a second that the ramp allows; null without a ramp. */
  get rampPerSecond(): number | null {
    return this.#state === 'ramping' ? this.#ramp.ratePerSecond : null;
  }

  /** How many first attempts, or retries, may be begun now; trials are to be sent singly. */
  allowance(attempts: 'first' | 'later'): number {
    if (this.#state === 'half_open') {
      return attempts === 'first' ? this.#trialsLeft : Math.min(this.#trialsLeft, this.#retryTrialsLeft);
    }
    return this.#state === 'closed' || this.#state === 'ramping' ? Number.POSITIVE_INFINITY : 0;
  }

  /** Lets time have its effect; to be asked before anything is begun. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#state === 'open' && nowMs >= this.#openUntilMs) {
      if (this.#afterOpen === 'ramping') this.#startRamp(nowMs);
      else {
        this.#state = 'half_open';
        this.#trialsLeft = this.#askedUntilMs === null ? this.#options.trials : PAUSE_TRIALS;
        this.#retryTrialsLeft = RETRY_TRIALS;
        this.#trialsOut = 0;
      }
    }
    if (this.#state === 'ramping' && nowMs >= this.#ramp.untilMs) this.#climb(nowMs);
  }

  /** Until `tick` has something to do; null if time alone changes nothing. */
  get nextTickMs(): number | null {
    if (this.#state === 'ramping') return Math.max(0, this.#ramp.untilMs - this.#clock.monotonicMs());
    return this.opensInMs;
  }

  /** A call is begun. */
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
   * The target asks to be left alone. Whether that is about all of it or about one state, it does not say: it is about
   * the state, which waits for as long as asked, until several entities are told so in a row.
   */
  asked({ generation, ms, entityId, states, isFirstAttempt }: AskReport): void {
    if (this.#state === 'disabled') return;
    if (this.#state !== 'open' && generation !== this.#generation) return;
    if (this.#state === 'closed' || this.#state === 'ramping') {
      // Each retry waits for as long as it was asked to anyway, and however many there are, they hold up no others.
      if (!isFirstAttempt) return;
      this.#asks.set(entityId, states);
      if (sumOf(this.#asks) < this.#fewFaults) return;
    }
    // Calls that were under way when faults opened it say nothing new.
    if (this.#state === 'open' && this.#askedUntilMs === null) return;
    this.#pause(Math.min(ms, RETRY_AFTER_MAX_MS));
  }

  #pause(ms: number): void {
    const nowMs = this.#clock.monotonicMs();
    // Of several who ask, the longest counts.
    if (this.#state === 'open' && (this.#askedUntilMs ?? 0) >= nowMs + ms) return;
    const wasAsked = this.#askedUntilMs !== null;
    const isLong = ms > PROBE_EVERY_MS;
    this.#open(nowMs + Math.min(ms, PROBE_EVERY_MS), isLong ? 'half_open' : 'ramping');
    this.#askedUntilMs = nowMs + ms;
    const trials = isLong ? `, and one trial is sent every ${PROBE_EVERY_MS / 1_000} s` : '';
    this.#warn(`The target asks to be left alone for ${ms} ms${trials}.`, !wasAsked);
  }

  /** The target wants nothing any more. */
  disable(error: string | null): void {
    if (this.#state === 'disabled') return;
    this.#state = 'disabled';
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
      // Nearly always there are none, and to clear a map makes a new one.
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
    // A little less than 1, because the parts are fractions.
    if (sumOf(this.#failedInRow) >= 0.999) {
      const [firstId = ''] = this.#failedInRow.keys();
      const count = this.#failedInRow.size;
      this.#trip(
        `${count} states in a row (the first is that of order ${quoted(firstId, 255)}) were not taken: ${error}`,
        outcome,
      );
    } else if (window.calls >= minimumCalls && window.faults >= window.calls * faultShare) {
      const percent = Math.round((100 * window.faults) / window.calls);
      this.#trip(`${percent} % of first attempts failed: ${error}`, outcome);
    }
  }

  #lengthenRow({ outcome, entityIds, isFirstAttempt }: CallReport): void {
    const { faults } = this.#options;
    // While the target comes back, it is watched more closely.
    const limit = this.#state === 'ramping' && outcome === 'fault' ? this.#fewFaults : faults;
    const weight = (outcome === 'fault' ? 1 : REFUSAL_WEIGHT) * (isFirstAttempt ? 1 : RETRY_WEIGHT);
    for (const entityId of entityIds) {
      this.#failedInRow.set(entityId, Math.max(this.#failedInRow.get(entityId) ?? 0, weight / limit));
    }
  }

  get #fewFaults(): number {
    return Math.max(1, Math.ceil(this.#options.faults / 3));
  }

  /** What is older counts less and less. */
  #currentWindow(): { calls: number; faults: number } {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#window.untilMs) {
      this.#window.calls /= 2;
      this.#window.faults /= 2;
      this.#window.untilMs = nowMs + this.#options.windowMs;
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

  /** Says what is new at once, and what is not only now and then. */
  #warn(message: string, isNew: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    if (!isNew && nowMs - this.#saidMs < SAY_EVERY_MS) return;
    this.#saidMs = nowMs;
    this.#say('warn', message);
  }

  #open(untilMs: number, after: 'half_open' | 'ramping'): void {
    this.#state = 'open';
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
    this.#state = 'ramping';
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

  /** An interval in which nothing was taken proves nothing, and one with more than a few faults is not going well. */
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
    this.#state = 'closed';
    this.#openings = 0;
    this.#say('info', 'The target is given everything again.');
  }
}

function sumOf(weights: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const weight of weights.values()) sum += weight;
  return sum;
}

/** Some wait for certain, since the target is one for all, and some chance, since the instances are many. */
function halfJitterMs(backoff: Backoff, opening: number, random: number): number {
  const limit = Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(opening - 1, 40));
  return Math.ceil(limit / 2 + (random * limit) / 2);
}
