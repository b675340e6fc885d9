import { compareUtf8 } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { OwedState } from '../../ports/reconciliation.ts';
import type { Store } from '../../ports/store.ts';
import type { HeldState, TargetHoldings } from '../../ports/target-holdings.ts';
import {
  type Comparison,
  compareRange,
  type Difference,
  deliveredState,
  digestOf,
  HEALABLE,
  isSameState,
  recognise,
} from './comparison.ts';

export interface ReconcileOptions {
  readonly target: string;
  readonly holdings: TargetHoldings;
  readonly store: Pick<Store, 'listOwed' | 'makeDueAgain' | 'makeRepairsDue' | 'readDelivery' | 'readView'>;
  readonly clock: Clock;
  /** Whether differences that can be healed are; else they are only told. */
  readonly heals: boolean;
  /** The sweep ends when it has found so many differences, which are kept in memory. */
  readonly limit: number;
  /**
   * Resolves with true once all that the log has had is in the journal, and with false if that does not come about. What
   * our view may not have caught up with yet is not delivered in the place of what the target holds; false, if this is
   * left out.
   */
  readonly untilCaughtUp?: (signal: AbortSignal) => Promise<boolean>;
  /** How many deliveries a second become due again. */
  readonly perSecond: number;
  /** It begins behind this id; at the start if it is left out, or null. */
  readonly after?: string | null;
  /** The part of its time in which it asks for pages and digests, at most; default 1. */
  readonly busyShare?: number;
  /** Called with how many deliveries have become due. */
  readonly onMadeDue?: (count: number) => void;
  /** What is made due is not waited for any longer once none of it was settled for so long; default 30 s. */
  readonly patienceMs?: number;
  /** The pause before a second look at what seems to differ; default 250 ms. */
  readonly secondLookMs?: number;
  /** Rows of one comparison, from 1 to 1,000; default 1,000. */
  readonly pageRows?: number;
}

export interface ReconcileReport {
  /** Entities of which the ledger says that they were delivered; each was compared, by digest or by row. */
  readonly compared: number;
  readonly inFlight: number;
  readonly dead: number;
  readonly differences: readonly ReconciledDifference[];
  readonly madeDue: number;
  readonly healed: number;
  /**
   * Whether the journal had all that the log has, as far as that matters; null if no difference asked for it. If not,
   * what may come right by itself was left alone.
   */
  readonly isCaughtUp: boolean | null;
  /** Whether the ledger has a last word on all that was made due. */
  readonly isSettled: boolean;
  /** Whether all of both sides was looked at: not if the limit was reached, or the sweep was stopped. */
  readonly isComplete: boolean;
  /** If it is not complete: the id behind which another sweep goes on; null for the start. */
  readonly reached: string | null;
}

export interface ReconciledDifference extends Difference {
  readonly isHealed: boolean;
}

/** Ids behind `after` up to `through`, which is in it; null is before all, or behind all of them. */
interface Range {
  readonly after: string | null;
  readonly through: string | null;
}

/** Differences, and the range that has them. */
interface Found extends Range {
  readonly differences: readonly Difference[];
}

type Counted = Pick<Comparison, 'compared' | 'inFlight' | 'dead'>;

/** One transaction's worth. */
const DUE_ROWS = 500;
const POLL_MS = 100;

/**
 * One sweep over what a target holds: range by range in the sequence of the ids, first by digest, then by row
 * where the digests differ. Our side is always read before theirs: what the ledger calls delivered had been
 * accepted before, so nothing is missed only because it was on its way. What seems to differ is looked at twice,
 * and counts if it differed in the same way both times: so what changes meanwhile is no difference.
 *
 * What can be healed is made due again, unless the ledger has moved on meanwhile: what is due or dead by then, or was
 * delivered at another version, is left alone. So two sweeps at once do no harm: at worst a state is sent once more,
 * by the same delivery id. What was made due is waited for, and compared once more.
 *
 * Rejects with what the target or the store rejects with; what was made due by then stays due.
 */
export async function reconcile(options: ReconcileOptions, signal: AbortSignal): Promise<ReconcileReport> {
  return new Sweep(options, signal).run();
}

class Sweep {
  readonly #options: ReconcileOptions;
  readonly #signal: AbortSignal;
  readonly #pageRows: number;
  readonly #found: Found[] = [];
  readonly #totals = { compared: 0, inFlight: 0, dead: 0 };
  #differences = 0;
  #reached: string | null;

  constructor(options: ReconcileOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#pageRows = options.pageRows ?? 1_000;
    this.#reached = options.after ?? null;
  }

