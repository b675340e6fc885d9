import type { JsonValue } from '../core/domain.ts';
import { describeDefect } from '../core/errors.ts';
import type { TraceContext } from '../core/trace-context.ts';

/** A system that has to hold the latest state of every entity that was ever ready. */
export interface DeliveryTarget {
  /** The name of the target in the ledger and in messages. */
  readonly name: string;
  /** The most states that one call may carry at present: 1 until the target announces more. It may fall again. */
  readonly maxDeliveryBatch: number;
  /** Whether a call may take longer than a claim lasts, so that the caller has to renew the claim meanwhile. */
  readonly isSlowToEnd?: boolean;
  /**
   * Sends states of different entities in one call, and calls `settled` once with one outcome for each delivery, in the
   * sequence given. Never throws: every failure is a verdict, and a failure of one state says nothing about another. A
   * defect of Tributary is the verdict `retry` with the field `defect`. If the target refuses a delivery batch as a
   * whole, its states are sent again one by one before their verdicts are given; if the target refuses those too, the
   * rest is `unsent`.
   *
   * Ends within the adapter's deadline, or within twice the deadline if states are sent again one by one. Ends soon
   * after the signal aborts: the verdict is `retry` then, or `unknown` if the state may still arrive later. If
   * `isSlowToEnd` is true, it ends when it is certain what became of the states, however long that takes.
   *
   * Never calls `settled` before it has returned. It takes a callback and gives no promise, so that the callback can
   * use the connection that has just become free in the same turn of the event loop.
   */
  deliver(deliveries: readonly Delivery[], signal: AbortSignal, settled: DeliveriesSettled): void;
  /** May be called twice. */
  close(): Promise<void>;
}

export type DeliveriesSettled = (outcomes: readonly DeliveryOutcome[]) => void;

export interface Delivery {
  /**
   * Follows from the entity id and the version, and for a repair also from the content that it replaces. So every
   * attempt of every instance has the same id.
   */
  readonly deliveryId: string;
  readonly entityId: string;
  readonly version: number;
  /**
   * The view's row by column names, the key first, and `version`. A decimal is a text, and a column of JSON is a value whose
   * large numbers `JSON.stringify` prints exactly. A repair has `replaces` too: the digest of the state
   * that the target holds under the same version and has to give up.
   */
  readonly body: Readonly<Record<string, JsonValue>>;
  /** Whether a request of another instance, which died or froze, may still be under way for this entity. */
  readonly isTakeover?: boolean;
  /** The trace of the event that made the state due. The target sends it along. */
  readonly trace?: TraceContext;
  /** The number of this attempt, from 1. Attempts that failed by trouble of the target itself are not counted. */
  readonly attempt: number;
}

export interface DeliveryOutcome {
  readonly verdict: DeliveryVerdict;
  /** The status of the answer; null if there was none. */
  readonly status: number | null;
  readonly latencyMs: number;
  /**
   * The first bytes of the answer, as text. For a delivery batch: what the answer says of this state, if that is worth
   * keeping.
   */
  readonly answer: string;
  /** What went wrong, in one sentence; null if nothing did. */
  readonly error: string | null;
  /** The time for which the target asks to be left alone; null if it does not ask. */
  readonly retryAfterMs: number | null;
  /** The setting to look at if the failure goes on, in one sentence, for a person who reads the log. */
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
 * What came of one state.
 *
 * - `delivered`: the target has it.
 * - `retry`: it may work later, and may have worked now.
 * - `throttle`: the target asks for fewer requests.
 * - `park`: the target refused this state, which was alone in its request or judged by itself.
 * - `disable`: the target wants no more deliveries at all.
 * - `unsent`: nothing of this state was sent, so there was no attempt.
 * - `unknown`: the state may arrive later, so its claim is left to the end of its lease.
 * - `disowned`: nothing of this state was sent, because another instance took this one for dead. The other may have
 *   its deliveries by now, so this instance gives back all that it has claimed and claims anew.
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

/** A longer `Retry-After` counts as this long, because a wrong one must not stop an order for hours. */
export const RETRY_AFTER_MAX_MS = 15 * 60_000;
