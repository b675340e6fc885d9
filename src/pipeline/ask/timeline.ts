import { compareSequence } from '../../core/sequence.ts';
import type { KnownEvent } from './known-events.ts';

/** What the other events of an entity say about one of them. */
export interface EventMarks {
  /** The place in canonical sequence, from 1. */
  readonly place: number;
  /** Whether it arrived after an event that stands behind it in canonical sequence. */
  readonly isLate: boolean;
  /** The versions of the events with the same id and other content. */
  readonly conflictsWith: readonly number[];
}

/**
 * Marks each event, by its version. A record that repeats an event is not in the journal: order-sync only counts it. So no
 * event is marked as a duplicate here.
 */
export function marksOf(events: readonly KnownEvent<unknown>[]): Map<number, EventMarks> {
  const places = new Map([...events].sort(compareSequence).map(({ version }, index) => [version, index + 1]));
  const byId = Map.groupBy(events, ({ eventId }) => eventId);
  const marks = new Map<number, EventMarks>();
  let furthest = 0;
  for (const { version, eventId } of [...events].sort((left, right) => left.version - right.version)) {
    const place = places.get(version) ?? 0;
    const others = byId.get(eventId) ?? [];
    marks.set(version, {
      place,
      isLate: place < furthest,
      conflictsWith: others.flatMap((other) => (other.version === version ? [] : [other.version])),
    });
    furthest = Math.max(furthest, place);
  }
  return marks;
}