  async run(): Promise<ReconcileReport> {
    const isComplete = await this.#walk();
    const differences = this.#found.flatMap((found) => found.differences);
    const isCaughtUp = await this.#isCaughtUpWith(differences);
    const healable = differences.filter(
      ({ verdict, repair }) => HEALABLE.has(verdict) && (repair?.replaces == null || isCaughtUp === true),
    );
    let madeDue = 0;
    let isSettled = true;
    let remaining = new Set(healable.map(({ entityId }) => entityId));
    if (this.#options.heals && healable.length > 0) {
      madeDue = await this.#makeDue(healable);
      isSettled = await this.#untilSettled(healable);
      remaining = await this.#stillNotRight();
    }
    const reconciled = differences.map((difference) => ({
      ...difference,
      isHealed: healable.includes(difference) && !remaining.has(difference.entityId),
    }));
    return {
      ...this.#totals,
      differences: reconciled,
      madeDue,
      healed: reconciled.filter(({ isHealed }) => isHealed).length,
      isSettled,
      isCaughtUp,
      isComplete: isComplete && !this.#signal.aborted,
      reached: this.#reached,
    };
  }

  /** Resolves with whether it came to the end of both sides. */
  async #walk(): Promise<boolean> {
    const { clock, busyShare = 1 } = this.#options;
    while (!this.#signal.aborted) {
      const beganMs = clock.monotonicMs();
      const after = this.#reached;
      const owed = await this.#owedBehind(after);
      const equalThrough = await this.#equalThrough(after, owed);
      const look = equalThrough === null ? await this.#lookByRow({ after, through: null }, owed) : null;
      const busyMs = clock.monotonicMs() - beganMs;
      if (look !== null) {
        if (look.differences.length > 0 && !(await this.#keep(look))) return false;
        this.#count(look);
        if (look.through === null) return true;
      }
      this.#reached = look?.through ?? equalThrough;
      if (busyShare < 1) await clock.sleep(busyMs / busyShare - busyMs, this.#signal);
    }
    return false;
  }

  #owedBehind(after: string | null): Promise<OwedState[]> {
    return this.#options.store.listOwed({ target: this.#options.target, after, limit: this.#pageRows });
  }

  /** If the target holds exactly what it was ever sent of these, and nothing between: the last of them. */
  async #equalThrough(after: string | null, owed: readonly OwedState[]): Promise<string | null> {
    const sent = owed.filter(({ deliveredVersion }) => deliveredVersion !== null);
    const last = sent.at(-1);
    if (last === undefined) return null;
    const theirs = await this.#options.holdings.digest({ after, limit: sent.length }, this.#signal);
    if (theirs.count !== sent.length || theirs.digest !== digestOf(sent.map(deliveredState))) return null;
    this.#count(countsOf(owed.slice(0, owed.indexOf(last) + 1)));
    return last.entityId;
  }

