import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';

/** The most failing entities that are remembered. One that was forgotten costs a few attempts more. */
const REMEMBERED_MAX = 10_000;
/** Refusals are common if there are this many, and this share of all first attempts. */
const COMMON_REFUSALS = { states: 5, share: 0.2 };
/** First attempts and refusals from before the last such span of time count half. */
const WINDOW_MS = 10_000;
/** An entity that is not tried again within this time after its retry was due was taken over by another instance. */
const TAKEN_OVER_MS = 20_000;
/**
 * A state that is blamed itself, since nothing else failed, and that was refused this often and for this long, the first
 * time within this time after a success, was the last one of many: it is parked, though no other was taken after it.
 */
const LAST_OF_MANY = { refusals: 3, refusedForMs: 10_000, afterSuccessMs: 5_000 };
/** A call that failed after a longer time has hung. */
export const HUNG_MS = 1_000;

/** One attempt that failed. */
export interface Failure {
  readonly delivery: Pick<ClaimedDelivery, 'entityId' | 'version' | 'isRetry'>;
  /** When its call was begun, by the clock that never jumps. */
  readonly startedMs: number;
  /** Whether the target refused the state, rather than failed to take it. */
  readonly isRefused: boolean;
  /** Whether the same call delivered more states of other entities than were refused. */
  readonly othersWereDelivered: boolean;
  /** `well`: the breaker is closed. `recovering`: the target takes states again, since a moment ago. `down`: none. */
  readonly target: 'well' | 'recovering' | 'down';
}

export interface Judgement {
  /** Whose trouble it is. */
  readonly blames: 'state' | 'target';
  /** Whether a refused state may be given up now. */
  readonly mayPark: boolean;
  /** How often the entity has failed at this version, as far as this process knows. */
  readonly failures: number;
}

interface Failing {
  readonly version: number;
  failures: number;
  /** A call that the target took and that was begun after this moment shows a target that works, by that clock. */
  markMs: number;
  /** When the target last refused this version; null if it never did. */
  refusedMs: number | null;
  refusals: number;
  /** When it first failed at this version. */
  readonly sinceMs: number;
  /** Whether the target had taken another state just before that. */
  readonly isAfterSuccess: boolean;
  /** Whether it failed again although the target had taken other states since its failure before. */
  isProven: boolean;
  /** When it is to be tried again. */
  retryMs: number;
}

/**
 * Tells whether a failed attempt is the state's trouble or the target's.
 *
 *     suspected --the target took another state, and this one failed again--> proven: from now on its own trouble
 *
 * A suspected entity that fails alone is blamed itself. If two suspected entities have failed since the target last
 * took a state, the target is blamed, and so it is for every entity while the breaker lets nothing through. What is
 * known here is lost when the process ends.
 */
export class Blame {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** The entity that failed last comes last. */
  readonly #failing = new Map<string, Failing>();
  /** The suspected entities that failed since the target last took a state. */
  readonly #suspected = new Set<string>();
  #acceptedMs = Number.NEGATIVE_INFINITY;
  #failingSinceMs: number | null = null;
  #recent = { untilMs: 0, states: 0, refused: 0 };

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Whether the target has taken any state since this process began. */
  get hasAccepted(): boolean {
    return this.#acceptedMs > Number.NEGATIVE_INFINITY;
  }

  /**
   * When the first call of a suspected entity was begun that failed since the target last took a state; null if none has
   * failed, or if all that did were given up.
   */
  get failingSinceMs(): number | null {
    return this.#failingSinceMs;
  }

