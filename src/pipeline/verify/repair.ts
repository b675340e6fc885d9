import { TributaryError } from '../../core/errors.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Store } from '../../ports/store.ts';
import { epochToVerify, foldOf } from '../rebuild/view-mode.ts';
import {
  type Compared,
  type CompareParts,
  compareEntities,
  type Difference,
  type LedgerDifference,
} from './compare.ts';
import { refold } from './refold.ts';

export interface VerifyParts<State, Event> extends CompareParts<State, Event> {
  readonly store: Pick<
    Store,
    | 'commit'
    | 'readView'
    | 'longJournals'
    | 'readEntities'
    | 'readAsArrived'
    | 'mendLedger'
    | 'removeUnjournaledRows'
    | 'viewState'
  >;
  readonly clock: Pick<Clock, 'now'>;
}

export interface Verified extends Omit<Compared, 'differences'> {
  readonly differences: readonly VerifiedDifference[];
  /** The entries of the ledger that were written. Some of them are due now. */
  readonly mended: number;
}

export type VerifiedDifference = Difference & { readonly isRepaired: boolean };

/** The rows that one transaction makes again, which locks them meanwhile. */
const REPAIRED_AT_ONCE = 100;
/** An entry that changes between the look and the repair is left alone, and looked at again. */
const ROUNDS = 3;

/**
 * Compares entities with their journals. With `repairs`, puts right what differs, and compares that again. A difference
 * that is gone by then counts as repaired. Rejects while a rebuild is switched, and if the rows wait for one.
 */
export async function verifyEntities<State, Event>(
  parts: VerifyParts<State, Event>,
  entityIds: readonly string[],
  repairs: boolean,
): Promise<Verified> {
  const fold = foldOf(parts.domain);
  const viewEpoch = await epochToVerify(parts.store, fold);
  const compared = await compareEntities(parts, entityIds);
  if (compared.differences.length > 0 && (await epochToVerify(parts.store, fold)) !== viewEpoch)
    throw new TributaryError('view_switching', 'The view was exchanged during the comparison.', {
      retryable: true,
    });
  let left = compared.differences;
  let mended = 0;
  const unfoldable: Difference[] = [];
  for (let round = 1; repairs && left.some(isRepairable) && round <= ROUNDS; round++) {
    const { parked, ...repaired } = await repairDifferences({ ...parts, viewEpoch }, left);
    unfoldable.push(...parked);
    mended += repaired.mended;
    const ids = [...new Set(left.map(({ entityId }) => entityId))].sort(compareUtf8);
    left = (await compareEntities(parts, ids)).differences;
  }
  const remaining = new Set([...left, ...unfoldable].map(keyOf));
  const differences = compared.differences.map((difference) => ({
    ...difference,
    isRepaired: repairs && !remaining.has(keyOf(difference)),
  }));
  return { ...compared, differences, mended };
}

/** Whether the program can put it right. */
export function isRepairable(difference: Difference): boolean {
  if (difference.kind === 'unfoldable') return false;
  return !isOfLedger(difference) || difference.mend !== null;
}

export function isOfLedger(difference: Difference): difference is LedgerDifference {
  return (
    difference.kind === 'ledger_missing' ||
    difference.kind === 'ledger_wrong' ||
    difference.kind === 'ledger_unfounded'
  );
}

/** One row, or one entry of the ledger, is one difference, however it differs. */
function keyOf(difference: Difference): string {
  return JSON.stringify([difference.entityId, isOfLedger(difference) ? difference.target : null]);
}

/**
 * Writes the rows first, because an entry of the ledger is only mended if the view has the version that it belongs to. What
 * has changed since it was read is left alone. `parked`: entities that turned out to be unfoldable.
 */
async function repairDifferences<State, Event>(
  parts: VerifyParts<State, Event> & { readonly viewEpoch: number },
  differences: readonly Difference[],
): Promise<{ readonly mended: number; readonly parked: Difference[] }> {
  const { store } = parts;
  const extra = differences.filter(({ kind }) => kind === 'row_extra').map(({ entityId }) => entityId);
  if (extra.length > 0) await store.removeUnjournaledRows(extra);
  const parked: Difference[] = [];
  const rows = differences.filter(isOfRow).map(({ entityId }) => entityId);
  for (let from = 0; from < rows.length; from += REPAIRED_AT_ONCE) {
    for (const { entityId, fault } of await refold(
      parts,
      rows.slice(from, from + REPAIRED_AT_ONCE),
      'repair',
    ))
      if (fault !== null) parked.push({ kind: 'unfoldable', entityId, ...fault });
  }
  const mends = differences.filter(isOfLedger).flatMap(({ mend }) => mend ?? []);
  const mended = mends.length === 0 ? 0 : await store.mendLedger(mends);
  return { mended, parked };
}

/** Whether folding the entity again puts it right. */
export function isOfRow({ kind }: Difference): boolean {
  return (
    kind === 'row_missing' || kind === 'row_altered' || kind === 'version_behind' || kind === 'version_ahead'
  );
}
