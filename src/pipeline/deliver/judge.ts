import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import type { DeliveryOutcome } from '../../ports/delivery-target.ts';
import { Blame } from './blame.ts';
import type { Breaker } from './breaker.ts';
import type { CallSummary } from './call-summary.ts';
import type { DeliveryBatchSize } from './delivery-batch-size.ts';
import { FailureLines, STANDS_STILL_MS } from './failure-lines.ts';
import type { DeliverFailure, DeliverOptions } from './options.ts';
import { nextOf, troubleOf } from './settlement.ts';
import type { Slots } from './slots.ts';

export interface JudgedParts {
  readonly breaker: Breaker;
  readonly deliveryBatchSize: DeliveryBatchSize;
  readonly slots: Slots;
}

/** How a call began that has ended now. */
export interface EndedCall {
  /** `Breaker.generation` when the call began. */
  readonly generation: number;
  /** When the call began, by the monotonic clock. */
  readonly startedMs: number;
  readonly first: ClaimedDelivery;
  readonly isFirstAttempt: boolean;
}

/**
 * Decides what follows from the end of a call: for the target, by telling the breaker, the size of delivery batches and the
 * number of calls; and for each delivery that failed, by asking whether the state or the target is to blame.
 */
export class Judge {
  readonly #options: DeliverOptions;
  readonly #parts: JudgedParts;
  readonly #blame: Blame;
  readonly #lines: FailureLines;
  #latestTrouble = '';
  /** When the latest attempt failed, by the wall clock; null if none has failed since the start. */
  #failedAtMs: number | null = null;

  constructor(options: DeliverOptions, parts: JudgedParts) {
    this.#options = options;
    this.#parts = parts;
    this.#blame = new Blame(options.clock);
    this.#lines = new FailureLines(options.target.name, options.clock, options.logger, options.words);
  }

  /**
   * Whether the target takes the states that are due; else what is wrong, in one or two sentences. Nothing was expected of
   * the target before `expectedFromMs`.
   */
  health(
    expectedFromMs = Number.NEGATIVE_INFINITY,
  ): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
    const { breaker } = this.#parts;
    breaker.tick();
    const { state } = breaker;
    const name = `Target ${this.#options.target.name}`;
    if (state === 'disabled') {
      const reason = `${name} wants no more deliveries, so nothing is sent until a restart: ${this.#latestTrouble}`;
      return { ok: false, reason };
    }
    const sinceMs = this.#blame.failingSinceMs;
    if (sinceMs === null || (state !== 'open' && this.#blame.suspectedDue === 0)) return { ok: true };
    const nowMs = this.#options.clock.monotonicMs();
    const stillMs = nowMs - sinceMs;
    if (nowMs - Math.max(sinceMs, expectedFromMs) < STANDS_STILL_MS) return { ok: true };
    const seconds = Math.floor(stillMs / 1_000);
    const reason = `${name} has accepted nothing for ${seconds} s, though states are due: ${this.#latestTrouble}`;
    return { ok: false, reason };
  }

  get lastFailure(): DeliverFailure | null {
    if (this.#failedAtMs === null) return null;
    return {
      at: new Date(this.#failedAtMs).toISOString(),
      error: this.#latestTrouble,
      isOver: this.#blame.failingSinceMs === null,
    };
  }

  /** Decides what comes next for a delivery that failed. */
  next(delivery: ClaimedDelivery, outcome: DeliveryOutcome, startedMs: number, call: CallSummary) {
    const { clock } = this.#options;
    this.#latestTrouble = troubleOf(outcome);
    this.#failedAtMs = clock.now();
    const { state } = this.#parts.breaker;
    this.#lines.failed(delivery, outcome, this.#blame, state === 'closed');
    const judgement = this.#blame.failed({
      delivery,
      startedMs,
      isRefused: outcome.verdict === 'park',
      othersWereDelivered: call.taken.length > call.refused.length,
      target: state === 'closed' ? 'well' : state === 'ramping' ? 'recovering' : 'down',
    });
    const next = nextOf(delivery, outcome, judgement, this.#options);
    const retryMs = next === 'dead' ? null : clock.monotonicMs() + next.retryAtMs - clock.now();
    this.#blame.next(delivery.entityId, retryMs);
    return next;
  }

  /** Tells the parts what the call as a whole says about the target. If it took any state, it works. */
  ended(
    { taken, refused, faults, sent, askedMs, trouble, wantsNoMore, isDisowned }: CallSummary,
    { generation, startedMs, first, isFirstAttempt }: EndedCall,
  ): void {
    const { breaker, deliveryBatchSize, slots } = this.#parts;
    this.#blame.accepted(taken, startedMs);
    if (wantsNoMore) {
      breaker.disable(trouble);
      return;
    }
    const { entityId } = first;
    const isFaulty = sent > 0 && faults === sent;
    if (isFaulty && askedMs > 0) {
      breaker.asked({ generation, ms: askedMs, entityId, states: sent, isFirstAttempt });
    } else {
      if (sent > 1) deliveryBatchSize.ended(isFaulty);
      const outcome = taken.length > 0 || isDisowned ? 'accepted' : refused.length > 0 ? 'refused' : 'fault';
      const failed = outcome === 'refused' ? refused : [first];
      const suspected = failed.filter((delivery) => !this.#blame.isProven(delivery));
      breaker.ended({
        generation,
        startedMs,
        outcome,
        entityIds: suspected.map((delivery) => delivery.entityId),
        isFirstAttempt,
        error: trouble,
      });
    }
    if (!isFaulty) slots.widen();
  }
}
