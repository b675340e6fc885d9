import { TributaryError } from '../../core/errors.ts';
import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import type {
  JournalPage,
  JournalRange,
  LongJournal,
  LongJournals,
  LongLookup,
  RungsAddition,
  StoredRung,
} from '../../ports/long-journals.ts';
import type { Connection, Transaction } from './connection.ts';
import { PAGE_LENGTH } from './journal.ts';
import { type IndexedEvent, keyOf, LongEntity, NOT_WHOLE } from './long-tables.ts';
import type { Schema } from './schema.ts';

/** The events that one transaction indexes. */
const STEP_EVENTS = 1_024;
/** The version in the index while old entries are removed. */
const REMOVING = -1;

/** The lock of an entity's index and ladder. */
function lockOf(entityId: string): string {
  return `index ${entityId}`;
}

function longEntityOf(schema: Schema, entityId: string): LongEntity {
  let entity = schema.longEntities.get(entityId);
  if (entity === undefined) {
    entity = new LongEntity();
    schema.longEntities.set(entityId, entity);
  }
  return entity;
}

/** Moves indexes and ladders on in the commit of a batch, where they stand at the version that the change builds on. */
export async function writeLong(transaction: Transaction, changes: readonly EntityChange[]): Promise<void> {
  await transaction.statement('move indexes on');
  const { schema } = transaction;
  for (const { entityId, fromVersion, version, events, long } of changes) {
    await transaction.lock(lockOf(entityId));
    const foldVersion = long?.foldVersion ?? NOT_WHOLE;
    const entity = schema.longEntities.get(entityId);
    if (entity?.extent?.version !== fromVersion || entity.extent.foldVersion !== foldVersion) continue;
    transaction.write(() => {
      entity.addEvents(indexedOf(events, fromVersion));
      entity.extent = { version, foldVersion };
      if (long === undefined) return;
      if (long.dropFrom !== null) entity.dropRungs(long.dropFrom);
      entity.putRungs(long.rungs);
    });
  }
}

function indexedOf(events: readonly JournaledEvent[], fromVersion: number): IndexedEvent[] {
  return events.map((event, index) => ({ key: keyOf(event), version: fromVersion + 1 + index }));
}

/** `LongJournals` in memory. */
export class MemoryLongJournals implements LongJournals {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  lookUp(requests: readonly LongLookup[]): Promise<Map<string, LongJournal>> {
    return this.#connection.read('look up events in indexes', ({ longEntities }) => {
      const found = new Map<string, LongJournal>();
      for (const { entityId, eventIds } of requests) {
        const entity = longEntities.get(entityId);
        if (entity === undefined || entity.extent === null || entity.extent.version < 0) continue;
        const { version, foldVersion } = entity.extent;
        const known = [...new Set(eventIds)].flatMap((id) => entity.eventsWithId(id).map(({ key }) => key));
        found.set(entityId, { version, foldVersion: foldVersion < 0 ? null : foldVersion, known });
      }
      return found;
    });
  }

  async index(entityId: string, foldVersion: number, signal: AbortSignal): Promise<LongJournal | null> {
    while (!signal.aborted) {
      const done = await this.#connection.transaction((transaction) =>
        step(transaction, entityId, foldVersion),
      );
      if (done !== null) return done;
    }
    return null;
  }

  async readRange({ entityId, after, through, limit }: JournalRange): Promise<JournalPage> {
    const page = await this.#connection.read('read a range of the index', (schema) => {
      const entity = schema.longEntities.get(entityId);
      const from = entity?.indexBehind(after) ?? 0;
      const rows = entity?.events.slice(from, from + Math.floor(limit)) ?? [];
      const inside = rows.filter(({ key }) => through === null || compareSequence(key, through) <= 0);
      const events = readPlaces(schema, entityId, inside);
      return events && { events, isEnd: inside.length < limit && events.length === inside.length };
    });
    if (page !== null) return page;
    await this.#connection.write('forget an index', async (transaction) => {
      await transaction.lock(lockOf(entityId));
      const entity = transaction.schema.longEntities.get(entityId);
      if (entity !== undefined)
        transaction.write(() => {
          entity.extent = null;
        });
    });
    throw new TributaryError(
      'store_failed',
      'The simulated index does not say what is in the journal; the entity is indexed anew.',
    );
  }

  rungBefore(entityId: string, before: SequenceKey | null): Promise<StoredRung | null> {
    return this.#connection.read('read the rung before an event', ({ longEntities }) => {
      const entity = longEntities.get(entityId);
      if (entity === undefined) return null;
      const end = before === null ? entity.rungs.length : entity.rungIndexOf(before);
      return entity.rungs[end - 1] ?? null;
    });
  }

  rungsBehind(entityId: string, after: SequenceKey | null, limit: number): Promise<StoredRung[]> {
    return this.#connection.read('read rungs', ({ longEntities }) => {
      const rungs = longEntities.get(entityId)?.rungs ?? [];
      return rungs
        .filter(({ last }) => after === null || compareSequence(last, after) > 0)
        .slice(0, Math.floor(limit));
    });
  }

  addRungs({ entityId, version, foldVersion, rungs }: RungsAddition): Promise<boolean> {
    return this.#connection.transaction(async (transaction) => {
      await transaction.statement('add rungs');
      await transaction.lock(lockOf(entityId));
      const entity = transaction.schema.longEntities.get(entityId);
      if (entity?.extent?.version !== version || entity.extent.foldVersion !== foldVersion) return false;
      transaction.write(() => entity.putRungs(rungs));
      return true;
    });
  }
}

