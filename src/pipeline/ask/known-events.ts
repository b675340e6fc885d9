import { keyOf } from '../../core/long-history.ts';
import type { SequenceKey } from '../../core/sequence.ts';
import type { ArrivedEvent } from '../../ports/journal.ts';
import { restoreAll, type Unfoldable } from '../ingest/unfoldable.ts';
import type { AskParts } from './parts.ts';

/** An event of the journal without its body. */
export interface KnownEvent<Event> extends SequenceKey, Omit<ArrivedEvent, 'entityId' | 'data'> {
  /** The event for the fold; null if the domain does not understand it. */
  readonly understood: { readonly event: Event } | null;
}

export interface KnownEvents<Event> {
  /** Sorted by version. Only the last ones if the entity has more than were asked for. */
  readonly events: readonly KnownEvent<Event>[];
  /** The entity's version: the number of its events. 0 if it has none. */
  readonly lastVersion: number;
  /** Whether `events` are all events of the entity. */
  readonly areAll: boolean;
  /** The first event that the domain does not understand, if there is one. */
  readonly fault: Unfoldable | null;
}

const PAGE_EVENTS = 512;
/** The events that are read of an entity with more than `maxEvents`. */
export const LATEST_EVENTS = 100;

type ReadingParts<Event> = Pick<AskParts<unknown, Event>, 'decoder' | 'store' | 'maxEvents'>;

/**
 * Reads the events of an entity, page by page, and keeps them without their bodies. Of an entity with more than
 * `maxEvents` it keeps the last 100.
 */
export async function readKnown<Event>(
  { decoder, store, maxEvents }: ReadingParts<Event>,
  entityId: string,
): Promise<KnownEvents<Event>> {
  const events: KnownEvent<Event>[] = [];
  let fault: Unfoldable | null = null;
  let after = 0;
  let areAll = true;
  for (;;) {
    const page = await store.readArrivals({ entityId, after, limit: PAGE_EVENTS });
    const { lastVersion } = page;
    if (areAll && lastVersion > maxEvents) {
      areAll = false;
      events.length = 0;
      fault = null;
      after = lastVersion - LATEST_EVENTS;
      continue;
    }
    for (const event of page.events) {
      const restored = restoreAll(decoder, [event]);
      const [understood] = 'reason' in restored ? [] : restored.events;
      if ('reason' in restored) fault ??= restored;
      events.push(toKnown(event, understood === undefined ? null : { event: understood.event }));
    }
    const last = page.events.at(-1);
    if (last === undefined || last.version >= lastVersion) return { events, lastVersion, areAll, fault };
    after = last.version;
  }
}

/** Copies the event without its body. */
export function toKnown<Event>(
  event: ArrivedEvent,
  understood: { readonly event: Event } | null,
): KnownEvent<Event> {
  const { version, eventType, revision, observedAtMs, topic, partition, offset } = event;
  return {
    ...keyOf(event),
    version,
    eventType,
    revision,
    observedAtMs,
    topic,
    partition,
    offset,
    understood,
  };
}
