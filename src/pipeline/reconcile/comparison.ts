import { hash } from 'node:crypto';
import { compareUtf8 } from '../../core/text.ts';
import type { DeliveryRepair, OwedState } from '../../ports/reconciliation.ts';
import type { StoredRow } from '../../ports/store.ts';
import type { HeldState } from '../../ports/target-holdings.ts';

/**
 * How the state that a target holds of one entity differs from the one that was delivered to it.
 *
 * - `missing`, `older`, `different` (other content at the same version): delivering it once more heals it.
 * - `unrecorded`: the view and the target have it, and the ledger does not, as after a restore. It is put into the ledger
 *   and delivered.
 * - `unexpected`: neither the ledger nor the view knows the entity.
 * - `newer`: the target has a later version than the view. Another program writes there, or the store went back in time and
 *   has not yet read again, or can no longer read, what it lost.
 */
export type Verdict = 'missing' | 'older' | 'different' | 'unrecorded' | 'unexpected' | 'newer';

export interface Difference {
  readonly entityId: string;
  readonly verdict: Verdict;
  readonly ours: HeldState | null;
  readonly theirs: HeldState | null;
  /** How it is healed, if delivering it once more does not heal it; else null. */
  readonly repair: DeliveryRepair | null;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** Entities with a delivery that is due or under way, so that they cannot be compared yet. */
  readonly inFlight: readonly string[];
  readonly dead: readonly string[];
  /** Entities whose delivery the ledger calls delivered. */
  readonly compared: readonly string[];
}

export const HEALABLE: ReadonlySet<Verdict> = new Set<Verdict>([
  'missing',
  'older',
  'different',
  'unrecorded',
]);

/** Compares both sides of one range of ids. Each side is sorted by the bytes of the ids, and complete. */
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

function deliveredDifference(state: OwedState, theirs: HeldState | null): Difference | null {
  const ours = deliveredState(state);
  const verdict = verdictOf(ours, theirs);
  if (verdict === null) return null;
  return (
    behindDifference(state, ours.version, theirs) ?? {
      entityId: state.entityId,
      verdict,
      ours,
      theirs,
      repair: null,
    }
  );
}

/**
 * Finds a dead delivery that the target refused because it holds what our store delivered before it was restored: a later
 * version, or the same one with other content.
 */
function deadDifference(state: OwedState, theirs: HeldState | null): Difference | null {
  const { entityId, dueVersion, row } = state;
  const behind = behindDifference(state, dueVersion, theirs);
  if (behind !== null) return behind;
  const ours = { entityId, version: dueVersion, row };
  if (theirs === null || theirs.version !== dueVersion || isSameState(ours, theirs)) return null;
  return { entityId, verdict: 'different', ours, theirs, repair: repairOf('dead', ours, theirs) };
}

/**
 * If the target has a later version than the ledger, and not a later one than the view, our store sent it before it was
 * restored. The events that were read again since have led to the state that the ledger has.
 */
function behindDifference(
  { entityId, viewVersion, row }: OwedState,
  ledgerVersion: number,
  theirs: HeldState | null,
): Difference | null {
  if (theirs === null || theirs.version <= ledgerVersion || theirs.version > viewVersion) return null;
  const ours = { entityId, version: viewVersion, row };
  return { entityId, verdict: 'unrecorded', ours, theirs, repair: repairOf('behind', ours, theirs) };
}

/** Changes `unexpected` differences of entities that the view knows to `newer` or `unrecorded`. */
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

/** The delivered state. The row of the latest version is the same, because later events only raised the version. */
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

/** Computes the digest as docs/being-a-target.md has a target compute it. */
export function digestOf(states: readonly HeldState[]): string {
  return hash('sha256', states.map(lineOf).join(''), 'hex');
}

function lineOf({ entityId, row, version }: HeldState): string {
  return `${JSON.stringify([entityId, ...row, version])}\n`;
}
