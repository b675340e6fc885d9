import { TributaryError } from '../../core/errors.ts';
import type { DeliveryVerdict } from '../../ports/delivery-target.ts';

/**
 * Returns the verdict for a state that was alone in an append with this error. A record that is too large stays too
 * large. All other errors may pass: somebody makes the topic, or a broker comes back.
 */
export function verdictOf(error: unknown): DeliveryVerdict {
  if (error instanceof TributaryError && error.code === 'log_shut_out') return 'disowned';
  return isTooLarge(error) ? 'park' : 'retry';
}

/** Whether one record of the append is too large. The other records may be well. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof TributaryError && error.code === 'log_record_too_large';
}
