import type { View } from '../../core/domain.ts';
import type { EntityWords } from '../../core/entity-words.ts';
import type { Backoff } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryClaims } from '../../ports/delivery-claims.ts';
import type { DeliveryTarget } from '../../ports/delivery-target.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Defects } from '../defects.ts';
import type { Meters } from '../status/meters.ts';
import type { AttemptsStatus } from './attempt-tally.ts';

export interface DeliverOptions extends DeliverTiming, Pace {
  readonly view: Pick<View<never>, 'keyColumn' | 'columns'>;
  readonly target: DeliveryTarget;
  readonly store: DeliveryClaims;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How log lines name the entities. Default: as entities. */
  readonly words?: EntityWords;
  /** Counts the defects of the program. Default: a new count. */
  readonly defects?: Defects;
  /** Measures how long states take until the target accepts them. */
  readonly meters?: Pick<Meters, 'delivered'>;
}

/** How fast one target is sent states, and how often a failed state is tried. */
export interface Pace {
  /**
   * The most calls that may be under way at once. At least half of them are kept for first attempts, so that retries that
   * hang stop no other state. First attempts that hang stop no other state only if this number is larger than the number
   * of such states a second, multiplied by the target's deadline in seconds.
   */
  readonly concurrency: number;
  /** The most states a second; null for no limit. */
  readonly ratePerSecond: number | null;
  /** The longest wait after a failed attempt. It doubles with each attempt, up to the cap. */
  readonly backoff: Backoff;
  /** After this many counted attempts at one version the delivery is dead, until a redrive or a newer version. */
  readonly maxAttempts: number;
  readonly breaker: BreakerOptions;
}

/** When a target counts as down, and how fast it is sent states afterwards. */
export interface BreakerOptions {
  /** It opens after this many states that fail in a row; of refused states, after twice as many. */
  readonly faults: number;
  /** It opens too if this share of the first attempts in `windowMs` fails, and if these are at least `minimumCalls`. */
  readonly faultShare: number;
  readonly minimumCalls: number;
  readonly windowMs: number;
  /** It stays open for between half of a limit and the limit. The limit doubles each time the trials fail. */
  readonly backoff: Backoff;
  /** The number of states that are sent to find out whether the target is back. */
  readonly trials: number;
  /** The states a second when it is back. The rate doubles after each interval without many faults. */
  readonly rampStartPerSecond: number;
  readonly rampIntervalMs: number;
}

export interface DeliverTiming {
  /** Has to be longer than `holdMs` and the longest call together. After it any instance may claim the delivery. */
  readonly leaseMs: number;
  /** A claimed state that has waited for a call for this time is given back. */
  readonly holdMs: number;
  /** The time between looks for states that other instances made due, and for retries. */
  readonly pollMs: number;
  /** Calls that are under way at `stop` may go on for this time. */
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

/** `disabled`: the target wants no more deliveries, and gets none until a restart. */
export type BreakerState = 'closed' | 'open' | 'half_open' | 'ramping' | 'disabled';

export interface DeliverStatus {
  readonly delivered: number;
  readonly retried: number;
  readonly dead: number;
  /** States that are being sent, or whose outcome is not in the ledger yet. */
  readonly inFlight: number;
  /** States that are claimed and wait for a call. */
  readonly waiting: number;
  /** Whether an operator has paused the target. */
  readonly isPaused: boolean;
  readonly breaker: BreakerState;
  /** For how long the breaker has not been closed; null if it is closed. */
  readonly notClosedForMs: number | null;
  /** In how many milliseconds the breaker lets a call through again; null unless it is open. */
  readonly opensInMs: number | null;
  /** The latest failed attempt, also if states were accepted since; null if none has failed since the start. */
  readonly lastFailure: DeliverFailure | null;
  /** The states a second that are allowed now; null for no limit. */
  readonly ratePerSecond: number | null;
  /** The most states in one call. */
  readonly maxBatch: number;
  /** The attempts by their outcomes, and the time that the calls take. */
  readonly attempts: AttemptsStatus;
  /** The dead deliveries among `dead` by their causes. */
  readonly deadBy: DeadBy;
}

/** `refused`: the target refused the state. `attempts_exhausted`: it failed too often in other ways. */
export interface DeadBy {
  readonly refused: number;
  readonly attempts_exhausted: number;
}

export interface DeliverFailure {
  /** The time of the answer, by RFC 3339. */
  readonly at: string;
  /** What went wrong, and the setting to look at if there is one. */
  readonly error: string;
  /** Whether the target has accepted a state since. */
  readonly isOver: boolean;
}
