import type { Domain, ViewColumn } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { areSameColumns } from '../../core/view-columns.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import type { ViewState } from '../../ports/view-rebuild.ts';
import { otherProgramFor } from './other-fold.ts';

/** The fold and the columns of a program's domain. */
export interface FoldOfProgram {
  readonly table: string;
  readonly foldVersion: number;
  readonly columns: readonly ViewColumn[];
}

/**
 * How a program's fold compares with the one that made the view's rows.
 *
 * - `current`: it is the same, and the program writes rows.
 * - `awaiting`: the program's fold is newer. The program journals events and raises versions, and leaves rows and deliveries
 *   as they are, until a rebuild has made the rows anew.
 * - `outdated`: the program's fold is older, or a program with a newer one has journaled events already. Or the program has
 *   other columns under the same fold version, so that nothing tells which of the two is newer. The program must not write.
 */
export type ViewMode = 'current' | 'awaiting' | 'outdated';

export function foldOf<State, Event>({ view, foldVersion = 1 }: Domain<State, Event>): FoldOfProgram {
  return { table: view.table, foldVersion, columns: view.columns };
}

export function modeOf(state: ViewState, { foldVersion, columns }: FoldOfProgram): ViewMode {
  const { awaitedFold } = state;
  if (foldVersion < state.foldVersion) return 'outdated';
  if (foldVersion > state.foldVersion)
    return awaitedFold !== null && awaitedFold > foldVersion ? 'outdated' : 'awaiting';
  return awaitedFold === null && areSameColumns(columns, state.columns) ? 'current' : 'outdated';
}

/** Whether rows stay as they are until a rebuild: for this program, or for a newer one that has journaled events. */
export function awaitsRebuild(state: ViewState, fold: FoldOfProgram): boolean {
  return state.awaitedFold !== null || modeOf(state, fold) === 'awaiting';
}

/** The error of a program that must not write. */
export function outdatedError(
  state: ViewState,
  { table, foldVersion, columns }: FoldOfProgram,
): TributaryError {
  if (foldVersion === state.foldVersion && !areSameColumns(columns, state.columns))
    return new TributaryError(
      'fold_outdated',
      `The table ${table} has other columns than this program's view, and both have fold version ${foldVersion}: ` +
        'give the program whose columns are newer a higher foldVersion, and start that one.',
    );
  const newer =
    foldVersion < state.foldVersion
      ? `The rows of ${table} were made by fold version ${state.foldVersion}`
      : `A program with fold version ${state.awaitedFold} has journaled events whose rows of ${table} are not made yet`;
  return new TributaryError(
    'fold_outdated',
    `${newer}, and this program has fold version ${foldVersion}: start the newer program.` +
      (foldVersion === state.foldVersion
        ? ' To go back to this one, stop the newer one and run "order-sync rebuild" with this program.'
        : ''),
  );
}

/** Rejects with `fold_outdated` if this program must not write. */
export async function refuseOutdated(
  store: Pick<Store, 'viewState'>,
  fold: FoldOfProgram,
): Promise<ViewState> {
  const state = await store.viewState();
  if (modeOf(state, fold) === 'outdated') throw outdatedError(state, fold);
  return state;
}

/**
 * Reads the view's record before a program's first commit. If the program awaits a rebuild, records that first, so that
 * from then on no program with another fold writes rows whose changes nobody makes due.
 */
async function announced(
  store: Pick<Store, 'viewState' | 'awaitFold'>,
  fold: FoldOfProgram,
): Promise<ViewState> {
  const state = await store.viewState();
  if (modeOf(state, fold) !== 'awaiting' || (state.awaitedFold ?? 0) >= fold.foldVersion) return state;
  await store.awaitFold(fold.foldVersion);
  return store.viewState();
}

/**
 * Whether a commit of events by this program writes rows, and the epoch under which that holds. Shuts out programs with
 * an older fold if it does not. Rejects with `fold_outdated` if the program must not write.
 */
