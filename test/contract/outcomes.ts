import type { Delivery, DeliveryOutcome, DeliveryTarget } from '../../src/ports/delivery-target.ts';

/** The outcomes of the deliveries. Rejects if the target reports them twice, or before `deliver` has returned. */
export function outcomesOf(
  target: Pick<DeliveryTarget, 'deliver'>,
  deliveries: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly DeliveryOutcome[]> {
  return new Promise((resolve, reject) => {
    let hasReturned = false;
    let isSettled = false;
    target.deliver(deliveries, signal, (outcomes) => {
      if (!hasReturned) reject(new Error('deliver settled before it returned'));
      if (isSettled) throw new Error('deliver settled twice');
      isSettled = true;
      resolve(outcomes);
    });
    hasReturned = true;
  });
}
