/** The bad behaviours of the hostile target. An order's id names the behaviour and its treatment. */
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

/** `good`: the target accepts every attempt. `once_more`: it misbehaves at the first attempts. `always`: at every one. */
export type Treatment = 'good' | 'once_more' | 'always';

/** The target misbehaves at the first two attempts of an order with the treatment `once_more`. */
export const BAD_ATTEMPTS = 2;
export const STORM_MS = 5_000;
export const RETRY_AFTER_SECONDS = 1;
export const HUGE_BYTES = 2 * 1_024 ** 3;

export function orderIdOf(behaviour: Behaviour, treatment: Treatment, number: number): string {
  return `${behaviour}-${treatment}-${String(number).padStart(5, '0')}`;
}

/** Reads behaviour and treatment from an order's id; undefined if `orderIdOf` did not make it. */
export function treatmentOf(
  orderId: string,
): { readonly behaviour: Behaviour; readonly treatment: Treatment } | undefined {
  const [first, treatment] = orderId.split('-');
  const behaviour = BEHAVIOURS.find((each) => each === first);
  if (behaviour === undefined) return undefined;
  if (treatment !== 'good' && treatment !== 'once_more' && treatment !== 'always') return undefined;
  return { behaviour, treatment };
}

/** A line of the target's record. */
export interface TargetNote {
  readonly atMs: number;
  /** `stored`: the first effect of a delivery id. `known`: the id came again. `bad`: the target misbehaved. */
  readonly what: 'stored' | 'known' | 'bad' | 'written';
  readonly deliveryId: string;
  readonly orderId: string;
  readonly version: number;
  readonly isReady: boolean;
  /** In a line `written`: the bytes of the huge answer that were sent until the client closed the connection. */
  readonly bytes?: number;
}
