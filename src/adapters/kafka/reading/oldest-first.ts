import type { FetchedBatch, TakeLimits } from '../../../ports/event-log.ts';
import type { Followed } from './followed.ts';

/**
 * What has been read of these partitions, up to the limits, the oldest batches first: partitions that are read to
 * catch up advance side by side in time. Each call begins with another partition (`turn`), whatever its age, so
 * that records with odd timestamps hold nobody up.
 */
export function takeOldestFirst(
  followed: readonly Followed[],
  limits: TakeLimits,
  turn: number,
): FetchedBatch[] {
  const batches: FetchedBatch[] = [];
  let { maxRecords, maxBytes } = limits;
  const waiting = followed.filter(hasMore);
  let next = waiting[turn % Math.max(1, waiting.length)];
  while (next !== undefined) {
    const isFirst = batches.length === 0;
    const others = waiting.filter((each) => each !== next && hasMore(each));
    const untilMs = isFirst ? next.headTimestampMs() : oldestOf(others)?.headTimestampMs();
    const taken = next.take({ maxRecords, maxBytes }, isFirst, untilMs);
    // What does not fit any more stays for the next call; what cannot be decoded is a fault, and leaves nothing.
    if (taken === undefined && hasMore(next)) break;
    if (taken !== undefined) {
      batches.push(taken.batch);
      maxRecords -= taken.batch.records.length;
      maxBytes -= taken.bytes;
    }
    next = oldestOf(waiting.filter(hasMore));
  }
  return batches;
}

export function hasMore(followed: Followed): boolean {
  return followed.queue.length > 0;
}

function oldestOf(followed: readonly Followed[]): Followed | undefined {
  let oldest: Followed | undefined;
  for (const each of followed) {
    if (oldest === undefined || each.headTimestampMs() < oldest.headTimestampMs()) oldest = each;
  }
  return oldest;
}
