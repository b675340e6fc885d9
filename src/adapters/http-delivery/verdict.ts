import { type VerdictRules, verdictByRules } from '../../core/verdict-rules.ts';
import type { DeliveryVerdict } from '../../ports/delivery-target.ts';

/** A 409 at this attempt counts as a refusal: no receiver works on the same id for that long. */
const CONFLICT_ATTEMPTS = 3;

/**
 * Returns the verdict for a status at the attempt of this number.
 *
 * A redirect is not followed, because it could send the states to any place. It is tried again, because a proxy in front
 * of a target that is being moved may have sent it. 401, 403, 404, 405 and 407 concern the sender or the URL, and so the
 * target as a whole. 408, 409 (the same id is in work) and 425 say that the request may succeed later. Every other 4xx
 * refuses the state.
 */
export function verdictOf(status: number, attempt: number): DeliveryVerdict {
  if (status >= 200 && status < 300) return 'delivered';
  switch (status) {
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
      return 'retry';
    case 409:
      return attempt >= CONFLICT_ATTEMPTS ? 'park' : 'retry';
    case 410:
      return 'disable';
    case 429:
    case 502:
    case 503:
    case 504:
      return 'throttle';
    case 408:
    case 425:
      return 'retry';
    default:
      return status >= 400 && status < 500 ? 'park' : 'retry';
  }
}

/** The verdict for a status at the attempt of this number. */
export type Judge = (status: number, attempt: number) => DeliveryVerdict;

/** Judges by the rules of a target, and by `verdictOf` where they say nothing. */
export function judgeBy(rules: VerdictRules | undefined): Judge {
  if (rules === undefined || rules.byStatus.size + rules.byClass.size === 0) return verdictOf;
  return (status, attempt) => verdictByRules(rules, status) ?? verdictOf(status, attempt);
}

/**
 * Whether the members of a delivery batch with this status are to be sent again singly, because the cause may be one of
 * them, or the path for delivery batches. Any other status means for each member what it means for a single state.
 */
export function isAboutTheDeliveryBatch(status: number): boolean {
  if (status === 408 || status === 410 || status === 425 || status === 429) return false;
  return (status >= 300 && status < 500) || status === 501;
}
