import { expect } from 'vitest';
import type { Breaker, CallReport } from '../../../src/pipeline/deliver/breaker.ts';
import type { BreakerOptions, BreakerState } from '../../../src/pipeline/deliver/options.ts';
import type { HandClock } from '../../helpers/properties.ts';

export const OPTIONS: BreakerOptions = {
  faults: 4,
  faultShare: 0.5,
  // The share has a property of its own.
  minimumCalls: Number.MAX_SAFE_INTEGER,
  windowMs: 10_000,
  backoff: { baseMs: 1_000, capMs: 8_000 },
  trials: 3,
  rampStartPerSecond: 5_000,
  rampIntervalMs: 1_000,
};
/** While the target comes back, and for answers with a `Retry-After`, this many entities in a row are enough. */
const FEW = 2;

export interface Call {
  readonly generation: number;
  readonly startedMs: number;
  readonly isFirstAttempt: boolean;
  readonly entityIds: readonly string[];
}

export interface Real {
  readonly clock: HandClock;
  readonly breaker: Breaker;
  readonly logged: string[];
}

/** The states of the docstring. What has failed since the last success stands in lists, and is counted anew each time. */
export class Model {
  nowMs = 0;
  state: BreakerState = 'closed';
  notClosedSinceMs: number | null = null;
  /** The calls under way, and those of before a reset, whose results say nothing any more. */
  calls: Call[] = [];
  generation = 0;
  openings = 0;
  openUntilMs = 0;
  afterOpen: 'half_open' | 'ramping' = 'half_open';
  askedUntilMs: number | null = null;
  trials = { left: 0, retriesLeft: 0, out: 0 };
  failed: { readonly entityId: string; readonly weight: number }[] = [];
  asked: { readonly entityId: string; readonly states: number }[] = [];
  answeredSinceMs = Number.NEGATIVE_INFINITY;
  ramp = { rate: 0, untilMs: 0, accepted: 0, faults: 0 };

  enter(state: BreakerState): void {
    this.state = state;
    this.notClosedSinceMs = state === 'closed' ? null : (this.notClosedSinceMs ?? this.nowMs);
  }

  reset(state: 'open' | 'ramping' | 'disabled'): void {
    this.enter(state);
    this.generation++;
    if (state === 'open') this.failed = this.asked = [];
    else if (state === 'ramping') {
      this.askedUntilMs = null;
      this.ramp = {
        rate: OPTIONS.rampStartPerSecond,
        untilMs: this.nowMs + OPTIONS.rampIntervalMs,
        accepted: 0,
        faults: 0,
      };
    }
  }

  allowance(isFirstAttempt: boolean): number {
    if (this.state === 'closed' || this.state === 'ramping') return Number.POSITIVE_INFINITY;
    if (this.state !== 'half_open') return 0;
    return isFirstAttempt ? this.trials.left : Math.min(this.trials.left, this.trials.retriesLeft);
  }

  tick(): void {
    if (this.state === 'open' && this.nowMs >= this.openUntilMs) {
      if (this.afterOpen === 'ramping') this.reset('ramping');
      else {
        this.enter('half_open');
        this.trials = { left: this.askedUntilMs === null ? OPTIONS.trials : 1, retriesLeft: 1, out: 0 };
      }
    }
    if (this.state !== 'ramping' || this.nowMs < this.ramp.untilMs) return;
    const { rate, accepted, faults } = this.ramp;
    const next = accepted > 0 && faults * 10 <= accepted ? rate * 2 : rate;
    this.ramp = { rate: next, untilMs: this.nowMs + OPTIONS.rampIntervalMs, accepted: 0, faults: 0 };
    if (next < 20_000) return;
    this.enter('closed');
    this.openings = 0;
  }

  /** What has failed opens the breaker: for half of a limit to the limit, which doubles each time. */
  trip(outcome: CallReport['outcome'], real: Real): void {
    this.openings++;
    const limitMs = Math.min(OPTIONS.backoff.capMs, OPTIONS.backoff.baseMs * 2 ** (this.openings - 1));
    const openMs = real.breaker.opensInMs ?? -1;
    const mostMs = outcome === 'refused' ? 5_000 : Number.POSITIVE_INFINITY;
    expect(openMs).toBeGreaterThanOrEqual(Math.min(limitMs / 2, mostMs));
    expect(openMs).toBeLessThanOrEqual(Math.min(limitMs, mostMs));
    this.openUntilMs = this.nowMs + openMs;
    this.afterOpen = 'half_open';
    this.askedUntilMs = null;
    this.reset('open');
  }

  ended(call: Call, outcome: CallReport['outcome'], real: Real): void {
    if (outcome !== 'fault') this.answeredSinceMs = Math.max(this.answeredSinceMs, call.startedMs);
    if (call.generation !== this.generation) return;
    if (this.state === 'half_open') {
      this.trials.out--;
      if (outcome === 'accepted') this.reset('ramping');
      else if (this.trials.out === 0) this.trip(outcome, real);
      return;
    }
    if (outcome === 'accepted') {
      this.ramp.accepted++;
      this.failed = this.asked = [];
      return;
    }
    const hasHung = this.nowMs - call.startedMs >= 1_000;
    if (hasHung && (!call.isFirstAttempt || call.startedMs < this.answeredSinceMs)) return;
    if (outcome === 'fault') this.ramp.faults++;
    const enough = this.state === 'ramping' && outcome === 'fault' ? FEW : OPTIONS.faults;
    const weight = (outcome === 'fault' ? 1 : 1 / 2) * (call.isFirstAttempt ? 1 : 1 / 4);
    this.failed = [
      ...this.failed,
      ...call.entityIds.map((entityId) => ({ entityId, weight: weight / enough })),
    ];
    const byEntity = [...Map.groupBy(this.failed, ({ entityId }) => entityId).values()];
    const heaviest = byEntity.map((same) => Math.max(...same.map((each) => each.weight)));
    if (heaviest.reduce((sum, each) => sum + each, 0) > 0.999) this.trip(outcome, real);
  }

  askedFor(call: Call, ms: number, states: number): void {
    if (this.state === 'disabled' || (this.state !== 'open' && call.generation !== this.generation)) return;
    if (this.state === 'open' && this.askedUntilMs === null) return;
    if (this.state === 'closed' || this.state === 'ramping') {
      if (!call.isFirstAttempt) return;
      const [entityId = ''] = call.entityIds;
      this.asked = [...this.asked.filter((each) => each.entityId !== entityId), { entityId, states }];
      if (this.asked.reduce((sum, each) => sum + each.states, 0) < FEW) return;
    }
    const heldMs = Math.min(ms, 15 * 60_000);
    if (this.state === 'open' && (this.askedUntilMs ?? 0) >= this.nowMs + heldMs) return;
    this.openUntilMs = this.nowMs + Math.min(heldMs, 30_000);
    this.afterOpen = heldMs > 30_000 ? 'half_open' : 'ramping';
    this.askedUntilMs = this.nowMs + heldMs;
    this.reset('open');
  }
}
