import { isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store } from '../../ports/store.ts';
import { Defects } from '../defects.ts';
import type { ParkedRegistry } from '../ingest/parked.ts';
import type { ViewWatch } from '../rebuild/view-mode.ts';
import { supervised } from '../supervised.ts';
import { type CompareParts, compareEntities, type Difference, type DifferenceKind } from './compare.ts';
import { type RefoldParts, refold } from './refold.ts';
import { isOfLedger, isOfRow } from './repair.ts';

export interface VerifierOptions<State, Event>
  extends Omit<RefoldParts<State, Event>, 'store' | 'clock' | 'viewEpoch'>,
    Pick<CompareParts<State, Event>, 'targetsFromBeginning'> {
  readonly store: Pick<
    Store,
    | 'commit'
    | 'readView'
    | 'listEntities'
    | 'readEntities'
    | 'readAsArrived'
    | 'listParked'
    | 'longJournals'
    | 'viewState'
    | 'addAudit'
  >;
  readonly parked: ParkedRegistry;
  /** Knows whether the program writes rows. Without it, it does. */
  readonly view?: Pick<ViewWatch, 'writesRows' | 'epoch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with each error that stops a pass, except defects. */
  readonly onFailure: (error: unknown) => void;
  /** Counts the defects of the program. Default: a new count. */
  readonly defects?: Defects;
}

export interface VerifierStatus {
  /** The number of entities that were compared with the journal since the start. */
  readonly compared: number;
  /** The number of rows that were missing, outdated or altered, and were made from the journal again. */
  readonly repaired: number;
  /** The number of comparisons that failed because an entity could not be folded. */
  readonly unfoldable: number;
  /** The number of passes through all entities. */
  readonly passes: number;
  /** The differences since the start, by kind. `order-sync verify --repair` puts right what is not a row. */
  readonly differences: DifferenceCounts;
  /** The last pass that came to its end; null before that. */
  readonly lastPass: VerifierPass | null;
}

export type DifferenceCounts = Readonly<Partial<Record<DifferenceKind, number>>>;

export interface VerifierPass {
  readonly endedAtMs: number;
  readonly compared: number;
  readonly differences: DifferenceCounts;
}

const PAGE = 100;
/** After each page the pass rests for 199 times as long as it worked, so that it takes at most 0.5% of a core. */
const REST_PER_WORK = 199;
const REST_MIN_MS = 50;
const REST_MAX_MS = 10_000;
/** The pause between two passes. */
const BETWEEN_PASSES_MS = 15_000;
/** The row of an entity with more events is compared by its version alone. */
const FOLDED_EVENTS_MAX = 10_000;
/** At most this many differences of one page have a log line of their own. */
const REPAIRS_LOGGED_MAX = 5;
/** The name of the verifier where defects are counted. */
const PLACE = 'the comparison of view and journal';
const FAILURE_BACKOFF: Backoff = { baseMs: 500, capMs: 15_000 };
const NEW_PASS = { compared: 0, differences: {} };

/**
 * Compares view and ledger with the journal, entity by entity, at a low rate, as long as the program runs. It makes rows
 * that are missing, outdated or altered from the journal again. A lane repairs such a row only at the next event of its
 * entity. It only reports rows of entities without events, and differences of the ledger, because to put those right may
 * send states: a person decides that, by `order-sync verify --repair`.
 *
 *   pass: page of entities --> compare --> repair the differing rows --> rest --> next page ... --> pause --> next pass
 *
 * After `rush` the next pass has no rests. A view that was made anew is filled in that way.
 *
 * `compareEntities` says why the comparison is exact while ingest runs.
 */
