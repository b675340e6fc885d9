import { randomFillSync } from 'node:crypto';

/** Random bytes for 256 requests. Fetching 24 bytes for each request would take more time. */
const pool = Buffer.alloc(24 * 256);
let taken = pool.length;

const NO_SPAN = '0'.repeat(16);

/**
 * Returns a `traceparent` with a new trace and a new span, marked as not recorded here. Source: W3C Trace Context, Level
 * 2, 3.2.
 */
export function freshTraceparent(): string {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const ids = pool.toString('hex', taken, taken + 24);
  taken += 24;
  const traceId = ids.slice(0, 32);
  const spanId = ids.slice(32);
  // An id of zeros alone is not allowed. One of 2^64 random ids is such an id.
  return spanId === NO_SPAN ? freshTraceparent() : `00-${traceId}-${spanId}-00`;
}
