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
  /** An entity with more events is long. */
  readonly longEvents: number;
  /** Of a long entity, this many to twice as many of the last events are in memory; its rungs are this far apart. */
  readonly intervalEvents: number;
}

export const LONG_LIMITS: LongLimits = { longEvents: 1_024, intervalEvents: 128 };

/** A plan reads at most this many intervals of events of one entity; more of them are read beforehand. */
const READ_INTERVALS_MAX = 8;
/** How often an entity is read again because somebody else changed it meanwhile. */
const MAX_ATTEMPTS = 20;
/** Reading more events than this is worth a line in the log. */
const LOGGED_EVENTS = 50_000;

export interface LongHistoriesOptions<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly journals: LongJournals;
  readonly log: Logger;
  readonly limits: LongLimits;
}

/** What one batch brings to one long entity. */
export interface LongRequest<State, Event> {
  readonly entityId: string;
  /** What is in memory of it, or null. */
  readonly before: History<State, Event> | null;
  readonly incoming: readonly DecodedEvent<Event>[];
  /** The version that the journal has while the entity is locked; null if it is not locked. */
  readonly version: number | null;
  readonly isParked: boolean;
}

/** What a batch changes in one long entity. */
export interface LongPlan<State, Event> {
  /** Why it cannot be folded, or null. */
  readonly unfoldable: Unfoldable | null;
  /** Of the journal, before the batch. */
  readonly version: number;
  /** The history before the batch; null if it cannot be folded. */
  readonly before: History<State, Event> | null;
  readonly merged: Merged<State | null, Event, DecodedEvent<Event>>;
  readonly change: LongChange;
}

/** An entity that has to be read before a batch with its events can be planned. */
export interface Unprepared {
  readonly entityId: string;
  /** Whether only its index is missing, or its fold too. */
  readonly needs: 'index' | 'fold';
}

interface Prepared<State, Event> {
  readonly version: number;
  readonly history: History<State, Event> | null;
  readonly unfoldable: Unfoldable | null;
}

/**
 * Entities with more events than fit into memory. Of each only its last events are held, with the fold of those before
 * them. Whether an event is new is asked of the store's index of the entity's events, and an event that belongs before
 * those that are held is folded in from the nearest rung of the ladder that the store keeps.
 *
 * A plan only reads, and not much. Where the index or the ladder is missing, the plan names the entity, and `prepare`
 * makes both again, outside of any transaction of a batch.
 */
export class LongHistories<State, Event> {
  readonly #options: LongHistoriesOptions<State, Event>;
  readonly #foldVersion: number;
  readonly #codec: StateCodec<State>;
  readonly #walk: FoldWalk<State, Event>;
  /** What `prepare` has read, until a batch with events of the entity is committed. */
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
   * then while it reads much.
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
   * Makes the index, and where it is missing the ladder, of these entities, in steps with limited memory. What was done
   * stands if it is interrupted: the next call goes on there.
   */
  async prepare(entities: readonly Unprepared[], signal: AbortSignal): Promise<void> {
    for (const entity of entities) {
      if (signal.aborted) return;
      for (let attempt = 1; !(await this.#prepare(entity, signal)) && attempt < MAX_ATTEMPTS; attempt++);
    }
  }

  /** Drops what was prepared from an earlier generation of the store. */
  believe(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#prepared.clear();
  }

  /** Drops what was prepared of entities that a batch which is committed now had events of. */
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
    // The index of an entity that is known further than the store goes is behind, or the store went back in time.
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

  /** The history with another fold of the events that are not held. */
  #rebased(history: History<State, Event>, earlier: Earlier<State>, isSame: boolean): History<State, Event> {
    if (isSame) return { ...history, earlier };
    let { state } = earlier;
    for (const event of history.events) state = evolveAt(this.#options.domain, state, event);
    return { events: history.events, state, earlier };
  }

  /** The history from the last rung on; null if more would have to be read than a plan may read. */
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

  /** Answers whether it is done: it is not if somebody else changed the entity meanwhile. */
  async #prepare({ entityId, needs }: Unprepared, signal: AbortSignal): Promise<boolean> {
    const { domain, journals, limits, log } = this.#options;
    const indexed = await journals.index(entityId, this.#foldVersion, signal);
    if (indexed === null) return true;
    const { version, foldVersion } = indexed;
    if (needs === 'index' || foldVersion === null) {
      this.#prepared.set(entityId, { version, history: null, unfoldable: null });
      return true;
    }
    const place = await this.#walk.placeBefore(entityId, null);
    if (place.last === null && version > LOGGED_EVENTS)
      log('info', `Folding the ${version} events of ${quoted(entityId, 255)} anew`);
    // The number of the events before the rung follows from the number of those behind it.
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
    const { domain, log } = this.#options;
    if (error instanceof FoldError || error instanceof UnfoldableError) return foldFault(domain, error, []);
    if (!isDefect(error)) return null;
    const detail = `A defect of Tributary: ${describeDefect(error)}`;
    log('error', `${quoted(entityId, 255)} cannot be folded. ${detail}`, defectFields(error));
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

/** Journals the events without folding them; rungs behind them no longer hold. */
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
