/**
 * The longest time that a lease may still last: at least 5 minutes, and never less than the lease that is asked for. A
 * lease that ends later was given before the store's time was set back, and counts as over.
 */
export function longestLeaseMs(leaseMs: number): number {
  return Math.max(leaseMs, 5 * 60_000);
}
