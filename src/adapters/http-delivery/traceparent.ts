import { randomFillSync } from 'node:crypto';

/** Random bytes for 256 requests, and their digits. Fetching and writing 24 bytes for each request would take more time. */
const pool = Buffer.alloc(24 * 256);
let digits = '';
let taken = 0;

const NO_SPAN = '0'.repeat(16);

/**
 * Returns a `traceparent` with a new trace and a new span, marked as not recorded here. Source: W3C Trace Context, Level
 * 2, 3.2.
 */
export function freshTraceparent(): string {
  if (taken === digits.length) {
    randomFillSync(pool);
    digits = pool.toString('hex');
    taken = 0;
  }
  const traceId = digits.slice(taken, taken + 32);
  const spanId = digits.slice(taken + 32, taken + 48);
  taken += 48;
  // An id of zeros alone is not allowed. One of 2^64 random ids is such an id.
  return spanId === NO_SPAN ? freshTraceparent() : `00-${traceId}-${spanId}-00`;
}
