/** What the hostile target does to the orders that it treats badly; an order's id says which of these, and how long. */
export const BEHAVIOURS = [
  'hang',
  'drip',
  'storm',
  'throttle',
  'redirect',
  'huge',
  'close',
  'lost_answer',
  'total_storm',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** `good`: treated well. `once_more`: badly at its first attempts. `always`: badly for ever. */
export type Treatment = 'good' | 'once_more' | 'always';

/** After so many bad answers an order that is treated badly `once_more` is treated well. */
export const BAD_ATTEMPTS = 2;
export const STORM_MS = 5_000;
export const RETRY_AFTER_SECONDS = 1;
export const HUGE_BYTES = 2 * 1_024 ** 3;

export function orderIdOf(behaviour: Behaviour, treatment: Treatment, number: number): string {
  return `${behaviour}-${treatment}-${String(number).padStart(5, '0')}`;
}

/** Undefined for an id that is none of `orderIdOf`. */
export function treatmentOf(
  orderId: string,
): { readonly behaviour: Behaviour; readonly treatment: Treatment } | undefined {
  const [first, treatment] = orderId.split('-');
  const behaviour = BEHAVIOURS.find((each) => each === first);
  if (behaviour === undefined) return undefined;
  if (treatment !== 'good' && treatment !== 'once_more' && treatment !== 'always') return undefined;
  return { behaviour, treatment };
}

/** One line of the target's record. */
export interface TargetNote {
  readonly atMs: number;
  /** `stored`: the one effect of a delivery id. `known`: it came again. `bad`: it was treated badly. */
  readonly what: 'stored' | 'known' | 'bad' | 'written';
  readonly deliveryId: string;
  readonly orderId: string;
  readonly version: number;
  readonly isReady: boolean;
  /** Of `written`: bytes of the huge answer until the other end hung up. */
  readonly bytes?: number;
}
