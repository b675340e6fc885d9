import type { FetchedRecords, TakeLimits } from '../../../ports/event-log.ts';
import type { Followed } from './followed.ts';

/**
 * What has been read of these partitions, up to the limits, the oldest first: partitions that are read to
 * catch up advance side by side in time. Each call begins with another partition (`turn`), whatever its age, so
 * that records with odd timestamps hold nobody up.
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
    // What does not fit any more stays for the next call; what cannot be decoded is a fault, and leaves nothing.
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
