import type { EntityChange } from '../../ports/commit.ts';
import type { ParkedEntity, ParkReason } from '../../ports/parked-entities.ts';
import type { Connection } from './database.ts';
import { numberOf, type SqliteRow, textOf } from './values.ts';

/**
 * Parks or releases the entity as the change says. Answers false if the change takes the entity for parked and it is
 * not.
 */
export function writeParking(writer: Connection, { entityId, parking }: EntityChange): boolean {
  switch (parking?.kind) {
    case undefined:
      return true;
    case 'park':
      writer
        .statement(
          'INSERT INTO parked_entities (entity_id, reason, detail, parked_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
        )
        .run(entityId, parking.reason, parking.detail, parking.parkedAtMs);
      return true;
    case 'release':
      writer.statement('DELETE FROM parked_entities WHERE entity_id = ?').run(entityId);
      return true;
    case 'parked':
      return isParked(writer, entityId);
  }
}

/** Those of the entities that are parked. */
export function parkedAmong(reader: Connection, entityIds: readonly string[]): Set<string> {
  return new Set(entityIds.filter((entityId) => isParked(reader, entityId)));
}

/** The parked entities to which the changes give a row. */
export function wronglyFolded(writer: Connection, changes: readonly EntityChange[]): readonly string[] {
  if (writer.statement('SELECT 1 FROM parked_entities LIMIT 1').get() === undefined) return [];
  return changes
    .filter(({ row, parking }) => row !== null && parking === undefined)
    .map(({ entityId }) => entityId)
    .filter((entityId) => isParked(writer, entityId));
}

function isParked(reader: Connection, entityId: string): boolean {
  return reader.statement('SELECT 1 FROM parked_entities WHERE entity_id = ?').get(entityId) !== undefined;
}

export function listParked(
  reader: Connection,
  { after, limit }: { after: string | null; limit: number },
): ParkedEntity[] {
  // No id is empty, so every id comes behind the empty one.
  return reader
    .statement('SELECT * FROM parked_entities WHERE entity_id > ? ORDER BY entity_id LIMIT ?')
    .all(after ?? '', limit)
    .map(toParked);
}

export function readParked(reader: Connection, entityId: string): ParkedEntity | null {
  const row = reader.statement('SELECT * FROM parked_entities WHERE entity_id = ?').get(entityId);
  return row === undefined ? null : toParked(row);
}

function toParked(row: SqliteRow): ParkedEntity {
  return {
    entityId: textOf(row.entity_id),
    reason: textOf(row.reason) as ParkReason,
    detail: textOf(row.detail),
    parkedAtMs: numberOf(row.parked_at),
  };
}
