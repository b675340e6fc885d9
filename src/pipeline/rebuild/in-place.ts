import { compareUtf8 } from '../../core/text.ts';
import type { StoredRow } from '../../ports/store.ts';
import { isSameRow } from '../ingest/due.ts';
import type { Unfoldable } from '../ingest/unfoldable.ts';
import { refold } from '../verify/refold.ts';
import { Folder } from './folder.ts';
import type { RebuildParts } from './rebuild.ts';
import { epochForRows, foldOf } from './view-mode.ts';

/** An entity whose row is not what this program makes of its journal. */
export interface EntityDifference {
  readonly entityId: string;
  /** Null if there is no row. */
  readonly before: StoredRow | null;
  /** Null if the entity cannot be folded, or has no journal. */
  readonly after: StoredRow | null;
  readonly fault: Unfoldable | null;
}

/** The most entities of one transaction. */
const AT_ONCE = 100;
/** The most times that rows are written again, because ingest changed them meanwhile. */
const ATTEMPTS_MAX = 10;

/** Folds these entities again and compares their rows with the fold. Writes nothing. */
export async function compareEntities<State, Event>(
  parts: RebuildParts<State, Event>,
  entityIds: readonly string[],
): Promise<EntityDifference[]> {
  const folder = new Folder(parts);
  const differences: EntityDifference[] = [];
  for (const ids of portionsOf(entityIds)) {
    const rows = await parts.store.readView(ids);
    const folded = new Map((await folder.fold(ids)).map((one) => [one.entityId, one]));
    for (const entityId of ids) {
      const before = rows.get(entityId) ?? null;
      const made = folded.get(entityId);
      const after = made === undefined || made.row === null ? null : { row: made.row, version: made.version };
      const isSame = before !== null && after !== null && isSameRow(before.row, after.row);
      if (!isSame) differences.push({ entityId, before, after, fault: made?.fault ?? null });
    }
  }
  return differences;
}

/**
 * Writes the rows of these entities as this program folds them, by the way of every commit: what has changed becomes due.
 * Rejects with `rebuild_refused` if the view as a whole waits for a rebuild. Resolves with what still differs.
 */
export async function rebuildEntities<State, Event>(
  parts: RebuildParts<State, Event>,
  entityIds: readonly string[],
): Promise<EntityDifference[]> {
  let left = await compareEntities(parts, entityIds);
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const foldable = left.filter(({ before, after }) => before !== null && after !== null);
    if (foldable.length === 0) break;
    const viewEpoch = await epochForRows(parts.store, foldOf(parts.domain));
    for (const ids of portionsOf(foldable.map(({ entityId }) => entityId)))
      await refold({ ...parts, viewEpoch }, ids, 'rebuild');
    left = await compareEntities(
      parts,
      left.map(({ entityId }) => entityId),
    );
  }
  return left;
}

function* portionsOf(entityIds: readonly string[]): Generator<string[]> {
  const ids = [...new Set(entityIds)].sort(compareUtf8);
  for (let from = 0; from < ids.length; from += AT_ONCE) yield ids.slice(from, from + AT_ONCE);
}
