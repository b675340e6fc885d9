import { compareUtf8 } from '../../core/text.ts';
import type {
  Arrivals,
  ArrivalsRange,
  ArrivedEvent,
  EventFound,
  EventSearch,
  JournaledEntity,
  JournaledEvent,
} from '../../ports/journal.ts';
import type { Connection } from './connection.ts';
import type { EntityJournal } from './journal-table.ts';
import type { Schema } from './schema.ts';

/** A page of events ends once their bodies have this many UTF-16 units. */
export const PAGE_LENGTH = 8 * 1024 * 1024;
/** The most events of a page, as many as the segments that MySQL reads by one statement may have. */
const PAGE_EVENTS = 128;
/** Only entities with more events have an index. */
const SHORT_EVENTS_MAX = 1_024;

/** The journals of these entities. Of an entity with more than `maxEvents` events it gives `maxEvents` + 1. */
export function journalsOf(
  { journal }: Schema,
  entityIds: readonly string[],
  maxEvents?: number,
): Map<string, JournaledEvent[]> {
  const journals = new Map<string, JournaledEvent[]>();
  for (const entityId of entityIds) {
    const entity = journal.get(entityId);
    if (entity === undefined) continue;
    journals.set(entityId, maxEvents === undefined ? [...entity.sorted] : entity.beginning(maxEvents + 1));
  }
  return journals;
}

export function listJournaled(
  connection: Connection,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<JournaledEntity[]> {
  return connection.read('list entities of the journal', ({ journal }) =>
    journal.ids
      .behind(after, limit)
      .map((entityId) => ({ entityId, version: journal.lastVersion(entityId) })),
  );
}

/** Two statements, so the version may be later than the events. */
export async function readArrivals(connection: Connection, range: ArrivalsRange): Promise<Arrivals> {
  const events = await connection.read('read arrivals', ({ journal }) => {
    const entity = journal.get(range.entityId);
    return entity === undefined ? [] : arrivalsOf(entity, range);
  });
  const lastVersion = await readLastVersion(connection, range.entityId);
  return { events, lastVersion };
}

function arrivalsOf(entity: EntityJournal, { after, limit }: ArrivalsRange): ArrivedEvent[] {
  const found: ArrivedEvent[] = [];
  let length = 0;
  for (let index = entity.indexBehind(after); index < entity.events.length; index++) {
    if (found.length >= limit || found.length === PAGE_EVENTS || length > PAGE_LENGTH) break;
    const event = entity.arrived(index);
    found.push(event);
    length += event.data.length;
  }
  return found;
}

function readLastVersion(connection: Connection, entityId: string): Promise<number> {
  return connection.read('read the last version', ({ journal }) => journal.lastVersion(entityId));
}

/** Searches the index of a long entity, and the events behind it. */
export async function findEvent(connection: Connection, search: EventSearch): Promise<EventFound> {
  const { entityId, eventId, after } = search;
  const lastVersion = await readLastVersion(connection, entityId);
  if (lastVersion <= after) return { version: null, lastVersion };
  let found = 0;
  let upTo = 0;
  if (lastVersion > SHORT_EVENTS_MAX) {
    const indexed = await connection.read('search the index', ({ longEntities }) => {
      const entity = longEntities.get(entityId);
      // While old entries are removed, the index counts as empty.
      const end = Math.max(0, entity?.extent?.version ?? 0);
      const versions = end === 0 ? [] : (entity?.eventsWithId(eventId) ?? []).map(({ version }) => version);
      return { end, version: Math.max(0, ...versions) };
    });
    found = indexed.version;
    upTo = indexed.end;
  }
  const behind = await connection.read('search events', ({ journal }) => {
    const entity = journal.get(entityId);
    return entity === undefined ? 0 : lastVersionWith(entity, eventId, Math.max(after, upTo));
  });
  found = Math.max(found, behind);
  return { version: found > after ? found : null, lastVersion };
}

/** The last version behind this one whose event has the id; 0 if there is none. */
function lastVersionWith(entity: EntityJournal, eventId: string, behind: number): number {
  const from = entity.indexBehind(behind);
  for (let index = entity.events.length - 1; index >= from; index--)
    if (entity.events[index]?.eventId === eventId) return entity.versions[index] as number;
  return 0;
}

export function readLastArrivals(
  connection: Connection,
  entityIds: readonly string[],
): Promise<Map<string, number>> {
  return connection.read('read the last arrivals', ({ journal }) => {
    const found = new Map<string, number>();
    for (const entityId of entityIds) {
      const last = journal.get(entityId)?.events.at(-1);
      if (last !== undefined) found.set(entityId, last.observedAtMs);
    }
    return found;
  });
}

/** The journals in the sequence of arrival, by the bytes of the entities' ids. */
export function readAsArrived(
  connection: Connection,
  entityIds: readonly string[],
): Promise<Map<string, JournaledEvent[]>> {
  return connection.read('read journals as they arrived', ({ journal }) => {
    const found = new Map<string, JournaledEvent[]>();
    for (const entityId of [...new Set(entityIds)].sort(compareUtf8)) {
      const entity = journal.get(entityId);
      if (entity !== undefined) found.set(entityId, [...entity.events]);
    }
    return found;
  });
}
