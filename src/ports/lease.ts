/** No lease is believed to last longer: it was given before the store's time was set back. */
export function longestLeaseMs(leaseMs: number): number {
  return Math.max(leaseMs, 5 * 60_000);
}
