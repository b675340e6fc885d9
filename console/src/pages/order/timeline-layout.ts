export interface TimedEvent {
  readonly version: number;
  readonly occurredAt: string;
  readonly journaledAt: string;
}

export interface PlacedEvent {
  readonly version: number;
  /** Where it stands in the lane of what happened. */
  readonly happenedX: number;
  /** Where it stands in the lane of what arrived. */
  readonly arrivedX: number;
}

/** Two events in a lane stand at least this far apart. */
const GAP = 18;
const LEAST_GAP = 6;

/** The width that these events need, at least `width`. */
export function timelineWidth(events: number, width: number): number {
  return Math.max(width, events * LEAST_GAP + 2 * GAP);
}

/**
 * The places of the events in two lanes. Each lane has a scale of its own, because events may arrive years after they
 * happened. Inside a lane the distances follow the time, as far as the dots stay apart.
 */
export function placedEvents(events: readonly TimedEvent[], width: number): PlacedEvent[] {
  const happened = lane(
    events.map(({ version, occurredAt }) => ({ version, ms: Date.parse(occurredAt) })),
    width,
  );
  const arrived = lane(
    events.map(({ version, journaledAt }) => ({ version, ms: Date.parse(journaledAt) })),
    width,
  );
  return events.map(({ version }) => ({
    version,
    happenedX: happened.get(version) ?? 0,
    arrivedX: arrived.get(version) ?? 0,
  }));
}

interface Moment {
  readonly version: number;
  readonly ms: number;
}

function lane(moments: readonly Moment[], width: number): Map<number, number> {
  // Events of the same moment stand in the sequence of their arrival.
  const sorted = [...moments].sort((left, right) => left.ms - right.ms || left.version - right.version);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return new Map();
  const gap = Math.min(GAP, width / Math.max(1, sorted.length - 1));
  const span = Math.max(1, last.ms - first.ms);
  const places = sorted.map(({ ms }) => ((ms - first.ms) / span) * width);
  for (let index = 1; index < places.length; index++)
    places[index] = Math.max(places[index] ?? 0, (places[index - 1] ?? 0) + gap);
  let limit = width;
  for (let index = places.length - 1; index >= 0; index--) {
    places[index] = Math.min(places[index] ?? 0, limit);
    limit = (places[index] ?? 0) - gap;
  }
  return new Map(sorted.map(({ version }, index) => [version, Math.max(0, places[index] ?? 0)]));
}
