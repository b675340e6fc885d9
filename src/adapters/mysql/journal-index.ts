import { hash } from 'node:crypto';
import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import type { SequenceKey } from '../../core/sequence.ts';
import { sequenceBytes } from '../../core/sequence-bytes.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { StoredRung } from '../../ports/long-journals.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { type Segment, segmentsOf } from './segments.ts';
import { textOf } from './values.ts';

/** The fold version of an index whose journal lacks versions in the middle. */
export const NOT_WHOLE = -1;

export const NO_BYTES = Buffer.alloc(0);
/** The hash, in hexadecimal digits, in the row that records how far the index goes. */
export const EXTENT_HASH = '0'.repeat(16);

/** The version up to which an entity is indexed, and the fold version of its ladder. */
export interface Extent {
  readonly version: number;
  readonly foldVersion: number;
}

interface IndexRow {
  readonly entityId: string;
  /** The key of an event; null for the row that records how far the index goes. */
  readonly key: SequenceKey | null;
  /** The first version of the event's segment, or the version up to which the index goes. */
  readonly firstVersion: number;
  /** The event's place in its segment, or the fold version of the ladder. */
  readonly place: number;
}

export const putRows = new RowsStatement<IndexRow>({
  before: 'INSERT INTO journal_index (entity_id, sequence_key, id_hash, first_version, place) VALUES',
  row: '(?,UNHEX(?),UNHEX(?),?,?)',
  after: 'ON DUPLICATE KEY UPDATE first_version = VALUES(first_version), place = VALUES(place)',
  columns: ['bytes', 'text', 'text', 'integer', 'integer'],
  write(writer, { entityId, key, firstVersion, place }) {
    writer.text(entityId);
    writer.text(keyHex(key));
    writer.text(key === null ? EXTENT_HASH : idHash(key.eventId));
    writer.integer(firstVersion);
    writer.integer(place);
  },
});

const upsertRungs = new RowsStatement<{ readonly entityId: string; readonly rung: StoredRung }>({
  before: 'INSERT INTO fold_snapshots (entity_id, sequence_key, state) VALUES',
  row: '(?,UNHEX(?),FROM_BASE64(?))',
  after: 'ON DUPLICATE KEY UPDATE state = VALUES(state)',
  columns: ['bytes', 'text', 'text'],
  write(writer, { entityId, rung }) {
    writer.text(entityId);
    writer.text(keyHex(rung.last));
    writer.base64(rung.state);
  },
});

/**
 * Moves the indexes and ladders of long entities on in the commit of a batch, where they stand at the version that the
 * change builds on.
 */
export async function writeLong(connection: PoolConnection, changes: readonly EntityChange[]): Promise<void> {
  const extents = new Map<string, Extent>();
  for (const ids of chunksOf(changes.map(({ entityId }) => entityId))) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      'SELECT entity_id, first_version, place FROM journal_index FORCE INDEX (`PRIMARY`) ' +
        `WHERE entity_id IN (${marks(ids.length)}) AND sequence_key = ? FOR UPDATE`,
      [...ids, NO_BYTES],
    );
    for (const row of rows)
      extents.set(textOf(row[0]), { version: Number(row[1]), foldVersion: Number(row[2]) });
  }
  const current = changes.filter(({ entityId, fromVersion, long }) => {
    const extent = extents.get(entityId);
    return extent?.version === fromVersion && extent.foldVersion === (long?.foldVersion ?? NOT_WHOLE);
  });
  await putRows.run(connection, current.flatMap(rowsOfChange));
  for (const { entityId, long } of current) {
    const from = long?.dropFrom ?? null;
    if (from !== null) await dropRungs(connection, entityId, from);
  }
  await putRungs(
    connection,
    current.flatMap(({ entityId, long }) => (long?.rungs ?? []).map((rung) => ({ entityId, rung }))),
  );
}

function rowsOfChange(change: EntityChange): IndexRow[] {
  const { entityId, version, long } = change;
  const extent = { entityId, key: null, firstVersion: version, place: long?.foldVersion ?? NOT_WHOLE };
  return [extent, ...segmentsOf([change]).flatMap(rowsOfSegment)];
}

export function rowsOfSegment({ entityId, firstVersion, events }: Segment): IndexRow[] {
  return events.map((key, place) => ({ entityId, key, firstVersion, place }));
}

/** Reads and locks the row that records how far the entity's index goes. */
export async function readExtent(connection: PoolConnection, entityId: string): Promise<Extent | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    'SELECT first_version, place FROM journal_index FORCE INDEX (`PRIMARY`) WHERE entity_id = ? AND sequence_key = ? FOR UPDATE',
    [entityId, NO_BYTES],
  );
  return row === undefined ? null : { version: Number(row[0]), foldVersion: Number(row[1]) };
}

/** Removes the rungs at or behind `from`; null removes all. */
export async function dropRungs(
  connection: PoolConnection,
  entityId: string,
  from: SequenceKey | null,
): Promise<void> {
  await connection.execute('DELETE FROM fold_snapshots WHERE entity_id = ? AND sequence_key >= UNHEX(?)', [
    entityId,
    keyHex(from),
  ]);
}

export async function putRungs(
  connection: PoolConnection,
  rungs: readonly { readonly entityId: string; readonly rung: StoredRung }[],
): Promise<void> {
  await upsertRungs.run(connection, rungs);
}

/** The hash of an event id as the column `id_hash` has it, in hexadecimal digits. */
export function idHash(eventId: string): string {
  const found = hash('sha256', eventId, 'hex').slice(0, 16);
  return found === EXTENT_HASH ? `${'0'.repeat(15)}1` : found;
}

/** The bytes of a key that a statement gives as HEX, because a proxy may call its column a text. */
export function keyOfHex(value: unknown): Buffer {
  return Buffer.from(textOf(value), 'hex');
}

/**
 * A key as a parameter that stands in UNHEX: its bytes are no UTF-8, and a proxy that decodes parameters as texts would damage
 * them. Null gives no bytes, and every key comes behind those.
 */
export function keyHex(key: SequenceKey | null): string {
  return key === null ? '' : sequenceBytes(key).toString('hex');
}
