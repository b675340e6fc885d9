import { setImmediate } from 'node:timers/promises';
import type { SequenceKey } from '../../core/sequence.ts';
import type { JournalRange, LongJournal } from '../../ports/long-journals.ts';
import type { Connection, Database } from './database.ts';
import { countEvents } from './entity-versions.ts';
import { KEY_COLUMNS, rowsOfRange, toKey } from './event-rows.ts';
import { dropRungs, entryOf, INSERT_INDEXED, type IndexEntry, readExtent } from './journal-index.ts';

/** The most events that one transaction indexes. */
const STEP_EVENTS = 1_000;
/** The most events that are sorted in memory before they are indexed. */
const SORTED_EVENTS = 100_000;

/** Brings an entity's index up to the end of its journal, as `LongJournals.index` promises. */
export async function indexJournal(
  database: Database,
  entityId: string,
  foldVersion: number,
  signal: AbortSignal,
): Promise<LongJournal | null> {
  while (!signal.aborted) {
    const [extent, events] = await database.read(
      (reader) => [readExtent(reader, entityId), countEvents(reader, entityId)] as const,
    );
    const isWhole = extent?.version === events;
    const seen = isWhole ? events : await indexAll(database, entityId, signal);
    if (seen === null) return null;
    const isDone = await database.write((writer) => endIndex(writer, entityId, seen, foldVersion));
    if (isDone) return { version: seen, foldVersion, known: [] };
  }
  return null;
}

/**
 * Indexes the whole journal of an entity in several transactions. Resolves with the number of its events, or with null
 * if the signal aborted.
 */
async function indexAll(database: Database, entityId: string, signal: AbortSignal): Promise<number | null> {
  // No commit has kept the ladder right for events that were not indexed when they were journaled.
  await database.write((writer) => dropRungs(writer, entityId, null));
  let seen = 0;
  for (let after: SequenceKey | null = null, isEnd = false; !isEnd; ) {
    // The entries are sorted as the index is, so that few of its pages are written twice.
    const entries: IndexEntry[] = [];
    while (!isEnd && entries.length < SORTED_EVENTS) {
      const range: JournalRange = { entityId, after, through: null, limit: STEP_EVENTS };
      const keys = await database.read((reader) => rowsOfRange(reader, KEY_COLUMNS, range).map(toKey));
      for (const key of keys) entries.push(entryOf(key));
      after = keys.at(-1) ?? after;
      isEnd = keys.length < STEP_EVENTS;
      await setImmediate();
      if (signal.aborted) return null;
    }
    entries.sort((left, right) => (left[0] < right[0] ? -1 : left[0] > right[0] ? 1 : 0));
    for (let from = 0; from < entries.length; from += STEP_EVENTS) {
      if (signal.aborted) return null;
      await database.write((writer) => {
        const insert = writer.statement(INSERT_INDEXED);
        for (const entry of entries.slice(from, from + STEP_EVENTS)) insert.run(entityId, ...entry);
      });
    }
    seen += entries.length;
  }
  return seen;
}

/** Records that the index is whole. Answers false if the journal has gained events meanwhile. */
function endIndex(writer: Connection, entityId: string, seen: number, foldVersion: number): boolean {
  const extent = readExtent(writer, entityId);
  if (countEvents(writer, entityId) !== seen) return false;
  if (extent?.foldVersion !== foldVersion) dropRungs(writer, entityId, null);
  writer.statement('DELETE FROM journal_index WHERE entity_id = ? AND id_hash = 0').run(entityId);
  writer.statement(INSERT_INDEXED).run(entityId, 0, seen, foldVersion, 0);
  return true;
}
