import { digestOf, type OrderState, payloadHashOf } from './order-state.ts';
import type { Effect } from './states.ts';

/** What is kept of a delivery id. */
export interface KnownDelivery {
  readonly payloadHash: string;
  readonly effect: 'applied' | 'ignored';
}

/**
 * What a delivery does whose id was never seen: only a later version changes anything, or a repair of the state that is
 * held. A sender whose database was restored may give another content to a version that it delivered before; it says
 * which one that is to replace, so that what came meanwhile is never undone. The version never falls.
 */
export function effectOfNew(
  state: OrderState,
  replaces: string | null,
  held: OrderState | null,
): 'applied' | 'ignored' {
  if (held === null || state.version > held.version) return 'applied';
  const isRepair = replaces !== null && state.version === held.version && digestOf([held]) === replaces;
  return isRepair ? 'applied' : 'ignored';
}

/**
 * What a delivery does whose id is known. It was stored with its effect, so as a rule nothing. But if the row is
 * missing, or older than this delivery, or differs from it at the version that this very delivery gave it, then
 * the row was lost or altered outside of this program, and the delivery brings it back. A delivery that was
 * ignored in favour of another one of the same version stays ignored, however often it comes.
 */
export function effectOfKnown(
  state: OrderState,
  payloadHash: string,
  known: KnownDelivery,
  held: OrderState | null,
): Effect {
  if (known.payloadHash !== payloadHash) return 'payload_differs';
  if (held === null || held.version < state.version) return 'repaired';
  const wasAppliedAsThis = held.version === state.version && known.effect === 'applied';
  return wasAppliedAsThis && payloadHashOf(held) !== payloadHash ? 'repaired' : 'duplicate';
}