  /** The target took states in one call. */
  accepted(taken: readonly Pick<ClaimedDelivery, 'entityId' | 'isRetry'>[], startedMs: number): void {
    const [first] = taken;
    if (first === undefined) return;
    if (!first.isRetry) this.#window().states += taken.length;
    this.#acceptedMs = Math.max(this.#acceptedMs, startedMs);
    this.#failingSinceMs = null;
    // Nearly always nothing fails.
    if (this.#failing.size > 0) for (const { entityId } of taken) this.#failing.delete(entityId);
    if (this.#suspected.size > 0) this.#suspected.clear();
  }

  failed(failure: Failure): Judgement {
    const { delivery, startedMs, isRefused, othersWereDelivered } = failure;
    const { entityId, version, isRetry } = delivery;
    const nowMs = this.#clock.monotonicMs();
    if (!isRetry) {
      const window = this.#window();
      window.states++;
      if (isRefused) window.refused++;
    }
    const failing = this.#remember(entityId, version);
    const hasHung = nowMs - startedMs >= HUNG_MS;
    if (hasHung) failing.markMs = Math.min(failing.markMs, startedMs);
    if (othersWereDelivered || this.#acceptedMs >= failing.markMs) failing.isProven = true;
    const wasRefusedBefore = failing.refusedMs !== null && this.#acceptedMs >= failing.refusedMs;
    failing.failures++;
    failing.markMs = hasHung ? startedMs : nowMs;
    if (isRefused) {
      failing.refusedMs = nowMs;
      failing.refusals++;
    }
    if (failing.isProven) this.#suspected.delete(entityId);
    else {
      this.#failingSinceMs ??= startedMs;
      if (this.#suspected.size < REMEMBERED_MAX) this.#suspected.add(entityId);
    }

    const blames = this.#blamed(failing, failure);
    const isConfirmed = failing.isProven
      ? wasRefusedBefore && this.#suspected.size === 0
      : this.#isLastOfMany(failing, nowMs);
    const isKnown = othersWereDelivered || (isConfirmed && !this.#refusalsAreCommon);
    const mayPark = isRefused && blames === 'state' && isKnown;
    return { blames, mayPark, failures: failing.failures };
  }

  #blamed(failing: Failing, { target, othersWereDelivered }: Failure): Judgement['blames'] {
    if (othersWereDelivered) return 'state';
    if (target === 'down') return 'target';
    if (failing.isProven) return 'state';
    return target === 'recovering' || this.#suspected.size > 1 ? 'target' : 'state';
  }

  #isLastOfMany({ isAfterSuccess, refusals, sinceMs }: Failing, nowMs: number): boolean {
    const { refusals: enough, refusedForMs } = LAST_OF_MANY;
    return isAfterSuccess && refusals >= enough && nowMs - sinceMs >= refusedForMs;
  }

  /** The entity is tried again then, by the clock that never jumps; null if it is given up. */
  next(entityId: string, retryMs: number | null): void {
    const failing = this.#failing.get(entityId);
    if (failing === undefined) return;
    if (retryMs !== null) {
      failing.retryMs = retryMs;
      return;
    }
    this.#failing.delete(entityId);
    if (this.suspectedDue === 0) this.#failingSinceMs = null;
  }

  /** Whether the trouble of a state that failed again just now is its own, so that it says nothing of the target. */
  isProven({ entityId, version }: Pick<ClaimedDelivery, 'entityId' | 'version'>): boolean {
    const failing = this.#failing.get(entityId);
    return failing?.version === version && (failing.isProven || this.#acceptedMs >= failing.markMs);
  }

  /** How many suspected entities are due. */
  get suspectedDue(): number {
    const sinceMs = this.#clock.monotonicMs() - TAKEN_OVER_MS;
    let due = 0;
    for (const { isProven, retryMs } of this.#failing.values()) if (!isProven && retryMs >= sinceMs) due++;
    return due;
  }

  #remember(entityId: string, version: number): Failing {
    let failing = this.#failing.get(entityId);
    if (failing?.version !== version) {
      const nowMs = this.#clock.monotonicMs();
      failing = {
        version,
        failures: 0,
        markMs: Number.POSITIVE_INFINITY,
        refusedMs: null,
        refusals: 0,
        sinceMs: nowMs,
        isAfterSuccess: nowMs - this.#acceptedMs <= LAST_OF_MANY.afterSuccessMs,
        isProven: false,
        retryMs: nowMs,
      };
    }
    this.#failing.delete(entityId);
    this.#failing.set(entityId, failing);
    if (this.#failing.size > REMEMBERED_MAX) {
      const [longestAgo] = this.#failing.keys();
      if (longestAgo !== undefined) this.#failing.delete(longestAgo);
    }
    return failing;
  }

  /**
   * Many refusals beside many successes come from one of several servers that refuses everything, rather than from bad
   * states. A state is then given up after as many attempts as one that fails otherwise.
   */
  get #refusalsAreCommon(): boolean {
    const { states, refused } = this.#window();
    return refused >= COMMON_REFUSALS.states && refused >= states * COMMON_REFUSALS.share;
  }

  #window(): { states: number; refused: number } {
    const nowMs = this.#clock.monotonicMs();
    const overMs = nowMs - this.#recent.untilMs;
    if (overMs >= 0) {
      const kept = 0.5 ** (1 + Math.floor(overMs / WINDOW_MS));
      this.#recent.states *= kept;
      this.#recent.refused *= kept;
      this.#recent.untilMs = nowMs + WINDOW_MS;
    }
    return this.#recent;
  }
}
