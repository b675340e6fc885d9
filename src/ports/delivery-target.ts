import type { ViewValue } from '../core/domain.ts';
import { describeDefect } from '../core/errors.ts';

/** A system that is to hold the latest state of every entity that was ever ready. */
export interface DeliveryTarget {
  /** Names the target in the ledger and in messages. */
  readonly name: string;
  /** How many states one call may carry right now: 1 until the target has said that it takes more. It may fall again. */
  readonly maxDeliveryBatch: number;
  /** Whether a call may take longer than a claim lasts, so that the claim has to be renewed meanwhile. */
  readonly isSlowToEnd?: boolean;
  /**
   * Sends states, all of different entities, and calls `settled` once with what came of each: one outcome for each
   * delivery, in their sequence. Never throws: whatever goes wrong is a verdict, and a defect of Tributary is `retry` with
   * the field `defect`. One state's trouble is no other's.
   * Ends within the adapter's deadline (twice that, where a batch has to be sent again singly), or soon after the
   * signal aborts (then the verdict is `retry`, or `unknown` if the state may still arrive later). A target whose
   * `isSlowToEnd` is true ends when it is certain what became of the states, however late. A batch that the target refuses as a whole is
   * sent again singly before anything is said of its members; if the target refuses those too, the rest is `unsent`.
   *
   * `settled` is never called before this has returned. It is no promise because what it begins can then take the
   * connection that has just become free, while it is still warm.
   */
  deliver(deliveries: readonly Delivery[], signal: AbortSignal, settled: DeliveriesSettled): void;
  /** May be called twice. */
  close(): Promise<void>;
}

export type DeliveriesSettled = (outcomes: readonly DeliveryOutcome[]) => void;

export interface Delivery {
  /**
   * Derived from entity id and version alone, and for a repair from the content that it replaces: the same on every
   * attempt, by any instance.
   */
  readonly deliveryId: string;
  readonly entityId: string;
  readonly version: number;
  /**
   * The view's row by column names, the key first, and `version`; for a repair also `replaces`, the digest of the
   * state that the target holds under the same version and is to give up for this one.
   */
  readonly body: Readonly<Record<string, ViewValue>>;
  /** Whether an earlier delivery of the entity, by another instance that died or froze, may still be under way. */
  readonly isTakeover?: boolean;
  /** From 1. Attempts that failed by the target's own trouble are not counted. */
  readonly attempt: number;
}

export interface DeliveryOutcome {
  readonly verdict: DeliveryVerdict;
  /** The answer's status, or null if there was no answer. */
  readonly status: number | null;
  readonly latencyMs: number;
  /** The first bytes of the answer, as text; of a batch, what it says of this state if that is worth keeping. */
  readonly answer: string;
  /** What went wrong, in one sentence; null if nothing did. */
  readonly error: string | null;
  /** How long the target asks to be left alone; null if it does not say. */
  readonly retryAfterMs: number | null;
  /** For a person who reads the log: the setting to look at if this goes on, in one sentence. */
  readonly advice?: string | null;
  /** What was thrown, if a defect of Tributary is what went wrong. The verdict is `retry` then. */
  readonly defect?: unknown;
}

/** The outcome of a state whose call met a defect of Tributary. */
export function defectOutcome(defect: unknown, latencyMs = 0): DeliveryOutcome {
  return {
    verdict: 'retry',
    status: null,
    latencyMs,
    answer: '',
    error: `A defect of Tributary: ${describeDefect(defect)}; whether the state was received is not known.`,
    retryAfterMs: null,
    defect,
  };
}

/**
 * `delivered`: the target has it. `retry`: it may work later, and may have worked now. `throttle`: the target
 * asks for fewer requests. `park`: the target refused this state, which was alone in the request or judged by itself.
 * `disable`: the target wants no more deliveries at all. `unsent`: nothing of this state was sent, so there was no
 * attempt. `unknown`: the state may arrive later, so its claim is left to the end of its lease.
 * `disowned`: nothing of this state was sent, because another instance took this one for dead. Whatever was claimed before
 * may be the other's by now, so it is given back, and claimed anew.
 */
export type DeliveryVerdict =
  | 'delivered'
  | 'retry'
  | 'throttle'
  | 'park'
  | 'disable'
  | 'unsent'
  | 'unknown'
  | 'disowned';

/** No `Retry-After` is believed for longer: a wrong one must not stop an order for hours. */
export const RETRY_AFTER_MAX_MS = 15 * 60_000;
