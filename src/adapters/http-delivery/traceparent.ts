import { randomFillSync } from 'node:crypto';

/** Bytes of chance that are fetched at once: asking for a few of them at each request would cost more. */
const pool = Buffer.alloc(24 * 256);
let taken = pool.length;

const NO_SPAN = '0'.repeat(16);

/**
 * The header `traceparent` of an attempt that belongs to no trace yet: a trace and a span of its own, marked as
 * not recorded here. Source: W3C Trace Context, Level 2, 3.2.
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
  // Ids of zeros only are not allowed; chance makes one in 2^64.
  return spanId === NO_SPAN ? freshTraceparent() : `00-${traceId}-${spanId}-00`;
}
