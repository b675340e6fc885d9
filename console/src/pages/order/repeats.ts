import type { Changes, OrderEvent } from '../../api/types.ts';

export type StreamedEvent = Changes['orders'][number];

/** The place of a record, as in `payment_events/3 at 17`. */
export function placeOf({
  topic,
  partition,
  offset,
}: Pick<StreamedEvent, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition} at ${offset}`;
}

/**
 * The places of records that repeat an event, by the version of the event. A record that repeats one is not journaled, so only
 * the stream tells of it: a record with the id of a journaled event, at a place from which nothing was journaled.
 */
export function repeatsOf(
  events: readonly Pick<OrderEvent, 'version' | 'eventId' | 'topic' | 'partition' | 'offset'>[],
  streamed: readonly StreamedEvent[],
): ReadonlyMap<number, readonly string[]> {
  const journaled = new Set(events.map(placeOf));
  const repeats = new Map<number, string[]>();
  for (const record of streamed) {
    const place = placeOf(record);
    if (journaled.has(place)) continue;
    const event = events.find(({ eventId }) => eventId === record.eventId);
    if (event === undefined) continue;
    const places = repeats.get(event.version) ?? [];
    if (!places.includes(place)) repeats.set(event.version, [...places, place]);
  }
  return repeats;
}
