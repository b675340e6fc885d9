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
  /** Nothing becomes due once the view has another epoch than this. Default: any epoch. */
  readonly viewEpoch?: number;
  /** Whether differences are healed where that is possible. If not, they are only reported. */
  readonly heals: boolean;
  /** The sweep ends after this many differences, which are kept in memory. */
  readonly limit: number;
  /**
   * Resolves with whether everything that the log has is in the journal. Where it is not, the target may have a state that
   * is later than ours, and its state is not replaced. Default: it is not.
   */
  readonly untilCaughtUp?: (signal: AbortSignal) => Promise<boolean>;
  /** The most deliveries that become due again in a second. */
  readonly perSecond: number;
  /** The sweep begins behind this id. Default, and for null: at the start. */
  readonly after?: string | null;
  /** The sweep ends with this id. Default, and for null: at the end. */
  readonly through?: string | null;
  /** The largest share of its time in which it asks for pages and digests. Default: 1. */
  readonly busyShare?: number;
  /** Called with the number of deliveries that have become due. */
  readonly onMadeDue?: (count: number) => void;
  /** The sweep waits for its deliveries until none of them was settled for this time. Default: 30 s. */
  readonly patienceMs?: number;
  /** The pause before the second look at differences. Default: 250 ms. */
  readonly secondLookMs?: number;
  /** The rows of one comparison, from 1 to 1,000. Default: 1,000. */
  readonly pageRows?: number;
}

export interface ReconcileReport {
  /** The number of delivered entities that were compared, by digest or by row. */
  readonly compared: number;
  readonly inFlight: number;
  readonly dead: number;
  readonly differences: readonly ReconciledDifference[];
  readonly madeDue: number;
  readonly healed: number;
  /**
   * Whether the journal had everything that the log has; null if no difference depended on it. If it had not, differences
   * that may disappear by themselves were left alone.
   */
  readonly isCaughtUp: boolean | null;
  /** Whether all deliveries that became due are delivered or dead. */
  readonly isSettled: boolean;
  /** Whether both sides were compared to their ends: not if the limit was reached, or the sweep was stopped. */
  readonly isComplete: boolean;
  /** If the sweep is not complete: the id behind which another one goes on; null for the start. */
  readonly reached: string | null;
}

export interface ReconciledDifference extends Difference {
  readonly isHealed: boolean;
}

/** The ids behind `after`, up to and with `through`. Null stands for the start, or for the end, of all ids. */
interface Range {
  readonly after: string | null;
  readonly through: string | null;
}

/** Differences, with the range of ids in which they are. */
interface Found extends Range {
  readonly differences: readonly Difference[];
}

type Counted = Pick<Comparison, 'compared' | 'inFlight' | 'dead'>;

/** The most deliveries that one transaction makes due. */
const DUE_ROWS = 500;
const POLL_MS = 100;

