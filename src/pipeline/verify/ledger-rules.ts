import type { LedgerRecord, LedgerState } from '../../ports/verification.ts';

/**
 * The rules that every entry of the ledger keeps after every commit, whatever the batches were, and whatever deliveries,
 * retries, redrives, sweeps, repairs after a restore, and adoption have done to it. `version` is the number of events in
 * the entity's journal. The program keeps them as follows:
 *
 * - A commit that changes a column of a ready entity adds the entry or raises its `dueVersion` to the version. Nobody
 *   removes an entry, and nobody lowers a `dueVersion`. So an entity that is ready now has an entry at each target that
 *   was there from the beginning (`missing`), as has every entity of which an attempt was accepted. The entity of an entry
 *   has events (`orphan`), as many as `dueVersion` at least (`due_beyond`), and was ready once (`never_ready`).
 * - A later commit that changes a column raises `dueVersion` again. So the state at `dueVersion` has the row that the view
 *   has now (`due_outdated`).
 * - Only an accepted attempt, adoption, or a repair after a restore sets `deliveredVersion`, never above `dueVersion`
 *   (`delivered_beyond`), and nobody lowers it. So it is at least the highest version that was accepted
 *   (`delivered_behind`).
 * - An entry becomes `delivered` with the acceptance of `dueVersion`, or by adoption at the version of the baseline events
 *   (`delivered_other`, `delivered_unproven`). It becomes `dead` with a failed attempt at `dueVersion` (`dead_untried`).
 * - The index holds a pending entry where it is claimed, a dead one where it is redriven, and no delivered one
 *   (`misplaced`). A claim ends when an entry becomes delivered or dead (`claimed_at_rest`).
 *
 * The rules tell an alteration from a legal history only where the two differ. They do not see:
 *
 * - a missing entry at a target that was added later or has a filter, if none of its attempts is known: no state may have
 *   been due to it;
 * - a `deliveredVersion` that was raised while the entry is pending or dead: a repair does so too. The next settlement
 *   writes it anew, and it does not decide what is sent;
 * - an entry that was added for an entity that was never ready, once its state was sent: a repair does so too;
 * - a delivered entry that was made due again properly: a sweep does so too, and the target gets what it has;
 * - `dueVersion` moved between two versions with the same row, or moved at all where the store does not know the sequence
 *   of arrival (an SQLite file of an older program), as long as it stays between the accepted version and the present one;
 * - `dueSince`, the last error and status, the number of attempts, and the end of a lease, which decide nothing but when
 *   the next attempt goes.
 */
export type LedgerFault =
  | 'missing'
  | 'orphan'
  | 'never_ready'
  | 'due_beyond'
  | 'due_outdated'
  | 'delivered_beyond'
  | 'delivered_behind'
  | 'delivered_other'
  | 'delivered_unproven'
  | 'dead_untried'
  | 'misplaced'
  | 'claimed_at_rest';

/** What the journal says that the ledger has to agree with. Null: it is not known, and no rule that needs it applies. */
export interface LedgerFacts {
  readonly version: number;
  /** Whether the entity is ready, and its row qualifies for the target. */
  readonly isOwed: boolean | null;
  /** Whether the target was there when the store was set up, and takes every ready state. */
  readonly isFromBeginning: boolean;
  /** The number of baseline events, which adoption journaled first. */
  readonly baselineVersion: number | null;
  /** Whether the row at `dueVersion` is the present one. */
  readonly isDueRowPresent: boolean | null;
  /** Whether the row at the highest accepted version is the present one. */
  readonly isAcceptedRowPresent: boolean | null;
  /** Whether the entity was ready at any version. */
  readonly wasReady: boolean | null;
}

const PLACES = { pending: 'due', dead: 'dead', delivered: 'none' } as const;

/** The rules that the entry breaks; empty if it is right. */
export function faultsOf({ entry, acceptedVersion }: LedgerRecord, facts: LedgerFacts): LedgerFault[] {
  const { version, isOwed, isFromBeginning, baselineVersion, isDueRowPresent, wasReady } = facts;
  if (entry === null) {
    const isMissing = acceptedVersion !== null || (isOwed === true && isFromBeginning);
    return version > 0 && isMissing ? ['missing'] : [];
  }
  if (version === 0) return ['orphan'];
  const { status, dueVersion, deliveredVersion, place, isClaimed, hasFailed } = entry;
  const faults: LedgerFault[] = [];
  const check = (isBroken: boolean, fault: LedgerFault) => {
    if (isBroken) faults.push(fault);
  };
  // A repair after a restore adds entries of whatever the target holds.
  const wasNeverSent = deliveredVersion === null && acceptedVersion === null;
  check(wasReady === false && wasNeverSent && baselineVersion === 0, 'never_ready');
  check(dueVersion < 1 || dueVersion > version, 'due_beyond');
  check(isDueRowPresent === false, 'due_outdated');
  check(
    deliveredVersion !== null && (deliveredVersion < 1 || deliveredVersion > dueVersion),
    'delivered_beyond',
  );
  check(acceptedVersion !== null && acceptedVersion > (deliveredVersion ?? 0), 'delivered_behind');
  if (status === 'delivered') {
    const isProven =
      acceptedVersion === dueVersion || baselineVersion === null || isBaseline(dueVersion, baselineVersion);
    if (deliveredVersion !== dueVersion) check(true, 'delivered_other');
    else check(!isProven, 'delivered_unproven');
  }
  check(status === 'dead' && hasFailed === false, 'dead_untried');
  check(place !== PLACES[status], 'misplaced');
  check(isClaimed && status !== 'pending', 'claimed_at_rest');
  return faults;
}

function isBaseline(version: number | null, baselineVersion: number | null): boolean {
  return baselineVersion !== null && baselineVersion > 0 && version === baselineVersion;
}

/**
 * What the entry has to be: as much of it as is right stays. A state is due again if nothing proves that the target has
 * accepted it. Null if the target should have no entry, which the program never removes.
 */
export function rightState(record: LedgerRecord, facts: LedgerFacts): LedgerState | null {
  const { entry, acceptedVersion } = record;
  const { version, baselineVersion, isDueRowPresent, isAcceptedRowPresent } = facts;
  const faults = faultsOf(record, facts);
  if (faults.includes('orphan') || faults.includes('never_ready')) return null;
  const written = entry?.deliveredVersion ?? null;
  const sent = Math.max(acceptedVersion ?? 0, isBaseline(written, baselineVersion) ? (written ?? 0) : 0);
  // The versions of the ledger lie if an attempt at a later one was accepted than the journal has.
  const proven = sent <= version ? sent : 0;
  const keepsDue =
    entry !== null &&
    entry.dueVersion >= Math.max(1, proven) &&
    entry.dueVersion <= version &&
    isDueRowPresent !== false;
  const isUnsettled = keepsDue && entry.status !== 'delivered';
  const hasPresent =
    proven > 0 && (proven === version || (proven === acceptedVersion && isAcceptedRowPresent === true));
  const dueVersion = hasPresent && !isUnsettled ? proven : keepsDue ? entry.dueVersion : version;
  const isDead = keepsDue && entry.status === 'dead' && entry.hasFailed === true;
  const isSent = proven === dueVersion && !isDead && !(keepsDue && entry.status === 'pending');
  const status = isDead ? 'dead' : isSent ? 'delivered' : 'pending';
  const mayKeep =
    written !== null && entry?.status !== 'delivered' && written >= proven && written <= dueVersion;
  const deliveredVersion = mayKeep && !isSent && written >= 1 ? written : proven === 0 ? null : proven;
  return { status, dueVersion, deliveredVersion };
}