export class Verifier<State, Event> {
  readonly #options: VerifierOptions<State, Event>;
  readonly #defects: Defects;
  readonly #stopping = new AbortController();
  readonly #compareParts: CompareParts<State, Event>;
  #counts = { compared: 0, repaired: 0, unfoldable: 0, passes: 0 };
  #differences: DifferenceCounts = {};
  /** The pass that is under way. */
  #pass: Omit<VerifierPass, 'endedAtMs'> = NEW_PASS;
  #lastPass: VerifierPass | null = null;
  #isRushed = false;
  #rest = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: VerifierOptions<State, Event>) {
    this.#options = options;
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
    this.#compareParts = { ...options, maxEvents: FOLDED_EVENTS_MAX };
  }

  /** Does nothing after `stop`. */
  start(): void {
    const { clock } = this.#options;
    const supervision = { defects: this.#defects, clock, signal: this.#stopping.signal };
    this.#running ??= supervised(PLACE, () => this.#loop(), supervision);
  }

  /** Finishes the repair that is under way. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#rest.abort();
    await this.#running;
  }

  /** Begins a pass without rests now, from the first entity. */
  rush(): void {
    this.#isRushed = true;
    this.#rest.abort();
  }

  status(): VerifierStatus {
    return { ...this.#counts, differences: this.#differences, lastPass: this.#lastPass };
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    let after: string | null = null;
    let isRush = false;
    while (!signal.aborted) {
      if (this.#isRushed) {
        this.#isRushed = false;
        isRush = true;
        after = null;
      }
      if (this.#options.view?.writesRows === false) {
        after = null;
        await this.#sleep(BETWEEN_PASSES_MS);
        continue;
      }
      const begunMs = this.#options.clock.monotonicMs();
      try {
        after = await this.#page(after, isRush);
        failures = 0;
        this.#defects.passed(PLACE);
        if (after === null) {
          this.#counts.passes++;
          this.#lastPass = { ...this.#pass, endedAtMs: this.#options.clock.now() };
          if (isRush)
            this.#options.logger('info', 'The view is complete again: its rows were made from the journal.');
          isRush = false;
          await this.#sleep(BETWEEN_PASSES_MS);
        } else if (!isRush) {
          const workMs = this.#options.clock.monotonicMs() - begunMs;
          await this.#sleep(Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, workMs * REST_PER_WORK)));
        }
      } catch (error) {
        failures++;
        await this.#sleep(this.#failed(error, failures));
      }
    }
  }

  /** Returns how long to wait before the next try. */
  #failed(error: unknown, failures: number): number {
    const { clock, logger, onFailure } = this.#options;
    if (isDefect(error)) return this.#defects.rest(PLACE, error, failures);
    if (failures === 1) {
      const level = isRetryable(error) ? 'warn' : 'error';
      logger(level, `The view cannot be compared with the journal just now: ${messageOf(error)}`);
    }
    onFailure(error);
    return fullJitterMs(FAILURE_BACKOFF, failures, clock.random());
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted || this.#isRushed) return;
    this.#rest = new AbortController();
    await this.#options.clock.sleep(ms, this.#rest.signal);
  }

  /** Compares one page. Resolves with the id behind which the next page begins, or with null at the end. */
  async #page(after: string | null, isRush: boolean): Promise<string | null> {
    const { store, parked } = this.#options;
    if (after === null) {
      this.#pass = NEW_PASS;
      // A command in another process may have released parked entities.
      await parked.load(store);
    }
    const page = await store.listEntities({ after, limit: PAGE });
    await this.#compareContained(page, isRush);
    this.#counts.compared += page.length;
    this.#pass = { ...this.#pass, compared: this.#pass.compared + page.length };
    return page.length < PAGE ? null : (page.at(-1) ?? null);
  }

  /** Compares the entities. After a defect they are compared one by one, and the struck ones are passed over. */
  async #compareContained(entityIds: readonly string[], isRush: boolean): Promise<void> {
    try {
      await this.#compare(entityIds, isRush);
    } catch (error) {
      if (!isDefect(error)) throw error;
      let struck = 0;
      for (const entityId of entityIds) {
        try {
          await this.#compare([entityId], isRush);
        } catch (defect) {
          if (!isDefect(defect)) throw defect;
          struck++;
          this.#defects.met('the comparison of a row with its journal', defect);
        }
      }
      // If a defect strikes all of several entities, the pass rests.
      if (struck > 1 && struck === entityIds.length) throw error;
    }
  }

  async #compare(entityIds: readonly string[], isRush: boolean): Promise<void> {
    const viewEpoch = this.#options.view?.epoch;
    const { differences } = await compareEntities(this.#compareParts, entityIds);
    if (differences.length === 0) return;
    // While a rebuild is switched, its changes are made due only after the rows have changed.
    const { phase, epoch } = await this.#options.store.viewState();
    if (phase !== 'steady' || (viewEpoch !== undefined && epoch !== viewEpoch)) return;
    for (const difference of differences) {
      if (difference.kind === 'unfoldable') this.#unfoldable(difference.detail);
      else if (!isOfRow(difference)) this.#report(difference);
      this.#count(difference);
    }
    const rows = differences.filter(isOfRow);
    if (rows.length > 0) await this.#repair(rows, isRush, viewEpoch);
  }

  #count({ kind }: Difference): void {
    this.#differences = oneMore(this.#differences, kind);
    this.#pass = { ...this.#pass, differences: oneMore(this.#pass.differences, kind) };
  }

  /** Counts an entity that cannot be folded. It is not parked before its next event: its row is still right. */
  #unfoldable(detail: string): void {
    this.#counts.unfoldable++;
    if (this.#counts.unfoldable === 1) this.#options.logger('warn', `A row cannot be compared: ${detail}`);
  }

  /** Logs the first differences of a pass that only a person puts right. Their numbers stand in the status. */
  #report(difference: Difference): void {
    const { logger } = this.#options;
    const before = Object.entries(this.#pass.differences);
    const told = before.reduce((sum, [kind, count]) => (REPORTED.has(kind) ? sum + count : sum), 0);
    if (told >= REPAIRS_LOGGED_MAX) return;
    const id = quoted(difference.entityId, 255);
    const what = isOfLedger(difference)
      ? `The ledger of ${difference.target} is wrong about ${id} (${difference.faults.join(', ')})`
      : `The view has a row of ${id}, which has no event`;
    logger('warn', `${what}: order-sync verify --repair puts right what can be.`, { kind: difference.kind });
  }

  async #repair(
    differing: readonly Difference[],
    isRush: boolean,
    viewEpoch: number | undefined,
  ): Promise<void> {
    const { parked, logger } = this.#options;
    const parts = { ...this.#options, ...(viewEpoch === undefined ? {} : { viewEpoch }) };
    const byId = new Map(differing.map((difference) => [difference.entityId, difference]));
    const refolded = await refold(parts, [...byId.keys()], 'repair');
    const faults = refolded.filter(({ fault }) => fault !== null);
    const repaired = refolded.filter(({ fault }) => fault === null);
    parked.add(faults.map(({ entityId }) => entityId));
    this.#counts.repaired += repaired.length;
    for (const { entityId, fault } of faults.slice(0, REPAIRS_LOGGED_MAX))
      logger('error', `${quoted(entityId, 255)} is parked: ${fault?.detail}`, { reason: fault?.reason });
    // A log line has said already that all rows are missing.
    if (isRush || repaired.length === 0) return;
    const kinds = Object.fromEntries(repaired.map(({ entityId }) => [entityId, byId.get(entityId)?.kind]));
    await this.#addToAudit(kinds);
    for (const { entityId } of repaired.slice(0, REPAIRS_LOGGED_MAX)) {
      const what = sayingOf(byId.get(entityId));
      logger('warn', `The row of ${quoted(entityId, 255)} ${what}; it was made from the journal again.`);
    }
    const unsaid = repaired.length - REPAIRS_LOGGED_MAX;
    if (unsaid > 0) logger('warn', `The rows of ${unsaid} more entities were made from the journal again.`);
  }

  /** Tells for ever which rows differed, and how. */
  #addToAudit(kinds: Readonly<Record<string, DifferenceKind | undefined>>): Promise<void> {
    const { store, clock } = this.#options;
    return store.addAudit({
      action: 'rows_repaired',
      subject: PLACE,
      details: { rows: kinds },
      decidedBy: 'order-sync',
      reason: 'These rows differed from the journal.',
      decidedAtMs: clock.now(),
    });
  }
}

/** The kinds of differences that the verifier only reports. */
const REPORTED: ReadonlySet<string> = new Set<DifferenceKind>([
  'row_extra',
  'ledger_missing',
  'ledger_wrong',
  'ledger_unfounded',
]);

function oneMore(counts: DifferenceCounts, kind: DifferenceKind): DifferenceCounts {
  return { ...counts, [kind]: (counts[kind] ?? 0) + 1 };
}

/** Says what was wrong with a row that was repaired. */
function sayingOf(difference: Difference | undefined): string {
  if (difference?.kind === 'row_missing') return 'was missing';
  if (difference?.kind !== 'version_behind' && difference?.kind !== 'version_ahead')
    return 'had been altered';
  const version = difference.columns.find(({ name }) => name === 'version');
  return difference.kind === 'version_behind'
    ? `was at version ${version?.stored}, where the journal has ${version?.expected}`
    : `was at version ${version?.stored}, which the journal does not have`;
}