export async function rowsUnder(
  store: Pick<Store, 'viewState' | 'awaitFold'>,
  fold: FoldOfProgram,
): Promise<{ readonly writesRows: boolean; readonly epoch: number }> {
  const state = await announced(store, fold);
  const mode = modeOf(state, fold);
  if (mode === 'outdated') throw outdatedError(state, fold);
  return { writesRows: mode === 'current', epoch: state.epoch };
}

/** Rejects unless this program may write rows now. Resolves with the view's epoch, for `IngestBatch.viewEpoch`. */
export async function epochForRows(store: Pick<Store, 'viewState'>, fold: FoldOfProgram): Promise<number> {
  const state = await refuseOutdated(store, fold);
  if (modeOf(state, fold) === 'current') return state.epoch;
  throw new TributaryError(
    'rebuild_refused',
    `${awaitingNote(state, fold)} Rows are not written until then.`,
  );
}

/**
 * Rejects unless rows and ledger can be compared with the journal now: while a rebuild is switched, its changes are made
 * due only after the rows have changed. Resolves with the view's epoch; a comparison holds if it is the same afterwards.
 */
export async function epochToVerify(store: Pick<Store, 'viewState'>, fold: FoldOfProgram): Promise<number> {
  const { phase } = await store.viewState();
  if (phase === 'steady') return epochForRows(store, fold);
  throw new TributaryError(
    'view_switching',
    `A rebuild of ${fold.table} is being switched: rows and deliveries agree again when its changes are due.`,
    { retryable: true },
  );
}

/** What an operator has to know while the program leaves the rows as they are. */
function awaitingNote(state: ViewState, { table, foldVersion }: FoldOfProgram): string {
  return (
    `The rows of ${table} were made by fold version ${state.foldVersion}, and this program has fold version ${foldVersion}: ` +
    'events are journaled, and rows and deliveries stay as they are, until a rebuild has made the rows anew ' +
    '("order-sync rebuild").'
  );
}

/** What an operator has to know while deliveries wait for a rebuild that this program must not finish. */
function settlingNote({ phase, rebuild }: ViewState, fold: FoldOfProgram): string | null {
  const needs = phase === 'settling' && rebuild !== null ? otherProgramFor(rebuild, fold) : null;
  if (needs === null) return null;
  return (
    `Deliveries wait until the rebuild of ${fold.table} has made its changes due, which needs ${needs}: ` +
    'run "order-sync rebuild --switch --wait" with it if none runs.'
  );
}

export interface ViewStatus {
  readonly table: string;
  readonly mode: ViewMode;
  readonly foldVersion: { readonly ofProgram: number; readonly ofRows: number | null };
  readonly phase: ViewState['phase'] | null;
  /** The rebuild that is under way; null if none is. */
  readonly rebuild: { readonly id: string; readonly isBuilt: boolean } | null;
}

export interface ViewWatchOptions {
  readonly store: Pick<Store, 'viewState' | 'awaitFold'>;
  readonly fold: FoldOfProgram;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once, with `fold_outdated`, when this program must not write any more. */
  readonly onOutdated: (error: TributaryError) => void;
  /** Called when a switch or its settling stands still, because the process that worked on it is gone. */
  readonly onStandstill: (state: ViewState) => Promise<void>;
  /** Called when the rows were exchanged for those of another fold, or when deliveries go on. */
  readonly onChanged?: () => void;
}

const LOOK_EVERY_MS = 1_000;
const SWITCHING_LOOK_MS = 100;
/** A switch that shows no progress in this many looks is finished or taken back by any instance. */
const STANDSTILL_LOOKS = 30;

/**
 * Knows by which fold the view's rows were made, and whether this program writes rows. Looks at the view's record every
 * second. The looks are no fence: a commit that relies on one names the epoch that it saw, or moves checkpoints, whose
 * epochs every change of the record raises.
 */
export class ViewWatch {
  readonly #options: ViewWatchOptions;
  #state: ViewState | null = null;
  #mode: ViewMode = 'current';
  #said = '';
  #isOutdatedSaid = false;
  #turn: Promise<void> = Promise.resolve();
  #still = { sign: '', looks: 0 };

