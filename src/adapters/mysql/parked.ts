import type { PoolConnection, RowDataPacket } from 'mysql2/promise';
import { DefectError } from '../../core/errors.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { ParkedEntity, ParkReason } from '../../ports/parked-entities.ts';
import { idPage } from './id-page.ts';
import { chunksOf, marks, RowsStatement } from './rows-statement.ts';
import { textOf } from './values.ts';

/**
 * Parks and releases entities as the changes say. Answers false if a change takes an entity for parked and it is not.
 */
export async function writeParking(
  connection: PoolConnection,
  changes: readonly EntityChange[],
): Promise<boolean> {
  const toPark = changes.filter(({ parking }) => parking?.kind === 'park');
  await park.run(connection, toPark);
  for (const ids of chunksOf(idsWith(changes, 'release')))
    await connection.execute(`DELETE FROM parked_entities WHERE entity_id IN (${marks(ids.length)})`, ids);
  const known = idsWith(changes, 'parked');
  let found = 0;
  for (const ids of chunksOf(known)) {
    const [[row]] = await connection.execute<RowDataPacket[]>(
      `SELECT COUNT(*) FROM parked_entities WHERE entity_id IN (${marks(ids.length)})`,
      ids,
    );
    found += Number(row?.[0]);
  }
  return found === known.length;
}

/** Those of the entities that are parked. */
export async function parkedAmong(
  connection: PoolConnection,
  entityIds: readonly string[],
): Promise<Set<string>> {
  const parked = new Set<string>();
  for (const ids of chunksOf(entityIds)) {
    const [rows] = await connection.execute<RowDataPacket[]>(
      `SELECT entity_id FROM parked_entities WHERE entity_id IN (${marks(ids.length)})`,
      ids,
    );
    for (const row of rows) parked.add(textOf(row[0]));
  }
  return parked;
}

/**
 * The parked entities to which the changes give a row. The transaction has locked the rows, so nobody parks one of these
 * entities any more before it ends.
 */
export async function wronglyFolded(
  connection: PoolConnection,
  changes: readonly EntityChange[],
): Promise<readonly string[]> {
  const folded = changes.filter(({ row, parking }) => row !== null && parking === undefined);
  if (folded.length === 0) return [];
  // Mostly nothing is parked at all, and asking for that costs less than sending the ids.
  const [any] = await connection.execute<RowDataPacket[]>('SELECT 1 FROM parked_entities LIMIT 1');
  if (any.length === 0) return [];
  return [
    ...(await parkedAmong(
      connection,
      folded.map(({ entityId }) => entityId),
    )),
  ];
}

export async function listParked(
  connection: PoolConnection,
  { after, limit }: { after: string | null; limit: number },
): Promise<ParkedEntity[]> {
  // No id is empty, so every id comes behind the empty one.
  const [rows] = await connection.execute<RowDataPacket[]>(
    idPage({
      columns: ['entity_id', 'reason', 'detail', 'parked_at'],
      rows: 'FROM parked_entities WHERE entity_id > ?',
      limit,
    }),
    [Buffer.from(after ?? '')],
  );
  return rows.map(toParked);
}

export async function readParked(connection: PoolConnection, entityId: string): Promise<ParkedEntity | null> {
  const [[row]] = await connection.execute<RowDataPacket[]>(
    'SELECT entity_id, reason, detail, parked_at FROM parked_entities WHERE entity_id = ?',
    [Buffer.from(entityId)],
  );
  return row === undefined ? null : toParked(row);
}

function toParked(row: RowDataPacket): ParkedEntity {
  return {
    entityId: textOf(row[0]),
    reason: textOf(row[1]) as ParkReason,
    detail: textOf(row[2]),
    parkedAtMs: Number(row[3]),
  };
}

function idsWith(changes: readonly EntityChange[], kind: 'parked' | 'release'): string[] {
  return changes.filter(({ parking }) => parking?.kind === kind).map(({ entityId }) => entityId);
}

const park = new RowsStatement<EntityChange>({
  before: 'INSERT INTO parked_entities (entity_id, reason, detail, parked_at) VALUES',
  row: '(?,?,?,?)',
  after: 'ON DUPLICATE KEY UPDATE reason = parked_entities.reason',
  columns: ['bytes', 'text', 'text', 'integer'],
  write(writer, { entityId, parking }) {
    if (parking?.kind !== 'park')
      throw new DefectError('Only a change that parks its entity is written here.');
    writer.text(entityId);
    writer.text(parking.reason);
    writer.text(parking.detail);
    writer.integer(parking.parkedAtMs);
  },
});
