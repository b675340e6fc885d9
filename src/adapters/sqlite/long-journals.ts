import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { SequenceKey } from '../../core/sequence.ts';
import { sequenceBytes, sequenceOf } from '../../core/sequence-bytes.ts';
import type {
  JournalPage,
  JournalRange,
  LongJournal,
  LongJournals,
  LongLookup,
  RungsAddition,
  StoredRung,
} from '../../ports/long-journals.ts';
import type { EntityChange, JournaledEvent } from '../../ports/store.ts';
import type { Connection, Database } from './database.ts';
import { countEvents, isoTime, toEvent } from './journal.ts';
import { Pace } from './pace.ts';
import { bytesOf, numberOf, type SqliteRow } from './values.ts';
import type { ViewTable } from './view-table.ts';

/** Events that one transaction indexes. */
const STEP_EVENTS = 1_000;
/** Events that are sorted in memory before they are indexed. */
const SORTED_EVENTS = 100_000;
/** A page of events ends once their bodies have this many UTF-16 units. */
const PAGE_LENGTH = 8 * 1024 * 1024;
/** An entity with more events is looked for in the index before its events are counted. */
const COUNTED_MAX = 1_024;

/** `LongJournals` on SQLite. The journal's own key is the canonical sequence, so only ids need an index. */
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
    const database = this.#database;
    while (!signal.aborted) {
      const [extent, events] = await database.read(
        (reader) => [readExtent(reader, entityId), countEvents(reader, entityId)] as const,
      );
      const isWhole = extent?.version === events;
      const seen = isWhole ? events : await this.#indexAll(entityId, signal);
      if (seen === null) return null;
      const isDone = await database.write((writer) => endIndex(writer, entityId, seen, foldVersion));
      if (isDone) return { version: seen, foldVersion, known: [] };
    }
    return null;
  }

  async readRange({ entityId, after, through, limit }: JournalRange): Promise<JournalPage> {
    return this.#database.read((reader) => {
      const events: JournaledEvent[] = [];
      let length = 0;
      for (const row of rowsOf(reader, '*', { entityId, after, through, limit })) {
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
    // No key is empty, so that all of them come behind the empty one.
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

  /** Indexes the whole journal, some events a transaction; resolves with how many there were, null if it was aborted. */
  async #indexAll(entityId: string, signal: AbortSignal): Promise<number | null> {
    const database = this.#database;
    // Nobody has kept the ladder right for events that were not indexed when they were journaled.
    await database.write((writer) => dropRungs(writer, entityId, null));
    let seen = 0;
    for (let after: SequenceKey | null = null, isEnd = false; !isEnd; ) {
      // Sorted as the index is, so that few of its pages are written twice.
      const entries: IndexEntry[] = [];
      while (!isEnd && entries.length < SORTED_EVENTS) {
        const range: JournalRange = { entityId, after, through: null, limit: STEP_EVENTS };
        const keys = await database.read((reader) => rowsOf(reader, KEY_COLUMNS, range).map(toKey));
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
}

/** The part of a commit that moves an entity's index and ladder on, if they stand where the change begins. */
export function writeLong(writer: Connection, change: EntityChange): void {
  const { entityId, fromVersion, version, events, long } = change;
  if (long === undefined) return;
  const { changes } = writer
    .statement(
      'UPDATE journal_index SET sequence_position = ? WHERE entity_id = ? AND id_hash = 0 AND sequence_position = ? AND time_occurred = ?',
    )
    .run(version, entityId, fromVersion, long.foldVersion ?? -1);
  if (Number(changes) !== 1) return;
  const insert = writer.statement(INSERT_INDEXED);
  for (const event of events) insert.run(entityId, ...entryOf(event));
  if (long.dropFrom !== null) dropRungs(writer, entityId, long.dropFrom);
  putRungs(writer, entityId, long.rungs);
}

/**
 * How many events the entity has in the journal, which is its version. A million events take long to be counted: where
 * the index and the view's row say the same, that is the number.
 */
export function journaledVersion(writer: Connection, view: ViewTable, entityId: string): number {
  const few = writer
    .statement(
      `SELECT count(*) AS events FROM (SELECT 1 FROM event_journal WHERE entity_id = ? LIMIT ${COUNTED_MAX + 1})`,
    )
    .get(entityId);
  const counted = numberOf(few?.events);
  if (counted <= COUNTED_MAX) return counted;
  const row = writer.statement(`SELECT version FROM ${view.table} WHERE ${view.key} = ?`).get(entityId);
  const indexed = readExtent(writer, entityId)?.version;
  return indexed !== undefined && row?.version === BigInt(indexed) ? indexed : countEvents(writer, entityId);
}

interface Extent {
  readonly version: number;
  readonly foldVersion: number;
}

function readExtent(connection: Connection, entityId: string): Extent | null {
  const row = connection
    .statement(
      'SELECT sequence_position, time_occurred FROM journal_index WHERE entity_id = ? AND id_hash = 0',
    )
    .get(entityId);
  if (row === undefined) return null;
  return { version: numberOf(row.sequence_position), foldVersion: numberOf(row.time_occurred) };
}

/** Says that the index is whole, if the journal has as many events as were seen. */
function endIndex(writer: Connection, entityId: string, seen: number, foldVersion: number): boolean {
  const extent = readExtent(writer, entityId);
  if (countEvents(writer, entityId) !== seen) return false;
  if (extent?.foldVersion !== foldVersion) dropRungs(writer, entityId, null);
  writer.statement('DELETE FROM journal_index WHERE entity_id = ? AND id_hash = 0').run(entityId);
  writer.statement(INSERT_INDEXED).run(entityId, 0, seen, foldVersion, 0);
  return true;
}

/** The keys of the journal's events with this id. The index may name events that are not there: they don't count. */
function readKnown(reader: Connection, entityId: string, eventId: string): SequenceKey[] {
  const candidates = reader
    .statement(
      'SELECT sequence_position, time_occurred, caution_rank FROM journal_index WHERE entity_id = ? AND id_hash = ?',
    )
    .all(entityId, idHash(eventId));
  const select = reader.statement(`
    SELECT ${KEY_COLUMNS} FROM event_journal WHERE entity_id = ? AND sequence_position = ? AND time_occurred = ?
    AND caution_rank = ? AND event_id = ?`);
  return candidates.flatMap(({ sequence_position, time_occurred, caution_rank }) =>
    select
      .all(
        entityId,
        numberOf(sequence_position),
        isoTime(numberOf(time_occurred)),
        numberOf(caution_rank),
        eventId,
      )
      .map(toKey),
  );
}

const INSERT_INDEXED =
  'INSERT OR IGNORE INTO journal_index (entity_id, id_hash, sequence_position, time_occurred, caution_rank) VALUES (?, ?, ?, ?, ?)';

type IndexEntry = readonly [hash: bigint, position: number, occurredAtMs: number, cautionRank: number];

function entryOf({ eventId, position, occurredAtMs, cautionRank }: SequenceKey): IndexEntry {
  return [idHash(eventId), position, occurredAtMs, cautionRank];
}

/** Removes the rungs at or behind `from`; null: all. */
function dropRungs(writer: Connection, entityId: string, from: SequenceKey | null): void {
  writer
    .statement('DELETE FROM fold_snapshots WHERE entity_id = ? AND sequence_key >= ?')
    .run(entityId, from === null ? new Uint8Array() : sequenceBytes(from));
}

function putRungs(writer: Connection, entityId: string, rungs: readonly StoredRung[]): void {
  const insert = writer.statement(
    'INSERT OR REPLACE INTO fold_snapshots (entity_id, sequence_key, state) VALUES (?, ?, ?)',
  );
  for (const { last, state } of rungs) insert.run(entityId, sequenceBytes(last), state);
}

const KEY_COLUMNS = 'sequence_position, time_occurred, caution_rank, event_id, content_hash';

/** The rows of a range of the journal, in canonical sequence. */
function rowsOf(
  connection: Connection,
  columns: string,
  { entityId, after, through, limit }: JournalRange,
): SqliteRow[] {
  const sql = `
    SELECT ${columns} FROM event_journal WHERE entity_id = ?
    ${after === null ? '' : `AND (${KEY_COLUMNS}) > (?, ?, ?, ?, ?)`}
    ${through === null ? '' : `AND (${KEY_COLUMNS}) <= (?, ?, ?, ?, ?)`}
    ORDER BY ${KEY_COLUMNS} LIMIT ?`;
  const values = [after, through].flatMap((key) => (key === null ? [] : valuesOf(key)));
  return connection.statement(sql).all(entityId, ...values, limit);
}

function valuesOf({ position, occurredAtMs, cautionRank, eventId, contentHash }: SequenceKey) {
  return [position, isoTime(occurredAtMs), cautionRank, eventId, Buffer.from(contentHash, 'hex')];
}

function toKey(row: SqliteRow): SequenceKey {
  return {
    position: numberOf(row.sequence_position),
    occurredAtMs: Date.parse(String(row.time_occurred)),
    cautionRank: numberOf(row.caution_rank),
    eventId: String(row.event_id),
    contentHash: bufferOf(row.content_hash).toString('hex'),
  };
}

function toRung({ sequence_key, state }: SqliteRow): StoredRung {
  // SQLite keeps whatever somebody puts there; nothing but the writer's own bytes is understood.
  const bytes = state instanceof Uint8Array ? state : new Uint8Array();
  return { last: sequenceOf(bufferOf(sequence_key)), state: bytes };
}

function bufferOf(value: SqliteRow[string] | undefined): Buffer {
  const bytes = bytesOf(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** As journal_index has it. */
function idHash(eventId: string): bigint {
  const found = hash('sha256', eventId, 'buffer').readBigInt64BE(0);
  return found === 0n ? 1n : found;
}
