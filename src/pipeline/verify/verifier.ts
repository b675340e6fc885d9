import { isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { historyOf } from '../../core/fold.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import { quoted } from '../../core/text.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JournaledEntity, JournaledEvent } from '../../ports/journal.ts';
import type { Logger } from '../../ports/logger.ts';
import type { Store, StoredRow } from '../../ports/store.ts';
import { Defects } from '../defects.ts';
import { isSameRow } from '../ingest/due.ts';
import type { ParkedRegistry } from '../ingest/parked.ts';
import { foldFault, restoreAll, type Unfoldable } from '../ingest/unfoldable.ts';
import type { ViewWatch } from '../rebuild/view-mode.ts';
import { supervised } from '../supervised.ts';
import { type RefoldParts, refold } from './refold.ts';

export interface VerifierOptions<State, Event>
  extends Omit<RefoldParts<State, Event>, 'store' | 'clock' | 'viewEpoch'> {
  readonly store: Pick<
    Store,
    'commit' | 'readView' | 'readJournals' | 'listJournaled' | 'listParked' | 'longJournals'
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
  /** The number of rows that were compared with the journal since the start. */
  readonly compared: number;
  /** The number of rows that were missing, outdated or altered, and were made from the journal again. */
  readonly repaired: number;
  /** The number of comparisons that failed because an entity could not be folded. */
  readonly unfoldable: number;
  /** The number of passes through the whole journal. */
  readonly passes: number;
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
/** At most this many repaired rows of one page have a log line of their own. */
const REPAIRS_LOGGED_MAX = 5;
/** The name of the verifier where defects are counted. */
const PLACE = 'the comparison of view and journal';
const FAILURE_BACKOFF: Backoff = { baseMs: 500, capMs: 15_000 };

/**
 * Compares the view with the journal, entity by entity, at a low rate, as long as the program runs. It makes rows that are
 * missing, outdated or altered from the journal again. A lane repairs such a row only at the next event of its entity.
 *
 *   pass: page of entities --> compare --> repair the differing rows --> rest --> next page ... --> pause --> next pass
 *
 * After `rush` the next pass has no rests. A view that was made anew is filled in that way.
 *
 * The comparison is exact while ingest runs. The journals of a page are read before its rows, and one transaction changes
 * both. So if a row is behind the journal that was read before it, ingest has not written that row.
 */
export class Verifier<State, Event> {
  readonly #options: VerifierOptions<State, Event>;
  readonly #defects: Defects;
  readonly #stopping = new AbortController();
  #counts = { compared: 0, repaired: 0, unfoldable: 0, passes: 0 };
  #isRushed = false;
  #rest = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: VerifierOptions<State, Event>) {
    this.#options = options;
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
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
    return this.#counts;
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

  /** Compares one page. Resolves with the id behind which the next page begins, or with null at the end of the journal. */
  async #page(after: string | null, isRush: boolean): Promise<string | null> {
    const { store, parked } = this.#options;
    // A command in another process may have released parked entities.
    if (after === null) await parked.load(store);
    const page = await store.listJournaled({ after, limit: PAGE });
    const entities = page.filter(({ entityId }) => !parked.has(entityId));
    await this.#compareContained(entities, isRush);
    this.#counts.compared += entities.length;
    return page.length < PAGE ? null : (page.at(-1)?.entityId ?? null);
  }

  /** Compares the entities. After a defect they are compared one by one, and the struck ones are passed over. */
  async #compareContained(entities: readonly JournaledEntity[], isRush: boolean): Promise<void> {
    try {
      await this.#compare(entities, isRush);
    } catch (error) {
      if (!isDefect(error)) throw error;
      let struck = 0;
      for (const entity of entities) {
        try {
          await this.#compare([entity], isRush);
        } catch (defect) {
          if (!isDefect(defect)) throw defect;
          struck++;
          this.#defects.met('the comparison of a row with its journal', defect);
        }
      }
      // If a defect strikes all of several entities, the pass rests.
      if (struck > 1 && struck === entities.length) throw error;
    }
  }

  async #compare(entities: readonly JournaledEntity[], isRush: boolean): Promise<void> {
    const { store, view } = this.#options;
    const viewEpoch = view?.epoch;
    const foldable = entities
      .filter(({ version }) => version <= FOLDED_EVENTS_MAX)
      .map(({ entityId }) => entityId);
    const journals = await store.readJournals(foldable);
    const rows = await store.readView(entities.map(({ entityId }) => entityId));
    const differing = new Map<string, string>();
    const ahead: string[] = [];
    for (const entity of entities) {
      const stored = rows.get(entity.entityId);
      const journal = journals.get(entity.entityId);
      if (journal !== undefined && stored !== undefined && stored.version > journal.length)
        ahead.push(entity.entityId);
      const difference = this.#difference(entity, journal, stored);
      if (difference !== null) differing.set(entity.entityId, difference);
    }
    // A row may be ahead of its journal, which was read before it, because ingest has written both meanwhile.
    const later = ahead.length === 0 ? new Map() : await store.readJournals(ahead);
    for (const entityId of ahead) {
      const version = rows.get(entityId)?.version ?? 0;
      if (version > (later.get(entityId)?.length ?? 0))
        differing.set(entityId, `was at version ${version}, which the journal does not have`);
    }
    if (differing.size > 0) await this.#repair(differing, isRush, viewEpoch);
  }

  /** Describes what is wrong with the row; null if nothing is, or if the journal has grown since it was read. */
  #difference(
    { version }: JournaledEntity,
    journal: readonly JournaledEvent[] | undefined,
    stored: StoredRow | undefined,
  ): string | null {
    const { domain, decoder } = this.#options;
    const known = journal?.length ?? version;
    if (stored === undefined) return 'was missing';
    if (stored.version < known) return `was at version ${stored.version}, where the journal has ${known}`;
    if (journal === undefined || stored.version > known) return null;
    const restored = restoreAll(decoder, journal);
    if ('reason' in restored) return this.#unfoldable(restored);
    try {
      const row = domain.view.row(historyOf(domain, restored.events).state);
      return isSameRow(row, stored.row) ? null : 'had been altered';
    } catch (error) {
      return this.#unfoldable(foldFault(domain, error, restored.events));
    }
  }

  /** Counts an entity that cannot be folded. It is not parked before its next event: its row is still right. */
  #unfoldable({ detail }: Unfoldable): null {
    this.#counts.unfoldable++;
    if (this.#counts.unfoldable === 1) this.#options.logger('warn', `A row cannot be compared: ${detail}`);
    return null;
  }

  async #repair(
    differing: ReadonlyMap<string, string>,
    isRush: boolean,
    viewEpoch: number | undefined,
  ): Promise<void> {
    const { parked, logger } = this.#options;
    const parts = { ...this.#options, ...(viewEpoch === undefined ? {} : { viewEpoch }) };
    const refolded = await refold(parts, [...differing.keys()], 'repair');
    const faults = refolded.filter(({ fault }) => fault !== null);
    const repaired = refolded.filter(({ fault }) => fault === null);
    parked.add(faults.map(({ entityId }) => entityId));
    this.#counts.repaired += repaired.length;
    for (const { entityId, fault } of faults.slice(0, REPAIRS_LOGGED_MAX))
      logger('error', `${quoted(entityId, 255)} is parked: ${fault?.detail}`, { reason: fault?.reason });
    // A log line has said already that all rows are missing.
    if (isRush) return;
    for (const { entityId } of repaired.slice(0, REPAIRS_LOGGED_MAX)) {
      const what = differing.get(entityId) ?? 'differed';
      logger('warn', `The row of ${quoted(entityId, 255)} ${what}; it was made from the journal again.`);
    }
    const unsaid = repaired.length - REPAIRS_LOGGED_MAX;
    if (unsaid > 0) logger('warn', `The rows of ${unsaid} more entities were made from the journal again.`);
  }
}
