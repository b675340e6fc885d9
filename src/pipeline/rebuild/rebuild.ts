import { TributaryError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { RebuiltRow, ViewState } from '../../ports/view-rebuild.ts';
import type { DueRules } from '../ingest/due.ts';
import { ChangedStates } from './changed-states.ts';
import { type FoldedEntity, Folder, type FolderParts } from './folder.ts';
import { otherProgramFor, refuseOtherFold } from './other-fold.ts';
import {
  gone,
  NO_COUNTS,
  type RebuildPlace,
  type RebuildStep,
  stepOf,
  WALK_BEGIN,
  withCounts,
} from './places.ts';
import { countDifference, emptyCounts, type ReportCounts, reportOf } from './report.ts';
import { foldOf, modeOf, outdatedError } from './view-mode.ts';

export interface RebuildParts<State, Event> extends FolderParts<State, Event> {
  readonly store: Store;
  readonly due: DueRules;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The entities that are folded and written at once. */
const FOLD_ROWS = 500;
/** The rows of a page whose versions or columns are compared. */
const COMPARED_ROWS = 10_000;
/** The rows of a page whose versions are compared while ingest waits. */
const LAST_ROWS = 50_000;
/** After so many outdated rows or fewer, the rest is left to the switch. */
const FEW_OUTDATED = 2_000;
const CATCH_UP_PASSES_MAX = 5;
/** A step works for this long, and then its place is saved. */
const STEP_MS = 1_000;
/** The exchange waits this long for transactions of other programs that use the table. */
const EXCHANGE_WAIT_SECONDS = 3;
/** During the last catch-up, the record of the view is touched this often. */
const BEAT_EVERY_MS = 1_000;

/**
 * Makes the view anew from the journal beside the old view, and exchanges the two.
 *
 *   build:  walk the journal --> catch up with ingest, pass by pass --> compare --> report
 *   switch: catch up --> fence ingest --> catch up for the last time --> exchange --> make changed states due --> end
 *
 * Every step can be done twice, by several processes at once: rows are written only while the rebuild is under way, the
 * exchange happens under the epoch of its fence only, and no delivery goes out before all changed states are due. So
 * whatever happens to a process, the view is the old or the new one, and another process goes on.
 *
 * Only programs with the fold and the columns of the rebuild's record work on it. `build` and `switch` of any other program
 * reject with an `OtherFoldError`, before they write anything.
 */
export class Rebuild<State, Event> {
  readonly #parts: RebuildParts<State, Event>;
  readonly #folder: Folder<State, Event>;
  readonly #changed: ChangedStates<State, Event>;

  constructor(parts: RebuildParts<State, Event>) {
    this.#parts = parts;
    this.#folder = new Folder(parts);
    this.#changed = new ChangedStates({ ...parts, folder: this.#folder });
  }

  /** Does the next part of the building, in about a second. */
  async build(rebuildId: string, place: RebuildPlace | null, signal: AbortSignal): Promise<RebuildStep> {
    const { store, domain } = this.#parts;
    if (place === null) {
      const { table: _, ...fold } = foldOf(domain);
      await refuseOutdatedForRebuild(store, domain);
      await store.beginRebuild({ rebuildId, ...fold });
      return stepOf(WALK_BEGIN);
    }
    const { rebuild } = await this.#ownState(rebuildId);
    if (rebuild?.rebuildId !== rebuildId) return gone();
    switch (place.phase) {
      case 'walk':
        return this.#walk(rebuildId, place, signal);
      case 'catch_up':
        return this.#catchUp(rebuildId, place, signal, {
          phase: 'compare',
          after: null,
          report: emptyCounts(),
          counts: place.counts,
        });
      case 'compare':
        return this.#compare(rebuildId, place, signal);
      default:
        return gone();
    }
  }

  /** Does the next part of the switch. The part in which ingest waits is one step. */
  async switch(
    rebuildId: string,
    place: RebuildPlace | null,
    signal: AbortSignal,
    { keepsFormer }: { readonly keepsFormer: boolean },
  ): Promise<RebuildStep> {
    const { store, domain } = this.#parts;
    const { rebuild } = await this.#ownState(rebuildId);
    if (place === null) {
      await refuseOutdatedForRebuild(store, domain);
      if (rebuild?.rebuildId !== rebuildId) return gone();
      if (rebuild.report === null)
        throw new TributaryError('rebuild_refused', `The rebuild ${rebuildId} has not all rows yet.`);
      return stepOf({ phase: 'catch_up', pass: 1, after: null, found: 0, counts: NO_COUNTS });
    }
    switch (place.phase) {
      case 'catch_up':
        if (rebuild?.rebuildId !== rebuildId) return gone();
        return this.#catchUp(rebuildId, place, signal, { phase: 'switch', counts: place.counts });
      case 'switch':
        return this.#switch(rebuildId);
      case 'settle':
        return this.#settle(rebuildId, place, signal);
      case 'end': {
        await store.endSettling(rebuildId);
        if (!keepsFormer) await store.dropFormer();
        const { due, pauseMs } = place;
        return { place: null, progress: { phase: 'done', due, pauseMs } };
      }
      default:
        return gone();
    }
  }

  /** Reads the record. Rejects with an `OtherFoldError` if this rebuild is under way, and is one of another fold. */
  async #ownState(rebuildId: string): Promise<ViewState> {
    const { store, domain } = this.#parts;
    const state = await store.viewState();
    if (state.rebuild?.rebuildId === rebuildId) refuseOtherFold(state.rebuild, foldOf(domain));
    return state;
  }

  /**
   * Finishes or takes back what a process left behind that died. A program of another fold takes a switch back too, which
   * folds nothing, and leaves the changed states to a program of the rebuild's fold.
   */
  async recover(state: ViewState, signal: AbortSignal): Promise<void> {
    const { store, logger, domain } = this.#parts;
    if (state.phase === 'switching') {
      const isOver = await store.takeBackSwitch(state.epoch);
      if (isOver) logger('warn', 'The exchange of the view stood still, and is finished or taken back.');
      return;
    }
    const { rebuild, phase } = state;
    if (phase !== 'settling' || rebuild === null) return;
    if (otherProgramFor(rebuild, foldOf(domain)) !== null) return;
    logger(
      'warn',
      'The states that the rebuilt view has changed are made due by this instance: its worker is gone.',
    );
    let place: RebuildPlace | null = { phase: 'settle', after: null, due: 0, pauseMs: null };
    while (place?.phase === 'settle' && !signal.aborted)
      ({ place } = await this.#settle(rebuild.rebuildId, place, signal));
    if (place?.phase === 'end') await store.endSettling(rebuild.rebuildId);
  }

  async #walk(
    rebuildId: string,
    { after, counts }: RebuildPlace & { phase: 'walk' },
    signal: AbortSignal,
  ): Promise<RebuildStep> {
    const { store } = this.#parts;
    let known = counts;
    let last = after;
    const isOver = this.#deadline(signal);
    do {
      const page = await store.listJournaled({ after: last, limit: FOLD_ROWS });
      const folded = await this.#folder.fold(page.map(({ entityId }) => entityId));
      if (!(await this.#write(rebuildId, null, folded))) return gone();
      known = withCounts(known, folded);
      if (page.length < FOLD_ROWS)
        return stepOf({ phase: 'catch_up', pass: 1, after: null, found: 0, counts: known });
      last = page.at(-1)?.entityId ?? null;
    } while (!isOver());
    return stepOf({ phase: 'walk', after: last, counts: known });
  }

  #write(rebuildId: string, epoch: number | null, folded: readonly FoldedEntity[]): Promise<boolean> {
    const rows: RebuiltRow[] = folded.map(({ entityId, version, row }) => ({ entityId, version, row }));
    return this.#parts.store.writeRebuilt({ rebuildId, epoch, rows });
  }

  /** Makes the rows again that ingest has left behind. After the last pass `next` follows. */
  async #catchUp(
    rebuildId: string,
    { pass, after, found, counts }: RebuildPlace & { phase: 'catch_up' },
    signal: AbortSignal,
    next: RebuildPlace,
  ): Promise<RebuildStep> {
    const { store } = this.#parts;
    let last = after;
    let outdated = found;
    const isOver = this.#deadline(signal);
    do {
      const { entityIds, through } = await store.listOutdated({ after: last, limit: COMPARED_ROWS });
      outdated += entityIds.length;
      if (!(await this.#renew(rebuildId, null, entityIds))) return gone();
      if (through === null) {
        const isEnough = outdated <= FEW_OUTDATED || pass >= CATCH_UP_PASSES_MAX;
        return stepOf(isEnough ? next : { phase: 'catch_up', pass: pass + 1, after: null, found: 0, counts });
      }
      last = through;
    } while (!isOver());
    return stepOf({ phase: 'catch_up', pass, after: last, found: outdated, counts });
  }

  /** Folds the entities again and writes their rows. Answers false if the rebuild is no longer under way. */
  async #renew(rebuildId: string, epoch: number | null, entityIds: readonly string[]): Promise<boolean> {
    for (let from = 0; from < entityIds.length; from += FOLD_ROWS) {
      const folded = await this.#folder.fold(entityIds.slice(from, from + FOLD_ROWS));
      if (!(await this.#write(rebuildId, epoch, folded))) return false;
    }
    return true;
  }

  async #compare(
    rebuildId: string,
    { after, report, counts }: RebuildPlace & { phase: 'compare' },
    signal: AbortSignal,
  ): Promise<RebuildStep> {
    const { store, clock } = this.#parts;
    const state = await store.viewState();
    const { rebuild } = state;
    if (rebuild?.rebuildId !== rebuildId || state.phase !== 'steady') return gone();
    const known: ReportCounts = structuredClone(report);
    let last = after;
    const isOver = this.#deadline(signal);
    do {
      const page = await store.compareRows('rebuilt', { after: last, limit: COMPARED_ROWS });
      known.equal += page.equal;
      const before = new Map(page.differences.map((one) => [one.entityId, one.before]));
      const journaled = await this.#changed.countDue(before, known);
      for (const difference of page.differences)
        countDifference(known, difference, journaled, state.columns, rebuild.columns);
      if (page.through === null) {
        const done = reportOf(state, known, counts, clock.now());
        await store.noteBuilt(rebuildId, { ...done });
        return { place: null, progress: { phase: 'built', entities: counts.entities, report: done } };
      }
      last = page.through;
    } while (!isOver());
    return stepOf({ phase: 'compare', after: last, report: known, counts });
  }

  async #switch(rebuildId: string): Promise<RebuildStep> {
    const { store, clock, logger } = this.#parts;
    const begunMs = clock.monotonicMs();
    const epoch = await store.beginSwitch(rebuildId);
    if (epoch === null) {
      const { rebuild, phase } = await store.viewState();
      if (rebuild?.rebuildId !== rebuildId || phase !== 'settling') return gone();
      return stepOf({ phase: 'settle', after: null, due: 0, pauseMs: null });
    }
    try {
      await this.#lastCatchUp(rebuildId, epoch);
      await store.exchange({ rebuildId, epoch, waitSeconds: EXCHANGE_WAIT_SECONDS });
    } catch (error) {
      // If this fails too, another look at the record finds the switch standing still.
      await store.takeBackSwitch(epoch).catch(() => undefined);
      throw error;
    }
    const pauseMs = Math.round(clock.monotonicMs() - begunMs);
    logger('info', 'The rebuilt view has taken the place of the old one', { pauseMs });
    return stepOf({ phase: 'settle', after: null, due: 0, pauseMs });
  }

  /** Nobody writes to the present table any more, so after one pass the new one has every row. */
  async #lastCatchUp(rebuildId: string, epoch: number): Promise<void> {
    const { store, clock } = this.#parts;
    let shownMs = clock.monotonicMs();
    for (let after: string | null = null; ; ) {
      const page = await store.listOutdated({ after, limit: LAST_ROWS });
      let isOurs = await this.#renew(rebuildId, epoch, page.entityIds);
      if (isOurs && clock.monotonicMs() - shownMs >= BEAT_EVERY_MS) {
        // A write without rows shows others that somebody works on the switch.
        isOurs = await this.#write(rebuildId, epoch, []);
        shownMs = clock.monotonicMs();
      }
      if (!isOurs) throw new TributaryError('rebuild_refused', 'The switch was taken back meanwhile.');
      if (page.through === null) return;
      after = page.through;
    }
  }

  async #settle(
    rebuildId: string,
    { after, due, pauseMs }: RebuildPlace & { phase: 'settle' },
    signal: AbortSignal,
  ): Promise<RebuildStep> {
    const { store } = this.#parts;
    let last = after;
    let count = due;
    const isOver = this.#deadline(signal);
    do {
      const state = await store.viewState();
      // Another process has ended the settling.
      if (state.phase !== 'settling' || state.rebuild?.rebuildId !== rebuildId)
        return stepOf({ phase: 'end', due: count, pauseMs });
      const page = await store.compareRows('former', { after: last, limit: COMPARED_ROWS });
      const before = new Map(
        page.differences.filter((one) => one.after !== null).map((one) => [one.entityId, one.before]),
      );
      const made = await this.#changed.makeDue(state, before);
      if (made === null) return stepOf({ phase: 'end', due: count, pauseMs });
      count += made;
      if (page.through === null) return stepOf({ phase: 'end', due: count, pauseMs });
      last = page.through;
    } while (!isOver());
    return stepOf({ phase: 'settle', after: last, due: count, pauseMs });
  }

  #deadline(signal: AbortSignal): () => boolean {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + STEP_MS;
    return () => signal.aborted || clock.monotonicMs() >= endMs;
  }
}

/**
 * A rebuild may also lead back to the fold of the present rows, where a newer program has journaled events without rows. It
 * never leads to an older fold than the rows have, nor to other columns under the same fold.
 */
async function refuseOutdatedForRebuild<State, Event>(
  store: Store,
  domain: RebuildParts<State, Event>['domain'],
): Promise<void> {
  const fold = foldOf(domain);
  const state = await store.viewState();
  if (modeOf({ ...state, awaitedFold: null }, fold) === 'outdated') throw outdatedError(state, fold);
}
