import type { Domain } from '../../core/domain.ts';
import { defectFields, describeDefect, isDefect } from '../../core/errors.ts';
import {
  type Earlier,
  type History,
  type Merged,
  type Sequenced,
  sequencedOnly,
  tellApart,
  versionOf,
} from '../../core/fold.ts';
import { evolveAt, extend, FoldError } from '../../core/long-history.ts';
import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import { quoted } from '../../core/text.ts';
import type { Logger } from '../../ports/logger.ts';
import type { LongChange, LongJournal, LongJournals } from '../../ports/long-journals.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';
import { FoldWalk, RungCollector } from './fold-walk.ts';
import { StateCodec } from './state-codec.ts';
import { foldFault, type Unfoldable, UnfoldableError } from './unfoldable.ts';

export interface LongLimits {
  /** An entity with more events than this is long. */
  readonly longEvents: number;
  /** The distance between rungs. Of a long entity, this many to twice as many of the last events are in memory. */
  readonly intervalEvents: number;
}

export const LONG_LIMITS: LongLimits = { longEvents: 1_024, intervalEvents: 128 };

/** The most intervals of events that a plan reads of one entity. If there are more, `prepare` reads them before. */
const READ_INTERVALS_MAX = 8;
/** The most times that an entity is prepared because other processes changed it meanwhile. */
const MAX_ATTEMPTS = 20;
/** Preparing an entity with more events than this is logged. */
const LOGGED_EVENTS = 50_000;

export interface LongHistoriesOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly journals: LongJournals;
  readonly logger: Logger;
  readonly limits: LongLimits;
}

/** The events of one batch for one long entity. */
export interface LongRequest<State, Event> {
  readonly entityId: string;
  /** The history in memory; null if there is none. */
  readonly before: History<State, Event> | null;
  readonly incoming: readonly DecodedEvent<Event>[];
  /** The version in the journal if the entity is locked; null if it is not. */
  readonly version: number | null;
  readonly isParked: boolean;
}

/** What a batch changes in one long entity. */
export interface LongPlan<State, Event> {
  /** Why the entity cannot be folded; null if it can. */
  readonly unfoldable: Unfoldable | null;
  /** The version in the journal before the batch. */
  readonly version: number;
  /** The history before the batch; null if the entity cannot be folded. */
  readonly before: History<State, Event> | null;
  readonly merged: Merged<State | null, Event, DecodedEvent<Event>>;
  readonly change: LongChange;
}

/** An entity that has to be prepared before a batch with its events can be planned. */
export interface Unprepared {
  readonly entityId: string;
  /** `index`: only the index is missing. `fold`: the fold is missing too. */
  readonly needs: 'index' | 'fold';
}

interface Prepared<State, Event> {
  readonly version: number;
  readonly history: History<State, Event> | null;
  readonly unfoldable: Unfoldable | null;
}

/**
 * The histories of long entities, of which only the last events are in memory, with the fold of those before them. The
 * store's index of an entity's events tells whether an event is new. A new event that belongs before the events in
 * memory is folded in from the nearest rung of the store's ladder.
 *
 * A plan only reads, and little. If the index or the ladder of an entity is missing, the plan names the entity, and
 * `prepare` makes both, outside of the transactions of batches.
 */
export class LongHistories<State, Event> {
  readonly #options: LongHistoriesOptions<State, Event>;
  readonly #foldVersion: number;
  readonly #codec: StateCodec<State>;
  readonly #walk: FoldWalk<State, Event>;
  /** The results of `prepare`, kept until a batch with events of the entity is committed. */
  readonly #prepared = new Map<string, Prepared<State, Event>>();
  #generation = 0;

  constructor(options: LongHistoriesOptions<State, Event>) {
    this.#options = options;
    this.#foldVersion = options.domain.foldVersion ?? 1;
    this.#codec = new StateCodec(this.#foldVersion);
    const { domain, decoder, journals, limits } = options;
    const { intervalEvents } = limits;
    this.#walk = new FoldWalk({ domain, decoder, journals, intervalEvents, codec: this.#codec });
  }

  get longEvents(): number {
    return this.#options.limits.longEvents;
  }

  isLong(history: History<State, Event>): boolean {
    return history.earlier !== undefined || history.events.length > this.#options.limits.longEvents;
  }

