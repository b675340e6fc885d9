import type { EntityChange } from '../../ports/commit.ts';
import type { ParkedEntity } from '../../ports/parked-entities.ts';
import type { Connection, Transaction } from './connection.ts';

/**
 * Parks and releases entities as the changes say. Answers false if a change takes an entity for parked and it is not.
 * The transaction has locked the entities.
 */
export async function writeParking(
  transaction: Transaction,
  changes: readonly EntityChange[],
): Promise<boolean> {
  await transaction.statement('park entities');
  const { schema } = transaction;
  for (const { entityId, parking } of changes)
    if (parking?.kind === 'parked' && !schema.parked.has(entityId)) return false;
  transaction.write(() => {
    for (const { entityId, parking } of changes) {
      if (parking?.kind === 'release') schema.unpark(entityId);
      if (parking?.kind !== 'park') continue;
      const { reason, detail, parkedAtMs } = parking;
      schema.park({ entityId, reason, detail, parkedAtMs });
    }
  });
  return true;
}

/** The parked entities to which the changes give a row. The transaction has locked the entities. */
export function wronglyFolded({ schema }: Transaction, changes: readonly EntityChange[]): readonly string[] {
  if (schema.parked.size === 0) return [];
  return changes
    .filter(
      ({ entityId, row, parking }) => row !== null && parking === undefined && schema.parked.has(entityId),
    )
    .map(({ entityId }) => entityId);
}

export function listParked(
  connection: Connection,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<ParkedEntity[]> {
  return connection.read('list parked entities', ({ parked, parkedIds }) =>
    parkedIds.behind(after, limit).map((entityId) => parked.get(entityId) as ParkedEntity),
  );
}

export function readParked(connection: Connection, entityId: string): Promise<ParkedEntity | null> {
  return connection.read('read a parked entity', ({ parked }) => parked.get(entityId) ?? null);
}
