import type { SequenceKey } from '../../core/sequence.ts';
import { sequenceBytes, sequenceOf } from '../../core/sequence-bytes.ts';
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
import type { Database } from './database.ts';
import { bufferOf, rowsOfRange, toEvent } from './event-rows.ts';
import { putRungs, readExtent, readKnown } from './journal-index.ts';
import { indexJournal } from './journal-indexing.ts';
import { Pace } from './pace.ts';
import type { SqliteRow } from './values.ts';

/** A page of events ends once their bodies have this many UTF-16 units. */
const PAGE_LENGTH = 8 * 1024 * 1024;
/** `LongJournals` on SQLite. The journal's own key is the canonical sequence, so only event ids need an index. */
export class SqliteLongJournals implements LongJournals {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async lookUp(requests: readonly LongLookup[]): Promise<Map<string, LongJournal>> {
    const database = this.#database;
    const found = new Map<string, LongJournal>();
    const pace = new Pace();
    for (const { entityId, eventIds } of requests) {
      const extent = await database.read((reader) => readExtent(reader, entityId));
      if (extent === null) continue;
      const known: SequenceKey[] = [];
      for (const eventId of new Set(eventIds)) {
        await database.read((reader) => known.push(...readKnown(reader, entityId, eventId)));
        await pace.pass(1);
      }
      found.set(entityId, { ...extent, known });
    }
    return found;
  }

  async index(entityId: string, foldVersion: number, signal: AbortSignal): Promise<LongJournal | null> {
    return indexJournal(this.#database, entityId, foldVersion, signal);
  }

  async readRange({ entityId, after, through, limit }: JournalRange): Promise<JournalPage> {
    return this.#database.read((reader) => {
      const events: JournaledEvent[] = [];
      let length = 0;
      for (const row of rowsOfRange(reader, '*', { entityId, after, through, limit })) {
        const event = toEvent(row);
        events.push(event);
        length += event.data.length;
        if (length > PAGE_LENGTH) return { events, isEnd: false };
      }
      return { events, isEnd: events.length < limit };
    });
  }

  async rungBefore(entityId: string, before: SequenceKey | null): Promise<StoredRung | null> {
    const sql = `SELECT sequence_key, state FROM fold_snapshots
      WHERE entity_id = ? ${before === null ? '' : 'AND sequence_key < ?'} ORDER BY sequence_key DESC LIMIT 1`;
    const values = before === null ? [entityId] : [entityId, sequenceBytes(before)];
    return this.#database.read((reader) => {
      const row = reader.statement(sql).get(...values);
      return row === undefined ? null : toRung(row);
    });
  }

  async rungsBehind(entityId: string, after: SequenceKey | null, limit: number): Promise<StoredRung[]> {
    const sql =
      'SELECT sequence_key, state FROM fold_snapshots WHERE entity_id = ? AND sequence_key > ? ORDER BY sequence_key LIMIT ?';
    // No key is empty, so every key comes behind the empty one.
    const from = after === null ? new Uint8Array() : sequenceBytes(after);
    return this.#database.read((reader) => reader.statement(sql).all(entityId, from, limit).map(toRung));
  }

  async addRungs({ entityId, version, foldVersion, rungs }: RungsAddition): Promise<boolean> {
    return this.#database.write((writer) => {
      const extent = readExtent(writer, entityId);
      if (extent?.version !== version || extent.foldVersion !== foldVersion) return false;
      putRungs(writer, entityId, rungs);
      return true;
    });
  }
}

function toRung({ sequence_key, state }: SqliteRow): StoredRung {
  // SQLite accepts values of any type in this column. Whatever is no bytes counts as a rung that nobody understands.
  const bytes = state instanceof Uint8Array ? state : new Uint8Array();
  return { last: sequenceOf(bufferOf(sequence_key)), state: bytes };
}
