import type { View } from '../../core/domain.ts';
import type { Backoff } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryTarget } from '../../ports/delivery-target.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { Defects } from '../defects.ts';

export interface DeliverOptions extends DeliverTiming, Pace {
  readonly view: Pick<View<never>, 'keyColumn' | 'columns'>;
  readonly target: DeliveryTarget;
  readonly store: Pick<
    Store,
    'claimDeliveries' | 'settleDeliveries' | 'releaseDeliveries' | 'renewDeliveries'
  >;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the defects of the program are counted; an own count if it is left out. */
  readonly defects?: Defects;
}

/** What one target is given, and how fast. */
export interface Pace {
  /**
   * How many calls may be under way at once. Half of them at least are kept for first attempts, so that retries of
   * states that hang hold up nobody else; to bear states whose first attempts hang it has to be more than those of
   * one second times the target's deadline in seconds.
   */
  readonly concurrency: number;
  /** No more states a second than this; null for no limit. */
  readonly ratePerSecond: number | null;
  /** The limit of the wait after an attempt that failed; it doubles with each, up to the cap. */
  readonly backoff: Backoff;
  /** After this many attempts at one version that count it is dead, until somebody decides. */
  readonly maxAttempts: number;
  readonly breaker: BreakerOptions;
}

/** When a target counts as down, and how it is given states again. */
export interface BreakerOptions {
  /** This many states that fail one after the other, with none taken in between, open it; of refused ones twice as many. */
  readonly faults: number;
  /** So large a share of first attempts failing opens it too, in `windowMs`, if there are `minimumCalls`. */
  readonly faultShare: number;
  readonly minimumCalls: number;
  readonly windowMs: number;
  /** How long it stays open: between half of the limit and the limit, which doubles each time the trials fail. */
  readonly backoff: Backoff;
  /** How many states find out whether the target is back. */
  readonly trials: number;
  /** States a second after that; the rate doubles in each interval in which it goes well. */
  readonly rampStartPerSecond: number;
  readonly rampIntervalMs: number;
}

export interface DeliverTiming {
  /** Longer than a call may take and `holdMs` together: a claim that was not settled by then is anybody's. */
  readonly leaseMs: number;
  /** How long a claimed state may wait for its turn; after that it is given back. */
  readonly holdMs: number;
  /** How often to look for what other instances made due, and for retries. */
  readonly pollMs: number;
  /** How long calls under way may go on after `stop`. */
  readonly stopGraceMs: number;
}

export const DEFAULT_BREAKER: BreakerOptions = {
  faults: 10,
  faultShare: 0.5,
  minimumCalls: 20,
  windowMs: 10_000,
  backoff: { baseMs: 1_000, capMs: 20_000 },
  trials: 3,
  rampStartPerSecond: 50,
  rampIntervalMs: 1_000,
};

/** Retries over one to three days: 24 attempts, with waits of up to 6 hours. */
export const DEFAULT_PACE: Pace = {
  concurrency: 512,
  ratePerSecond: null,
  backoff: { baseMs: 5_000, capMs: 6 * 60 * 60_000 },
  maxAttempts: 24,
  breaker: DEFAULT_BREAKER,
};

export const DEFAULT_TIMING: DeliverTiming = {
  leaseMs: 45_000,
  holdMs: 10_000,
  pollMs: 500,
  stopGraceMs: 5_000,
};

/** `disabled`: the target wants nothing any more, until a restart. */
export type BreakerState = 'closed' | 'open' | 'half_open' | 'ramping' | 'disabled';

export interface DeliverStatus {
  readonly delivered: number;
  readonly retried: number;
  readonly dead: number;
  /** States that are being sent, or whose outcome is not in the ledger yet. */
  readonly inFlight: number;
  /** States that are claimed and wait for their turn. */
  readonly waiting: number;
  readonly breaker: BreakerState;
  /** Until the breaker lets something through again, in milliseconds; null unless it is open. */
  readonly opensInMs: number | null;
  /** States a second that are allowed now; null for no limit. */
  readonly ratePerSecond: number | null;
  /** States that one call may carry. */
  readonly maxBatch: number;
}
