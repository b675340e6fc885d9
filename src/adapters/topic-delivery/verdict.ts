import { TributaryError } from '../../core/errors.ts';
import type { DeliveryVerdict } from '../../ports/delivery-target.ts';

/**
 * What the error of an append means for a state that was alone in it. A record that is too large would be so
 * again; everything else may pass: a topic is made, a broker comes back.
 */
export function verdictOf(error: unknown): DeliveryVerdict {
  if (error instanceof TributaryError && error.code === 'log_shut_out') return 'disowned';
  return isTooLarge(error) ? 'park' : 'retry';
}

/** Whether one record of an append is too large, which is no other record's fault. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof TributaryError && error.code === 'log_record_too_large';
}