  /** Compares as far as one page of each side reaches. */
  async #lookByRow(
    { after, through: wanted }: Range,
    given?: readonly OwedState[],
  ): Promise<Comparison & Range> {
    const owed = given ?? (await this.#owedBehind(after));
    const held = await this.#options.holdings.page({ after, limit: this.#pageRows }, this.#signal);
    const ends = [
      wanted,
      owed.length < this.#pageRows ? null : (owed.at(-1)?.entityId ?? null),
      held.hasMore ? (held.states.at(-1)?.entityId ?? null) : null,
    ].filter((end) => end !== null);
    const through = ends.length === 0 ? null : ends.reduce((a, b) => (compareUtf8(a, b) < 0 ? a : b));
    const isInside = ({ entityId }: OwedState | HeldState) =>
      through === null || compareUtf8(entityId, through) <= 0;
    const comparison = compareRange(owed.filter(isInside), held.states.filter(isInside));
    const unexpected = comparison.differences.filter(({ verdict }) => verdict === 'unexpected');
    if (unexpected.length === 0) return { ...comparison, after, through };
    const rows = await this.#options.store.readView(unexpected.map(({ entityId }) => entityId));
    return { ...comparison, differences: recognise(comparison.differences, rows), after, through };
  }

  /** The same, page after page, to the end of the range. */
  async #lookThrough({ after, through }: Range): Promise<Comparison[]> {
    const looks: (Comparison & Range)[] = [];
    for (let from = after; ; ) {
      const look = await this.#lookByRow({ after: from, through });
      looks.push(look);
      if (look.through === through || look.through === null) return looks;
      from = look.through;
    }
  }

  /** Keeps what differs at a second look too. Resolves with whether there is room for more; else it ends here. */
  async #keep(look: Comparison & Range): Promise<boolean> {
    const { differences, after, through } = look;
    const { clock, limit, secondLookMs = 250 } = this.#options;
    await clock.sleep(secondLookMs, this.#signal);
    if (this.#signal.aborted) return false;
    const again = new Map<string, Difference>();
    for (const look of await this.#lookThrough({ after, through })) {
      for (const difference of look.differences) again.set(difference.entityId, difference);
    }
    const confirmed = differences.filter((first) => {
      const second = again.get(first.entityId);
      return (
        second !== undefined &&
        isSameState(first.ours, second.ours) &&
        isSameState(first.theirs, second.theirs)
      );
    });
    const room = limit - this.#differences;
    const kept = confirmed.slice(0, room);
    this.#differences += kept.length;
    const isRoom = confirmed.length < room;
    const end = isRoom ? through : (kept.at(-1)?.entityId ?? through);
    if (kept.length > 0) this.#found.push({ differences: kept, after, through: end });
    if (isRoom) return true;
    this.#count(partOf(look, end));
    this.#reached = end;
    return false;
  }

  /**
   * Whether the journal has all that the log has, asked only if a difference may come right by reading on. What differs
   * in the same way afterwards does not: the store is asked once more when a repair is made due.
   */
  async #isCaughtUpWith(differences: readonly Difference[]): Promise<boolean | null> {
    const mayComeRight = ({ verdict, repair }: Difference) => verdict === 'newer' || repair?.replaces != null;
    if (!differences.some(mayComeRight)) return null;
    return (await this.#options.untilCaughtUp?.(this.#signal)) ?? false;
  }

  /** At a bounded rate, so that the target is not stormed. */
  async #makeDue(differences: readonly Difference[]): Promise<number> {
    const { store, clock, target, perSecond, onMadeDue } = this.#options;
    const step = Math.max(1, Math.min(DUE_ROWS, Math.floor(perSecond)));
    let due = 0;
    for (let from = 0; from < differences.length; from += step) {
      if (from > 0) await clock.sleep((step / perSecond) * 1_000, this.#signal);
      if (this.#signal.aborted) break;
      const some = differences.slice(from, from + step);
      const delivered = some.flatMap(({ ours, repair }) => (repair === null && ours !== null ? [ours] : []));
      const repairs = some.flatMap(({ repair }) => repair ?? []);
      let made = 0;
      if (delivered.length > 0) made += await store.makeDueAgain({ target, delivered });
      if (repairs.length > 0) made += await store.makeRepairsDue({ target, repairs });
      due += made;
      onMadeDue?.(made);
    }
    return due;
  }

  /**
   * One after the other: whoever sends them has most of them done when the first ones are. Resolves with whether all
   * of them came to an end.
   */
  async #untilSettled(differences: readonly Difference[]): Promise<boolean> {
    const { store, clock, target, patienceMs = 30_000 } = this.#options;
    let progressMs = clock.monotonicMs();
    for (const { entityId } of differences) {
      while (!this.#signal.aborted) {
        const delivery = await store.readDelivery(target, entityId);
        if (delivery?.status !== 'pending') {
          progressMs = clock.monotonicMs();
          break;
        }
        if (clock.monotonicMs() - progressMs >= patienceMs) return false;
        await clock.sleep(POLL_MS, this.#signal);
      }
    }
    return !this.#signal.aborted;
  }

  /** What differs, or has no last word in the ledger, where differences had been found. */
  async #stillNotRight(): Promise<Set<string>> {
    const wrong = new Set<string>();
    for (const range of this.#found) {
      if (this.#signal.aborted) {
        for (const { entityId } of range.differences) wrong.add(entityId);
        continue;
      }
      for (const { differences, inFlight, dead } of await this.#lookThrough(range)) {
        for (const { entityId } of differences) wrong.add(entityId);
        for (const entityId of [...inFlight, ...dead]) wrong.add(entityId);
      }
    }
    return wrong;
  }

  #count({ compared, inFlight, dead }: Counted): void {
    this.#totals.compared += compared.length;
    this.#totals.inFlight += inFlight.length;
    this.#totals.dead += dead.length;
  }
}

function countsOf(owed: readonly OwedState[]): Counted {
  const idsOf = (status: OwedState['status']) =>
    owed.filter((state) => state.status === status).map(({ entityId }) => entityId);
  return { compared: idsOf('delivered'), inFlight: idsOf('pending'), dead: idsOf('dead') };
}

/** Of the ids up to this one; null is behind all of them. */
function partOf({ compared, inFlight, dead }: Counted, through: string | null): Counted {
  const isInside = (entityId: string) => through === null || compareUtf8(entityId, through) <= 0;
  return {
    compared: compared.filter(isInside),
    inFlight: inFlight.filter(isInside),
    dead: dead.filter(isInside),
  };
}
