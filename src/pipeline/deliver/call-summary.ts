import type { ClaimedDelivery } from '../../ports/delivery-claims.ts';
import type { DeliveryOutcome, DeliveryVerdict } from '../../ports/delivery-target.ts';
import { isFault, NO_OUTCOME, troubleOf } from './settlement.ts';

/** The outcomes of one call together, as far as they concern the target. */
export interface CallSummary {
  /** The states that the target took. */
  readonly taken: readonly ClaimedDelivery[];
  /** The states that the target refused. */
  readonly refused: readonly ClaimedDelivery[];
  /** The number of states that failed by a fault of the target as a whole. */
  readonly faults: number;
  /** The number of states that were sent. */
  readonly sent: number;
  /** The longest `Retry-After`, in milliseconds; 0 without one. */
  readonly askedMs: number;
  /** A description of the failure, with the setting to look at; null if nothing failed. */
  readonly trouble: string | null;
  /** Whether the target wants no more deliveries. */
  readonly wantsNoMore: boolean;
  /** Whether another instance took this one for dead. That shows a target that works. */
  readonly isDisowned: boolean;
}

/** Verdicts that say nothing about the target. */
const NOTHING_SAID: ReadonlySet<DeliveryVerdict> = new Set(['unsent', 'unknown', 'disowned']);

export function summaryOf(
  group: readonly ClaimedDelivery[],
  outcomes: readonly DeliveryOutcome[],
): CallSummary {
  const taken: ClaimedDelivery[] = [];
  const refused: ClaimedDelivery[] = [];
  let faults = 0;
  let sent = 0;
  let askedMs = 0;
  let trouble: string | null = null;
  let wantsNoMore = false;
  let isDisowned = false;
  for (let index = 0; index < group.length; index++) {
    const delivery = group[index] as ClaimedDelivery;
    const outcome = outcomes[index] ?? NO_OUTCOME;
    if (outcome.verdict === 'delivered') {
      sent++;
      taken.push(delivery);
      continue;
    }
    if (outcome.verdict === 'disowned') isDisowned = true;
    if (NOTHING_SAID.has(outcome.verdict)) continue;
    sent++;
    trouble = troubleOf(outcome);
    if (outcome.verdict === 'disable') wantsNoMore = true;
    else if (isFault(outcome)) faults++;
    else refused.push(delivery);
    if (outcome.verdict === 'throttle') askedMs = Math.max(askedMs, outcome.retryAfterMs ?? 0);
  }
  return { taken, refused, faults, sent, askedMs, trouble, wantsNoMore, isDisowned };
}
