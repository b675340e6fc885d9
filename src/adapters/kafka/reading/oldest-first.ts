import type { FetchedRecords, TakeLimits } from '../../../ports/event-log.ts';
import type { Followed } from './followed.ts';

/**
 * Takes records of these partitions up to the limits, the oldest record batches first: so partitions that catch up
 * advance side by side in time. Each call takes from another partition first, by `turn`, so that a partition with odd
 * timestamps cannot keep the others from being taken.
 */
export function takeOldestFirst(
  followed: readonly Followed[],
  limits: TakeLimits,
  turn: number,
): FetchedRecords[] {
  const taken: FetchedRecords[] = [];
  let { maxRecords, maxBytes } = limits;
  const waiting = followed.filter(hasMore);
  let next = waiting[turn % Math.max(1, waiting.length)];
  while (next !== undefined) {
    const isFirst = taken.length === 0;
    const others = waiting.filter((each) => each !== next && hasMore(each));
    const untilMs = isFirst ? next.headTimestampMs() : oldestOf(others)?.headTimestampMs();
    const piece = next.take({ maxRecords, maxBytes }, isFirst, untilMs);
    // Records over the limits stay for the next call. Records that cannot be decoded are a fault, and leave nothing
    // behind.
    if (piece === undefined && hasMore(next)) break;
    if (piece !== undefined) {
      taken.push(piece.fetched);
      maxRecords -= piece.fetched.records.length;
      maxBytes -= piece.bytes;
    }
    next = oldestOf(waiting.filter(hasMore));
  }
  return taken;
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
