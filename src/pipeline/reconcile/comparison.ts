import { hash } from 'node:crypto';
import { compareUtf8 } from '../../core/text.ts';
import type { DeliveryRepair, OwedState } from '../../ports/reconciliation.ts';
import type { StoredRow } from '../../ports/store.ts';
import type { HeldState } from '../../ports/target-holdings.ts';

/**
 * How a target differs in one entity from what was delivered to it. `missing`, `older` and `different` (another
 * content at the same version) can be healed by delivering once more. `unrecorded` is in our view and at the target, and
 * not in our ledger, as after a restore: it is put into the ledger and delivered. `unexpected` is nothing that we know;
 * `newer` is a later version than ours, so somebody else writes there, or our store went back in time and has not read
 * again, or cannot read any more, what it lost.
 */
export type Verdict = 'missing' | 'older' | 'different' | 'unrecorded' | 'unexpected' | 'newer';

export interface Difference {
  readonly entityId: string;
  readonly verdict: Verdict;
  readonly ours: HeldState | null;
  readonly theirs: HeldState | null;
  /** How it is healed, if not by the delivery that the ledger has; null otherwise. */
  readonly repair: DeliveryRepair | null;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** What the ledger has no last word on yet, so that nothing can be said. */
  readonly inFlight: readonly string[];
  readonly dead: readonly string[];
  /** What the ledger calls delivered. */
  readonly compared: readonly string[];
}

export const HEALABLE: ReadonlySet<Verdict> = new Set<Verdict>([
  'missing',
  'older',
  'different',
  'unrecorded',
]);

/** Both sides of one range of ids, each in the sequence of the ids' bytes and without gaps. */
export function compareRange(owed: readonly OwedState[], held: readonly HeldState[]): Comparison {
  const differences: Difference[] = [];
  const inFlight: string[] = [];
  const dead: string[] = [];
  const compared: string[] = [];
  let next = 0;
  const unexpectedUntil = (entityId: string | null) => {
    for (; next < held.length; next++) {
      const theirs = held[next] as HeldState;
      if (entityId !== null && compareUtf8(theirs.entityId, entityId) >= 0) return;
      differences.push({
        entityId: theirs.entityId,
        verdict: 'unexpected',
        ours: null,
        theirs,
        repair: null,
      });
    }
  };
  for (const state of owed) {
    unexpectedUntil(state.entityId);
    const theirs = held[next]?.entityId === state.entityId ? (held[next++] as HeldState) : null;
    if (state.status === 'pending') inFlight.push(state.entityId);
    else if (state.status === 'dead') {
      dead.push(state.entityId);
      const difference = deadDifference(state, theirs);
      if (difference !== null) differences.push(difference);
    } else {
      compared.push(state.entityId);
      const difference = deliveredDifference(state, theirs);
      if (difference !== null) differences.push(difference);
    }
  }
  unexpectedUntil(null);
  return { differences, inFlight, dead, compared };
}

/**
 * A target that holds a later version than the ledger has delivered, and none later than the view's, has it from our
 * store as it was before it was restored: what was read again since came to the state that the ledger had.
 */
function deliveredDifference(state: OwedState, theirs: HeldState | null): Difference | null {
  const { entityId, viewVersion, row } = state;
  const ours = deliveredState(state);
  const verdict = verdictOf(ours, theirs);
  if (verdict === null) return null;
  if (verdict !== 'newer' || theirs === null || theirs.version > viewVersion)
    return { entityId, verdict, ours, theirs, repair: null };
  const latest = { entityId, version: viewVersion, row };
  return {
    entityId,
    verdict: 'unrecorded',
    ours: latest,
    theirs,
    repair: repairOf('behind', latest, theirs),
  };
}

/**
 * A delivery that died while the target holds the same version with other content: it was refused because the version
 * was delivered before with that content, by our store as it was before it was restored.
 */
function deadDifference(
  { entityId, dueVersion, row }: OwedState,
  theirs: HeldState | null,
): Difference | null {
  const ours = { entityId, version: dueVersion, row };
  if (theirs === null || theirs.version !== dueVersion || isSameState(ours, theirs)) return null;
  return { entityId, verdict: 'different', ours, theirs, repair: repairOf('dead', ours, theirs) };
}

/** What was not expected, with the view's rows of the same entities: what they know is no surprise. */
export function recognise(
  differences: readonly Difference[],
  rows: ReadonlyMap<string, StoredRow>,
): Difference[] {
  return differences.map((difference) => {
    const { entityId, verdict, theirs } = difference;
    const known = verdict === 'unexpected' ? rows.get(entityId) : undefined;
    if (known === undefined || theirs === null) return difference;
    const ours = { entityId, version: known.version, row: known.row };
    if (theirs.version > ours.version) return { ...difference, verdict: 'newer', ours };
    return { ...difference, verdict: 'unrecorded', ours, repair: repairOf('unrecorded', ours, theirs) };
  });
}

function repairOf(was: DeliveryRepair['was'], ours: HeldState, theirs: HeldState): DeliveryRepair {
  const { entityId, version } = ours;
  const isReplaced = theirs.version === version && !isSameState(ours, theirs);
  return {
    entityId,
    was,
    version,
    heldVersion: theirs.version,
    replaces: isReplaced ? digestOf([theirs]) : null,
  };
}

/** The row is that of the latest version: an event that only raised the version left it as it was delivered. */
export function deliveredState({ entityId, deliveredVersion, row }: OwedState): HeldState {
  return { entityId, version: deliveredVersion ?? 0, row };
}

function verdictOf(ours: HeldState, theirs: HeldState | null): Verdict | null {
  if (theirs === null) return 'missing';
  if (theirs.version !== ours.version) return theirs.version < ours.version ? 'older' : 'newer';
  return isSameState(ours, theirs) ? null : 'different';
}

export function isSameState(left: HeldState | null, right: HeldState | null): boolean {
  if (left === null || right === null) return left === right;
  return lineOf(left) === lineOf(right);
}

/** As the port says that a target computes it. */
export function digestOf(states: readonly HeldState[]): string {
  return hash('sha256', states.map(lineOf).join(''), 'hex');
}

function lineOf({ entityId, row, version }: HeldState): string {
  return `${JSON.stringify([entityId, ...row, version])}\n`;
}