/**
 * Makes one sweep: compares the states that a target holds with the ledger, range by range in the sequence of the ids, by
 * digest first, and by row where the digests differ. Our side is always read before the target's. A state that the ledger
 * calls delivered was accepted before that, so a state that is under way never seems to be missing. A difference counts
 * only if a second look finds the same, so states that change meanwhile are no differences.
 *
 * Differences that can be healed become due again, unless the ledger has changed meanwhile: a delivery that is due or dead
 * by then, or was delivered at another version, is left alone. So two sweeps at once do no harm: at worst a state is sent
 * once more under the same delivery id. The sweep waits for these deliveries, and compares them once more.
 *
 * Rejects with the errors of the target and the store. Deliveries that have become due by then stay due.
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

  /** Compares range by range. Resolves with whether both sides were compared to the end. */
  async #walk(): Promise<boolean> {
    const { clock, busyShare = 1, through = null } = this.#options;
    while (!this.#signal.aborted) {
      const beganMs = clock.monotonicMs();
      const after = this.#reached;
      const page = await this.#owedBehind(after);
      const owed =
        through === null ? page : page.filter(({ entityId }) => compareUtf8(entityId, through) <= 0);
      const equalThrough = await this.#equalThrough(after, owed);
      const look = equalThrough === null ? await this.#lookByRow({ after, through }, owed) : null;
      const busyMs = clock.monotonicMs() - beganMs;
      if (look !== null) {
        if (look.differences.length > 0 && !(await this.#keep(look))) return false;
        this.#count(look);
        if (look.through === through) return true;
      }
      this.#reached = look?.through ?? equalThrough;
      if (busyShare < 1) await clock.sleep(busyMs / busyShare - busyMs, this.#signal);
    }
    return false;
  }

  #owedBehind(after: string | null): Promise<OwedState[]> {
    return this.#options.store.listOwed({ target: this.#options.target, after, limit: this.#pageRows });
  }

  /** Resolves with the last of these ids that was sent, if the digests of both sides are equal up to it; else null. */
  async #equalThrough(after: string | null, owed: readonly OwedState[]): Promise<string | null> {
    const sent = owed.filter(({ deliveredVersion }) => deliveredVersion !== null);
    const last = sent.at(-1);
    if (last === undefined) return null;
    const theirs = await this.#options.holdings.digest({ after, limit: sent.length }, this.#signal);
    if (theirs.count !== sent.length || theirs.digest !== digestOf(sent.map(deliveredState))) return null;
    this.#count(countsOf(owed.slice(0, owed.indexOf(last) + 1)));
    return last.entityId;
  }

  /** Compares by row, as far as one page of each side reaches. */
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

  /** Compares by row, page after page, to the end of the range. */
  async #lookThrough({ after, through }: Range): Promise<Comparison[]> {
    const looks: (Comparison & Range)[] = [];
    for (let from = after; ; ) {
      const look = await this.#lookByRow({ after: from, through });
      looks.push(look);
      if (look.through === through) return looks;
      from = look.through;
    }
  }

  /** Keeps the differences that a second look confirms. Resolves with false if the limit is reached, which ends the sweep. */
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
   * Whether the journal has everything that the log has; null if no difference may disappear by reading on. The store
   * compares again when a repair becomes due, so a difference that has disappeared by then is not repaired.
   */
  async #isCaughtUpWith(differences: readonly Difference[]): Promise<boolean | null> {
    const mayComeRight = ({ verdict, repair }: Difference) => verdict === 'newer' || repair?.replaces != null;
    if (!differences.some(mayComeRight)) return null;
    return (await this.#options.untilCaughtUp?.(this.#signal)) ?? false;
  }

  /** Makes deliveries due at a limited rate. Resolves with their number. */
  async #makeDue(differences: readonly Difference[]): Promise<number> {
    const { store, clock, target, perSecond, onMadeDue, viewEpoch } = this.#options;
    const epoch = viewEpoch === undefined ? {} : { viewEpoch };
    const step = Math.max(1, Math.min(DUE_ROWS, Math.floor(perSecond)));
    let due = 0;
    for (let from = 0; from < differences.length; from += step) {
      if (from > 0) await clock.sleep((step / perSecond) * 1_000, this.#signal);
      if (this.#signal.aborted) break;
      const some = differences.slice(from, from + step);
      const delivered = some.flatMap(({ ours, repair }) => (repair === null && ours !== null ? [ours] : []));
      const repairs = some.flatMap(({ repair }) => repair ?? []);
      let made = 0;
      if (delivered.length > 0) made += await store.makeDueAgain({ target, delivered, ...epoch });
      if (repairs.length > 0) made += await store.makeRepairsDue({ target, repairs, ...epoch });
      due += made;
      onMadeDue?.(made);
    }
    return due;
  }

  /**
   * Waits until each delivery is delivered or dead, one after the other. When the first ones are, most of the others are
   * too. Resolves with false if none was settled for `patienceMs`, or if the sweep is stopped.
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

  /** Compares the ranges with differences once more. Resolves with the entities that still differ, or are due or dead. */
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

/** The counts of the ids up to this one; null stands for all ids. */
function partOf({ compared, inFlight, dead }: Counted, through: string | null): Counted {
  const isInside = (entityId: string) => through === null || compareUtf8(entityId, through) <= 0;
  return {
    compared: compared.filter(isInside),
    inFlight: inFlight.filter(isInside),
    dead: dead.filter(isInside),
  };
}