  /**
   * Works out what a batch changes, or names the entities that have to be prepared first. Calls `keepAlive` now and
   * then during long reads.
   */
  async plan(
    requests: readonly LongRequest<State, Event>[],
    keepAlive: () => Promise<unknown>,
  ): Promise<
    | { readonly kind: 'planned'; readonly plans: ReadonlyMap<string, LongPlan<State, Event>> }
    | { readonly kind: 'unprepared'; readonly entities: readonly Unprepared[] }
  > {
    const journals = await this.#options.journals.lookUp(
      requests.map(({ entityId, incoming }) => ({
        entityId,
        eventIds: incoming.map(({ eventId }) => eventId),
      })),
    );
    const plans = new Map<string, LongPlan<State, Event>>();
    const entities: Unprepared[] = [];
    for (const request of requests) {
      const plan = await this.#plan(request, journals.get(request.entityId), keepAlive);
      if ('needs' in plan) entities.push(plan);
      else plans.set(request.entityId, plan);
    }
    return entities.length > 0 ? { kind: 'unprepared', entities } : { kind: 'planned', plans };
  }

  /**
   * Makes the index of these entities and the ladder where it is missing, in steps with limited memory. A call that was
   * interrupted is continued by the next one.
   */
  async prepare(entities: readonly Unprepared[], signal: AbortSignal): Promise<void> {
    for (const entity of entities) {
      if (signal.aborted) return;
      for (let attempt = 1; !(await this.#prepare(entity, signal)) && attempt < MAX_ATTEMPTS; attempt++);
    }
  }

  /** Drops what was prepared if the store's generation has changed. */
  believe(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#prepared.clear();
  }

  /** Drops what was prepared of the entities of a committed batch. */
  committed(entityIds: Iterable<string>): void {
    if (this.#prepared.size > 0) for (const entityId of entityIds) this.#prepared.delete(entityId);
  }

  async #plan(
    request: LongRequest<State, Event>,
    journal: LongJournal | undefined,
    keepAlive: () => Promise<unknown>,
  ): Promise<LongPlan<State, Event> | Unprepared> {
    const { entityId, incoming, isParked } = request;
    const prepared = this.#prepared.get(entityId);
    const known = prepared?.history ?? request.before;
    const missing: Unprepared = { entityId, needs: known !== null || isParked ? 'index' : 'fold' };
    if (journal === undefined || (request.version !== null && request.version !== journal.version))
      return missing;
    // The index is behind what is known of the entity, or the store went back in time.
    if (known !== null && versionOf(known) > journal.version && prepared?.version !== journal.version)
      return missing;

    const identities = tellApart(journal.known, incoming);
    identities.accepted.sort(compareSequence);
    const unfoldable = unfoldableOf(journal, isParked) ?? prepared?.unfoldable ?? null;
    if (unfoldable !== null) return unfoldablePlan(journal, identities, unfoldable);
    if (journal.foldVersion !== this.#foldVersion) return missing;
    try {
      const before =
        known !== null && versionOf(known) === journal.version ? known : await this.#load(entityId, journal);
      if (before === null) return { entityId, needs: 'fold' };
      return await this.#merge(entityId, journal, before, identities, keepAlive);
    } catch (error) {
      const why = this.#faultOf(entityId, error);
      if (why === null) throw error;
      return unfoldablePlan(journal, identities, why);
    }
  }

  async #merge(
    entityId: string,
    { version }: LongJournal,
    before: History<State, Event>,
    { accepted, duplicates, conflicts }: Identities<Event>,
    keepAlive: () => Promise<unknown>,
  ): Promise<LongPlan<State, Event>> {
    const { domain, limits } = this.#options;
    const foldVersion = this.#foldVersion;
    const unfoldable = null;
    if (accepted.length === 0) {
      const merged = { history: before, accepted, duplicates, outOfOrder: 0, conflicts };
      return { unfoldable, version, before, merged, change: { foldVersion, dropFrom: null, rungs: [] } };
    }
    const lastNotHeld = before.earlier?.last ?? null;
    const isLate = (event: SequenceKey) => lastNotHeld !== null && compareSequence(event, lastNotHeld) < 0;
    const late = accepted.filter(isLate);
    const inserted =
      late.length === 0 || before.earlier === undefined
        ? null
        : await this.#walk.insertLate(entityId, before.earlier, late, keepAlive);
    const base = inserted === null ? before : this.#rebased(before, inserted.earlier, inserted.isSame);
    const extended = extend(
      domain,
      base,
      accepted.filter((event) => !isLate(event)),
      limits.intervalEvents,
    );

    const collector = new RungCollector(entityId, this.#codec);
    for (const { last, state } of extended.rungs) collector.add(last, state);
    const last = before.events.at(-1) ?? lastNotHeld;
    const outOfOrder =
      last === null ? 0 : accepted.filter((event) => compareSequence(event, last) < 0).length;
    return {
      unfoldable,
      version,
      before,
      merged: { history: extended.history, accepted, duplicates, outOfOrder, conflicts },
      change: {
        foldVersion,
        dropFrom: inserted?.dropFrom ?? null,
        rungs: [...(inserted?.rungs ?? []), ...collector.collected],
      },
    };
  }

  /** The history with another fold of the events that are not in memory. */
  #rebased(history: History<State, Event>, earlier: Earlier<State>, isSame: boolean): History<State, Event> {
    if (isSame) return { ...history, earlier };
    let { state } = earlier;
    for (const event of history.events) state = evolveAt(this.#options.domain, state, event);
    return { events: history.events, state, earlier };
  }

  /** Reads the history from the last rung on; null if that is more than a plan may read. */
  async #load(entityId: string, { version }: LongJournal): Promise<History<State, Event> | null> {
    const { domain, limits } = this.#options;
    const { last, state: earlierState } = await this.#walk.placeBefore(entityId, null);
    const events: Sequenced<Event>[] = [];
    let state = earlierState;
    for await (const page of this.#walk.pages(entityId, last, null)) {
      events.push(...page.map(sequencedOnly));
      if (events.length > READ_INTERVALS_MAX * limits.intervalEvents) return null;
      for (const event of page) state = evolveAt(domain, state, event);
    }
    const count = version - events.length;
    if (count < 0 || (last === null) !== (count === 0)) return null;
    return (await this.#isAt(entityId, version))
      ? { events, state, earlier: { count, last, state: earlierState } }
      : null;
  }

  /** Prepares one entity. Answers false if another process changed it meanwhile. */
  async #prepare({ entityId, needs }: Unprepared, signal: AbortSignal): Promise<boolean> {
    const { domain, journals, limits, logger } = this.#options;
    const indexed = await journals.index(entityId, this.#foldVersion, signal);
    if (indexed === null) return true;
    const { version, foldVersion } = indexed;
    if (needs === 'index' || foldVersion === null) {
      this.#prepared.set(entityId, { version, history: null, unfoldable: null });
      return true;
    }
    const place = await this.#walk.placeBefore(entityId, null);
    if (place.last === null && version > LOGGED_EVENTS)
      logger('info', `Folding the ${version} events of ${quoted(entityId, 255)} anew`);
    // The number of events before the rung is the version minus the number of events behind it.
    let behind = 0;
    let history: History<State, Event> = {
      events: [],
      state: place.state,
      earlier: { count: 0, last: place.last, state: place.state },
    };
    try {
      for await (const page of this.#walk.pages(entityId, place.last, null)) {
        if (signal.aborted) return true;
        behind += page.length;
        const extended = extend(domain, history, page.map(sequencedOnly), limits.intervalEvents);
        history = extended.history;
        const rungs = new RungCollector(entityId, this.#codec);
        for (const { last, state } of extended.rungs) rungs.add(last, state);
        if (rungs.collected.length === 0) continue;
        const added = { entityId, version, foldVersion: this.#foldVersion, rungs: rungs.collected };
        if (!(await journals.addRungs(added))) return false;
      }
    } catch (error) {
      const unfoldable = this.#faultOf(entityId, error);
      if (unfoldable === null) throw error;
      this.#prepared.set(entityId, { version, history: null, unfoldable });
      return true;
    }
    const { events, state, earlier } = history;
    const before = version - behind;
    if (before < 0 || (place.last === null && before > 0) || earlier === undefined) return false;
    if (!(await this.#isAt(entityId, version))) return false;
    history = { events, state, earlier: { ...earlier, count: before + earlier.count } };
    this.#prepared.set(entityId, { version, history, unfoldable: null });
    return true;
  }

  /**
   * Why the entity cannot be folded, if the error concerns this entity alone; null for any other error. A defect that
   * strikes one entity parks that entity, so that all others go on.
   */
  #faultOf(entityId: string, error: unknown): Unfoldable | null {
    const { domain, logger } = this.#options;
    if (error instanceof FoldError || error instanceof UnfoldableError) return foldFault(domain, error, []);
    if (!isDefect(error)) return null;
    const detail = `A defect of Tributary: ${describeDefect(error)}`;
    logger('error', `${quoted(entityId, 255)} cannot be folded. ${detail}`, defectFields(error));
    return { reason: 'fold_failed', detail };
  }

  async #isAt(entityId: string, version: number): Promise<boolean> {
    const found = await this.#options.journals.lookUp([{ entityId, eventIds: [] }]);
    return found.get(entityId)?.version === version;
  }
}

type Identities<Event> = Pick<Merged<unknown, Event, DecodedEvent<Event>>, 'duplicates' | 'conflicts'> & {
  readonly accepted: DecodedEvent<Event>[];
};

function unfoldableOf(journal: LongJournal, isParked: boolean): Unfoldable | null {
  if (isParked) return { reason: 'fold_failed', detail: 'It was parked before.' };
  if (journal.foldVersion !== null) return null;
  return {
    reason: 'journal_incomplete',
    detail: `The journal lacks events before version ${journal.version}: events in between were lost.`,
  };
}

/** A plan that journals the events without folding them. The rungs behind them are removed. */
function unfoldablePlan<State, Event>(
  { version, foldVersion }: LongJournal,
  { accepted, duplicates, conflicts }: Identities<Event>,
  unfoldable: Unfoldable,
): LongPlan<State, Event> {
  const history = { events: [], state: null };
  return {
    unfoldable,
    version,
    before: null,
    merged: { history, accepted, duplicates, outOfOrder: 0, conflicts },
    change: { foldVersion, dropFrom: accepted[0] ?? null, rungs: [] },
  };
}