  constructor(options: ViewWatchOptions) {
    this.#options = options;
  }

  /** Whether this program writes rows. */
  get writesRows(): boolean {
    return this.#mode === 'current';
  }

  /** Whether this program may commit at all. */
  get isOutdated(): boolean {
    return this.#mode === 'outdated';
  }

  /** Whether no rows are being exchanged, and all changes of the last rebuild are due. */
  get isSteady(): boolean {
    return this.#state?.phase === 'steady';
  }

  /** Whether the rows are those that were delivered, and have this program's columns. */
  get isComparable(): boolean {
    return this.isSteady && areSameColumns(this.#options.fold.columns, this.#state?.columns ?? []);
  }

  /** The epoch of the view's record at the last look. */
  get epoch(): number {
    return this.#state?.epoch ?? 0;
  }

  get state(): ViewState | null {
    return this.#state;
  }

  status(): ViewStatus {
    const { table, foldVersion } = this.#options.fold;
    const { phase = null, rebuild = null, foldVersion: ofRows = null } = this.#state ?? {};
    return {
      table,
      mode: this.#mode,
      foldVersion: { ofProgram: foldVersion, ofRows },
      phase,
      rebuild: rebuild === null ? null : { id: rebuild.rebuildId, isBuilt: rebuild.report !== null },
    };
  }

  /** Sentences for an operator, although the program works. */
  notes(): string[] {
    const settling = this.#state === null ? null : settlingNote(this.#state, this.#options.fold);
    return [this.#awaiting(), settling].filter((note) => note !== null);
  }

  #awaiting(): string | null {
    if (this.#state === null || this.#mode !== 'awaiting') return null;
    return awaitingNote(this.#state, this.#options.fold);
  }

  /**
   * Looks at the record now. If this program's fold is newer, shuts out the programs with an older one. The looks are made
   * one after the other, so that an earlier answer never replaces a later one.
   */
  refresh(): Promise<void> {
    const look = this.#turn.then(() => this.#look());
    this.#turn = look.catch(() => undefined);
    return look;
  }

  async #look(): Promise<void> {
    const { store, fold } = this.#options;
    const before = this.#state;
    const state = await announced(store, fold);
    this.#state = state;
    this.#mode = modeOf(state, fold);
    this.#say();
    if (before !== null && before.epoch !== state.epoch) this.#options.onChanged?.();
  }

  #say(): void {
    const { logger, fold, onOutdated } = this.#options;
    const note = this.#awaiting() ?? '';
    if (note !== this.#said) {
      if (note !== '') logger('warn', note);
      else logger('info', `The rows of ${fold.table} are those of fold version ${fold.foldVersion} now.`);
      this.#said = note;
    }
    if (this.#mode !== 'outdated' || this.#isOutdatedSaid || this.#state === null) return;
    this.#isOutdatedSaid = true;
    onOutdated(outdatedError(this.#state, fold));
  }

  /** Resolves once the tables are not being exchanged, or the signal aborts. */
  async untilExchanged(signal: AbortSignal): Promise<void> {
    await this.refresh();
    while (this.#state?.phase === 'switching' && !signal.aborted) {
      await this.#options.clock.sleep(SWITCHING_LOOK_MS, signal);
      await this.refresh();
    }
  }

  /** Looks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, onStandstill } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.refresh();
        failures = 0;
        const state = this.#state;
        if (state !== null && this.#standsStill(state)) await onStandstill(state);
      } catch (error) {
        if (failures++ === 0)
          logger('warn', `The record of the view cannot be read just now: ${messageOf(error)}`);
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** Counts its own looks, so that a process that was stopped does not take its own rest for a standstill. */
  #standsStill({ phase, epoch, beat }: ViewState): boolean {
    const sign = phase === 'steady' ? '' : `${phase} ${epoch} ${beat}`;
    if (sign === '' || sign !== this.#still.sign) {
      this.#still = { sign, looks: 0 };
      return false;
    }
    this.#still.looks++;
    if (this.#still.looks < STANDSTILL_LOOKS) return false;
    this.#still.looks = 0;
    return true;
  }
}
