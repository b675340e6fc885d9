import { digestOf, type OrderState, payloadHashOf } from './order-state.ts';
import type { Effect } from './states.ts';

/** What the store keeps for each delivery id. */
export interface KnownDelivery {
  readonly payloadHash: string;
  readonly effect: 'applied' | 'ignored';
}

/**
 * The effect of a delivery with a new id. It is applied if its version is later than the held one, or if it is a repair of
 * the state that is held.
 *
 * A sender whose database was restored may give another content to a version that it delivered before. Such a repair names
 * the state that it replaces, so that it never undoes a state that came meanwhile. The version never falls.
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
 * The effect of a delivery with a known id. Its effect was stored with the id, so as a rule it changes nothing.
 *
 * It repairs a row that something outside of this program lost or altered: the row is missing, or it is older than this
 * delivery, or it has the version that this delivery gave it with another content. A delivery that was ignored in favour of
 * another one of the same version stays ignored.
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
