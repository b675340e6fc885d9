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
      return (
        writer.statement('SELECT 1 FROM parked_entities WHERE entity_id = ?').get(entityId) !== undefined
      );
  }
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
