import type { Clock } from '../../ports/clock.ts';
import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';

/** The most failing entities that are remembered. Forgetting one costs it a few more attempts. */
const REMEMBERED_MAX = 10_000;
/** Refusals are common if there are this many, and this share of all first attempts. */
const COMMON_REFUSALS = { states: 5, share: 0.2 };
/** After each span of this length, earlier first attempts and refusals count half as much as before. */
const WINDOW_MS = 10_000;
/** If an entity is not tried again within this time after its retry was due, another instance has taken it over. */
const TAKEN_OVER_MS = 20_000;
/**
 * When the last state of many is refused, no later success can prove that the target works. Such a state is parked after
 * `refusals` refusals over at least `refusedForMs`, if it failed first within `afterSuccessMs` after a success.
 */
const LAST_OF_MANY = { refusals: 3, refusedForMs: 10_000, afterSuccessMs: 5_000 };
/** A call that failed after this time or later has hung. */
export const HUNG_MS = 1_000;

/** A failed attempt. */
export interface Failure {
  readonly delivery: Pick<ClaimedDelivery, 'entityId' | 'version' | 'isRetry'>;
  /** When its call began, by the monotonic clock. */
  readonly startedMs: number;
  /** Whether the target refused the state; otherwise it could not take it. */
  readonly isRefused: boolean;
  /** Whether the same call delivered more states of other entities than were refused. */
  readonly othersWereDelivered: boolean;
  /** `well`: the breaker is closed. `recovering`: the breaker is ramping. `down`: it is open, half open or disabled. */
  readonly target: 'well' | 'recovering' | 'down';
}

export interface Judgement {
  /** Whether the state or the target causes the failure. */
  readonly blames: 'state' | 'target';
  /** Whether the state may be parked, because it was refused. */
  readonly mayPark: boolean;
  /** The failures of the entity at this version that this process has seen. */
  readonly failures: number;
}

interface Failing {
  readonly version: number;
  failures: number;
  /** If the target took a state in a call that began after this moment, the target works. By the monotonic clock. */
  markMs: number;
  /** When the target last refused this version; null if it never did. */
  refusedMs: number | null;
  refusals: number;
  /** When it first failed at this version. */
  readonly sinceMs: number;
  /** Whether the target had taken another state within `LAST_OF_MANY.afterSuccessMs` before that. */
  readonly isAfterSuccess: boolean;
  /** Whether it failed again although the target had taken other states since its last failure. */
  isProven: boolean;
  /** When its next attempt is due, by the monotonic clock. */
  retryMs: number;
}

/**
 * Decides whether the state or the target causes a failed attempt. A failing entity is in one of these states:
 *
 *     suspected --the target took another state since, and this entity failed again--> proven
 *
 * - Suspected: if it is the only suspected entity that has failed since the target last took a state, its state is blamed.
 *   If there are two or more, the target is blamed.
 * - Proven: its state is blamed from now on.
 *
 * While the breaker is open, half open or disabled, the target is blamed for every entity. If one call delivers more
 * states than it refuses, the refused states are blamed. All this is lost when the process ends.
 */
export class Blame {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** By entity. The entity that failed last comes last. */
  readonly #failing = new Map<string, Failing>();
  /** The suspected entities that have failed since the target last took a state. */
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
   * When the first failed call of a suspected entity since the last success began. Null if there is none, or if all these
   * entities were given up.
   */
  get failingSinceMs(): number | null {
    return this.#failingSinceMs;
  }

  /** The target took these states in one call. */
  accepted(taken: readonly Pick<ClaimedDelivery, 'entityId' | 'isRetry'>[], startedMs: number): void {
    const [first] = taken;
    if (first === undefined) return;
    if (!first.isRetry) this.#window().states += taken.length;
    this.#acceptedMs = Math.max(this.#acceptedMs, startedMs);
    this.#failingSinceMs = null;
    // Mostly no entity is failing.
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

  /** `retryMs`: when the next attempt of the entity is due, by the monotonic clock; null if it is given up. */
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

  /** Whether the failure of this state says nothing about the target, because its own trouble is proven. */
  isProven({ entityId, version }: Pick<ClaimedDelivery, 'entityId' | 'version'>): boolean {
    const failing = this.#failing.get(entityId);
    return failing?.version === version && (failing.isProven || this.#acceptedMs >= failing.markMs);
  }

  /** The number of suspected entities whose next attempt this instance still has to make. */
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
   * Many refusals beside many successes are a sign that one of several servers refuses everything. Then a refused state is
   * not parked early, but given up after all its attempts.
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
