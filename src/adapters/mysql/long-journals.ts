import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { TributaryError } from '../../core/errors.ts';
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
import { inTransaction, withConnection } from './connection.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { EXTENT_HASH, idHash, keyHex, keyOfHex, NO_BYTES, putRungs, readExtent } from './journal-index.ts';
import { indexJournal } from './journal-indexing.ts';
import { chunksOf } from './rows-statement.ts';
import { readSegments } from './segments.ts';
import { bytesOfBase64, textOf } from './values.ts';

/** The segments that are read at once. */
const SEGMENTS_PAGE = 128;
/** A page of events ends once their bodies have this many UTF-16 units. */
const PAGE_LENGTH = 8 * 1024 * 1024;
/** The ids that one statement looks up. */
const LOOKUP_IDS = 256;

/** `LongJournals` on MySQL and MariaDB. */
export class MysqlLongJournals implements LongJournals {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  async lookUp(requests: readonly LongLookup[]): Promise<Map<string, LongJournal>> {
    const pairs = requests.flatMap(({ entityId, eventIds }) => [
      [entityId, EXTENT_HASH] as const,
      ...[...new Set(eventIds)].map((id) => [entityId, idHash(id)] as const),
    ]);
    const wanted = new Map(requests.map(({ entityId, eventIds }) => [entityId, new Set(eventIds)]));
    const extents = new Map<string, { version: number; foldVersion: number | null }>();
    const known = new Map<string, SequenceKey[]>(requests.map(({ entityId }) => [entityId, []]));
    await withConnection(this.#pool, async (connection) => {
      for (let from = 0; from < pairs.length; from += LOOKUP_IDS) {
        for (const chunk of chunksOf(pairs.slice(from, from + LOOKUP_IDS))) {
          const [rows] = await connection.execute<RowDataPacket[]>(
            'SELECT entity_id, HEX(sequence_key), first_version, place FROM journal_index FORCE INDEX (journal_index_by_id) ' +
              `WHERE (entity_id, id_hash) IN (${new Array(chunk.length).fill('(?,UNHEX(?))').join(',')})`,
            chunk.flat(),
          );
          for (const row of rows) {
            const entityId = textOf(row[0]);
            const bytes = keyOfHex(row[1]);
            if (bytes.length === 0) {
              const place = Number(row[3]);
              extents.set(entityId, { version: Number(row[2]), foldVersion: place < 0 ? null : place });
              continue;
            }
            const key = sequenceOf(bytes);
            if (wanted.get(entityId)?.has(key.eventId)) known.get(entityId)?.push(key);
          }
        }
      }
    });
    return new Map(
      [...extents]
        .filter(([, { version }]) => version >= 0)
        .map(([entityId, extent]) => [entityId, { ...extent, known: known.get(entityId) ?? [] }]),
    );
  }

  async index(entityId: string, foldVersion: number, signal: AbortSignal): Promise<LongJournal | null> {
    return indexJournal(this.#pool, entityId, foldVersion, signal);
  }

  async readRange({ entityId, after, through, limit }: JournalRange): Promise<JournalPage> {
    return withConnection(this.#pool, async (connection) => {
      const [rows] = await connection.execute<RowDataPacket[]>(
        'SELECT HEX(sequence_key), first_version, place FROM journal_index FORCE INDEX (`PRIMARY`) WHERE entity_id = ? ' +
          `AND sequence_key > UNHEX(?) ${through === null ? '' : 'AND sequence_key <= UNHEX(?)'} ` +
          `ORDER BY sequence_key LIMIT ${Math.floor(limit)}`,
        [entityId, keyHex(after), ...(through === null ? [] : [keyHex(through)])],
      );
      const events = await readPlaces(connection, entityId, rows);
      return { events, isEnd: rows.length < limit && events.length === rows.length };
    });
  }

  async rungBefore(entityId: string, before: SequenceKey | null): Promise<StoredRung | null> {
    const sql =
      `SELECT HEX(sequence_key), TO_BASE64(state) FROM fold_snapshots WHERE entity_id = ? ${before === null ? '' : 'AND sequence_key < UNHEX(?)'} ` +
      'ORDER BY sequence_key DESC LIMIT 1';
    const values = before === null ? [entityId] : [entityId, keyHex(before)];
    return withConnection(this.#pool, async (connection) => {
      const [[row]] = await connection.execute<RowDataPacket[]>(sql, values);
      return row === undefined ? null : toRung(row);
    });
  }

  async rungsBehind(entityId: string, after: SequenceKey | null, limit: number): Promise<StoredRung[]> {
    return withConnection(this.#pool, async (connection) => {
      const [rows] = await connection.execute<RowDataPacket[]>(
        'SELECT HEX(sequence_key), TO_BASE64(state) FROM fold_snapshots WHERE entity_id = ? AND sequence_key > UNHEX(?) ' +
          `ORDER BY sequence_key LIMIT ${Math.floor(limit)}`,
        [entityId, keyHex(after)],
      );
      return rows.map(toRung);
    });
  }

  async addRungs({ entityId, version, foldVersion, rungs }: RungsAddition): Promise<boolean> {
    return inTransaction(this.#pool, async (connection) => {
      const extent = await readExtent(connection, entityId);
      if (extent?.version !== version || extent.foldVersion !== foldVersion) return false;
      await putRungs(
        connection,
        rungs.map((rung) => ({ entityId, rung })),
      );
      return true;
    });
  }
}

/** Reads the events at the places that the index names, in its sequence. Gives fewer if their bodies are large. */
async function readPlaces(
  connection: PoolConnection,
  entityId: string,
  rows: readonly RowDataPacket[],
): Promise<JournaledEvent[]> {
  const segments = new Map<number, readonly JournaledEvent[]>();
  const events: JournaledEvent[] = [];
  let length = 0;
  for (const [index, row] of rows.entries()) {
    const firstVersion = Number(row[1]);
    if (!segments.has(firstVersion)) {
      if (length > PAGE_LENGTH) return events;
      const next = new Set<number>();
      for (const later of rows.slice(index)) {
        if (next.size === SEGMENTS_PAGE) break;
        if (!segments.has(Number(later[1]))) next.add(Number(later[1]));
      }
      for (const [version, read] of await readSegments(connection, entityId, [...next])) {
        segments.set(version, read);
        for (const { data } of read) length += data.length;
      }
    }
    const event = segments.get(firstVersion)?.[Number(row[2])];
    if (event === undefined || !sequenceBytes(event).equals(keyOfHex(row[0]))) {
      await connection.execute('DELETE FROM journal_index WHERE entity_id = ? AND sequence_key = ?', [
        entityId,
        NO_BYTES,
      ]);
      throw new TributaryError(
        'store_failed',
        'The table journal_index does not say what is in journal_segments; the entity is indexed anew.',
      );
    }
    events.push(event);
  }
  return events;
}

function toRung(row: RowDataPacket): StoredRung {
  return { last: sequenceOf(keyOfHex(row[0])), state: bytesOfBase64(row[1]) ?? NO_BYTES };
}