/** The events that the index names. Fewer if their bodies are large; null if the journal does not have one of them. */
function readPlaces(
  { journal }: Schema,
  entityId: string,
  rows: readonly IndexedEvent[],
): JournaledEvent[] | null {
  const entity = journal.get(entityId);
  const events: JournaledEvent[] = [];
  let length = 0;
  for (const { key, version } of rows) {
    if (length > PAGE_LENGTH) break;
    const index = entity?.indexBehind(version - 1) ?? 0;
    const event = entity?.events[index];
    if (event === undefined || entity?.versions[index] !== version || compareSequence(event, key) !== 0)
      return null;
    events.push(event);
    length += event.data.length;
  }
  return events;
}

/** One step of `index`. Resolves with null if there is more to do. */
async function step(
  transaction: Transaction,
  entityId: string,
  foldVersion: number,
): Promise<LongJournal | null> {
  await transaction.statement('index events');
  await transaction.lock(lockOf(entityId));
  const { schema } = transaction;
  const entity = schema.longEntities.get(entityId);
  const extent = entity?.extent ?? null;
  const write = (work: (entity: LongEntity) => void) =>
    transaction.write(() => work(longEntityOf(schema, entityId)));
  const journaled = schema.journal.lastVersion(entityId);
  if (extent === null || extent.version > journaled) {
    write((one) => {
      one.extent = { version: REMOVING, foldVersion };
      one.dropRungs(null);
    });
    return null;
  }
  if (extent.version === REMOVING) {
    write((one) => {
      one.clearEvents();
      one.extent = { version: 0, foldVersion };
    });
    return null;
  }
  if (extent.version < journaled) {
    write((one) => indexBehind(schema, entityId, one));
    return null;
  }
  if (extent.foldVersion === NOT_WHOLE) return { version: extent.version, foldVersion: null, known: [] };
  if (extent.foldVersion !== foldVersion)
    write((one) => {
      one.dropRungs(null);
      one.extent = { version: extent.version, foldVersion };
    });
  return { version: extent.version, foldVersion, known: [] };
}

function indexBehind({ journal }: Schema, entityId: string, one: LongEntity): void {
  const entity = journal.get(entityId);
  if (entity === undefined || one.extent === null) return;
  const from = entity.indexBehind(one.extent.version);
  const to = Math.min(from + STEP_EVENTS, entity.events.length);
  const added: IndexedEvent[] = [];
  let next = one.extent.version + 1;
  let isWhole = one.extent.foldVersion !== NOT_WHOLE;
  for (let index = from; index < to; index++) {
    const version = entity.versions[index] as number;
    isWhole &&= version === next;
    next = version + 1;
    added.push({ key: keyOf(entity.events[index] as JournaledEvent), version });
  }
  one.addEvents(added);
  // No commit has kept the ladder right for events that were not indexed when they were journaled.
  const first = added.reduce(
    (least, { key }) => (compareSequence(key, least) < 0 ? key : least),
    (added[0] as IndexedEvent).key,
  );
  one.dropRungs(first);
  one.extent = { version: next - 1, foldVersion: isWhole ? one.extent.foldVersion : NOT_WHOLE };
}
