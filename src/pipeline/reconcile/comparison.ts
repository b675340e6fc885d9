import { hash } from 'node:crypto';
import { compareUtf8 } from '../../core/text.ts';
import type { OwedState } from '../../ports/reconciliation.ts';
import type { HeldState } from '../../ports/target-holdings.ts';

/**
 * How a target differs in one entity from what was delivered to it. `missing`, `older` and `different` (another
 * content at the same version) can be healed by the same delivery once more. `unexpected` was never delivered by
 * us; `newer` is a version that we never delivered, so somebody else writes there, or our store went back in time.
 */
export type Verdict = 'missing' | 'older' | 'different' | 'unexpected' | 'newer';

export interface Difference {
  readonly entityId: string;
  readonly verdict: Verdict;
  readonly ours: HeldState | null;
  readonly theirs: HeldState | null;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** What the ledger has no last word on yet, so that nothing can be said. */
  readonly inFlight: readonly string[];
  readonly dead: readonly string[];
  /** What the ledger calls delivered. */
  readonly compared: readonly string[];
}

export const HEALABLE: ReadonlySet<Verdict> = new Set<Verdict>(['missing', 'older', 'different']);

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
      differences.push({ entityId: theirs.entityId, verdict: 'unexpected', ours: null, theirs });
    }
  };
  for (const state of owed) {
    unexpectedUntil(state.entityId);
    const theirs = held[next]?.entityId === state.entityId ? (held[next++] as HeldState) : null;
    if (state.status === 'pending') inFlight.push(state.entityId);
    else if (state.status === 'dead') dead.push(state.entityId);
    else {
      compared.push(state.entityId);
      const ours = deliveredState(state);
      const verdict = verdictOf(ours, theirs);
      if (verdict !== null) differences.push({ entityId: state.entityId, verdict, ours, theirs });
    }
  }
  unexpectedUntil(null);
  return { differences, inFlight, dead, compared };
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
