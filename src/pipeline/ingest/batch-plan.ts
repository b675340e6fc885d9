import type { Domain } from '../../core/domain.ts';
import { DefectError } from '../../core/errors.ts';
import {
  emptyHistory,
  type History,
  historyOf,
  type Merged,
  merge,
  type Sequenced,
  sequencedOnly,
  versionOf,
} from '../../core/fold.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { LongChange } from '../../ports/long-journals.ts';
import type { EntityChange, JournaledEvent, ReadJournals } from '../../ports/store.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';
import { type DueRules, isSameRow, UNCHANGED } from './due.ts';
import type { HistoryCache } from './history-cache.ts';
import type { LongHistories, LongPlan, LongRequest, Unprepared } from './long-histories.ts';
import type { Newcomers } from './newcomers.ts';
import type { BatchTally } from './options.ts';
import type { ParkedRegistry } from './parked.ts';
import { foldFault, journalFault, RowFault, restoreAll, rowFault, type Unfoldable } from './unfoldable.ts';

/** Folds nothing: tells known events from new ones, for an entity that cannot be folded. */
const IDENTITIES_ONLY = { initialState: null, evolve: () => null };

/** What lanes share that decides what a batch changes. */
export interface PlanContext<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly cache: HistoryCache<State, Event>;
  readonly parked: ParkedRegistry;
  readonly due: DueRules;
}

/** An entity that this batch found it cannot fold. */
export interface NewlyParked extends Unfoldable {
  readonly entityId: string;
}

/**
 * Works out what a batch of events changes: which of them are new, what each entity's state becomes, and what
 * is due to the targets. Asked again on every attempt; nothing of an attempt that failed is kept.
 *
 * An entity that cannot be folded is parked: its events are journaled, its row keeps its columns, nothing of it
 * becomes due, and the batch goes on with all others.
 */
export class BatchPlan<State, Event> {
  /** In the sequence of their UTF-8 bytes. */
  readonly entityIds: readonly string[];
  readonly #eventsById = new Map<string, DecodedEvent<Event>[]>();
  readonly #context: PlanContext<State, Event>;
  readonly #newcomers: Newcomers;
  readonly #long: LongHistories<State, Event>;
  readonly #nowMs: number;
  readonly #empty: History<State, Event>;
  #isGuessed = false;
  /** The entities that are not taken from the cache. */
  #wereRead: ReadonlySet<string> = new Set();
  #isStoreBehind = false;
  #histories: ReadonlyMap<string, History<State, Event>> = new Map();
  /** By entity: the journal of each that was read and cannot be folded, and why. */
  #unfoldable = new Map<string, Unfoldable & { readonly journal: readonly JournaledEvent[] }>();
  /** Entities whose journal is too long to be read whole. */
  readonly #longIds = new Set<string>();
  #unprepared: readonly Unprepared[] = [];
  #parked: NewlyParked[] = [];
  #tally: BatchTally = { journaled: 0, duplicates: 0, outOfOrder: 0, conflicts: 0 };

  /** `nowMs` is the moment that an entity is parked at. */
  constructor(
    context: PlanContext<State, Event>,
    newcomers: Newcomers,
    long: LongHistories<State, Event>,
    events: Iterable<DecodedEvent<Event>>,
    nowMs: number,
  ) {
    this.#context = context;
    this.#newcomers = newcomers;
    this.#long = long;
    this.#nowMs = nowMs;
    this.#empty = emptyHistory(context.domain);
    for (const event of events) {
      const same = this.#eventsById.get(event.entityId);
      if (same === undefined) this.#eventsById.set(event.entityId, [event]);
      else same.push(event);
    }
    this.entityIds = [...this.#eventsById.keys()].sort(compareUtf8);
  }

  /** Whether the plan takes entities for new that it has not looked up. */
  get isGuessed(): boolean {
    return this.#isGuessed;
  }

  /** Whether the journal of a locked entity is shorter than this instance once knew it: the store went back in time. */
  get isStoreBehind(): boolean {
    return this.#isStoreBehind;
  }

  /** The long entities that have to be prepared before the batch can be planned: `plan` has thrown because of them. */
  get unprepared(): readonly Unprepared[] {
    return this.#unprepared;
  }

  /** The entities that this plan parks, which were not known to be parked. */
  get newlyParked(): readonly NewlyParked[] {
    return this.#parked;
  }

  /** For IngestBatch.plan. `versions` are those of locked entities, or null if the cache has to be trusted. */
  async plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<EntityChange[]> {
    this.#unfoldable.clear();
    this.#longIds.clear();
    this.#parked = [];
    const histories = await this.#readHistories(versions, readJournals);
    const long =
      this.#longIds.size === 0 ? NONE_LONG : await this.#planLong(versions, histories, readJournals);
    const changes: EntityChange[] = [];
    const unchanged: string[] = [];
    let duplicates = 0;
    let outOfOrder = 0;
    let conflicts = 0;
    let journaled = 0;
    for (const entityId of this.entityIds) {
      const before = histories.get(entityId) ?? this.#empty;
      const incoming = this.#eventsById.get(entityId) ?? [];
      let merged: Merged<unknown, unknown, DecodedEvent<Event>>;
      const unfoldable = this.#unfoldable.get(entityId);
      const longPlan = this.#longIds.size === 0 ? undefined : long.get(entityId);
      if (longPlan !== undefined) {
        merged = this.#takeLong(entityId, longPlan, histories, changes);
      } else if (unfoldable !== undefined) {
        merged = this.#park(entityId, unfoldable.journal, unfoldable, versions, changes);
      } else {
        try {
          const folded = merge(this.#context.domain, before, incoming);
          if (folded.accepted.length > 0)
            changes.push(this.#change(entityId, before, folded.history, folded.accepted));
          else if (versions === null && !this.#wereRead.has(entityId)) unchanged.push(entityId);
          histories.set(entityId, folded.history);
          merged = folded;
        } catch (error) {
          histories.delete(entityId);
          const why = foldFault(this.#context.domain, error, [...before.events, ...incoming]);
          merged = this.#park(entityId, before.events, why, versions, changes);
        }
      }
      duplicates += merged.duplicates;
      outOfOrder += merged.outOfOrder;
      conflicts += merged.conflicts;
      journaled += merged.accepted.length;
    }
    if (unchanged.length > 0 && !(await this.#areJournaled(unchanged, readJournals))) {
      this.#context.cache.clear();
      return this.plan(versions, readJournals);
    }
    this.#histories = histories;
    this.#tally = { journaled, duplicates, outOfOrder, conflicts };
    return changes;
  }

  /** To be called once the plan stands in the store: the next batch starts from here. */
  remember(): BatchTally {
    const { cache, parked } = this.#context;
    for (const [entityId, history] of this.#histories) cache.set(entityId, compact(history));
    this.#long.committed(this.#longIds);
    parked.add(this.#parked.map(({ entityId }) => entityId));
    return this.#tally;
  }

  /**
   * Whether the store has all events of these entities' batch. The cache says so, but the commit compares no version of
   * an entity that does not change: had the store gone back in time, its events would be lost.
   */
  async #areJournaled(
    entityIds: readonly string[],
    readJournals: (entityIds: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
  ): Promise<boolean> {
    const journals = await readJournals(entityIds);
    return entityIds.every((entityId) => {
      const events = (journals.get(entityId) ?? []).map((key) => ({ ...key, event: null }));
      const incoming = this.#eventsById.get(entityId) ?? [];
      const merged = merge<null, unknown, DecodedEvent<Event>>(
        IDENTITIES_ONLY,
        { events, state: null },
        incoming,
      );
      return merged.accepted.length === 0;
    });
  }

  /** Tells the entity's new events from the known ones, and adds the change that journals them without a row. */
  #park(
    entityId: string,
    known: readonly Pick<JournaledEvent, keyof Sequenced<unknown> & keyof JournaledEvent>[],
    why: Unfoldable,
    versions: ReadonlyMap<string, number> | null,
    changes: EntityChange[],
  ): Merged<unknown, unknown, DecodedEvent<Event>> {
    const events = known.map((key) => ({ ...key, event: null }));
    const incoming = this.#eventsById.get(entityId) ?? [];
    const merged = merge<null, unknown, DecodedEvent<Event>>(
      IDENTITIES_ONLY,
      { events, state: null },
      incoming,
    );
    // Where versions are missing in the journal, it has fewer events than its last version says.
    const fromVersion = versions?.get(entityId) ?? events.length;
    this.#addParking(entityId, fromVersion, merged.accepted, why, changes);
    return merged;
  }

  #addParking(
    entityId: string,
    fromVersion: number,
    events: readonly DecodedEvent<Event>[],
    why: Unfoldable,
    changes: EntityChange[],
    long?: LongChange,
  ): void {
    const isKnown = this.#context.parked.has(entityId);
    if (!isKnown) this.#parked.push({ entityId, reason: why.reason, detail: why.detail });
    else if (events.length === 0) return;
    changes.push({
      entityId,
      fromVersion,
      version: fromVersion + events.length,
      row: null,
      events,
      delivery: UNCHANGED,
      parking: isKnown
        ? { kind: 'parked' }
        : { kind: 'park', reason: why.reason, detail: why.detail, parkedAtMs: this.#nowMs },
      ...(long === undefined ? {} : { long }),
    });
  }

  /** Asks for the changes of the long entities. Throws if one of them has to be prepared first. */
  async #planLong(
    versions: ReadonlyMap<string, number> | null,
    histories: ReadonlyMap<string, History<State, Event>>,
    readJournals: ReadJournals,
  ): Promise<ReadonlyMap<string, LongPlan<State, Event>>> {
    const requests = [...this.#longIds].map(
      (entityId): LongRequest<State, Event> => ({
        entityId,
        before: histories.get(entityId) ?? null,
        incoming: this.#eventsById.get(entityId) ?? [],
        version: versions?.get(entityId) ?? null,
        isParked: this.#context.parked.has(entityId),
      }),
    );
    // The transaction that holds the entities reads nothing of long ones: a short read shows that it is alive.
    const keepAlive = async () => versions === null || readJournals([...this.#longIds].slice(0, 1), 0);
    const planned = await this.#long.plan(requests, keepAlive);
    if (planned.kind === 'planned') return planned.plans;
    this.#unprepared = planned.entities;
    throw new DefectError('A batch has events of long entities that are not prepared.');
  }

  /** Adds the change of a long entity. */
  #takeLong(
    entityId: string,
    { unfoldable, version, before, merged, change: long }: LongPlan<State, Event>,
    histories: Map<string, History<State, Event>>,
    changes: EntityChange[],
  ): Merged<unknown, unknown, DecodedEvent<Event>> {
    let why = unfoldable;
    if (before !== null) {
      try {
        const history = merged.history as History<State, Event>;
        if (merged.accepted.length > 0)
          changes.push({ ...this.#change(entityId, before, history, merged.accepted), long });
        histories.set(entityId, history);
        return merged;
      } catch (error) {
        why = foldFault(this.#context.domain, error, []);
      }
    }
    histories.delete(entityId);
    if (why !== null) this.#addParking(entityId, version, merged.accepted, why, changes, long);
    return merged;
  }

  /** What is known of each entity before the batch; an entity without a journal is left out. */
  async #readHistories(
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<Map<string, History<State, Event>>> {
    // Taken out of the cache before anything is awaited: other lanes change it meanwhile.
    const { cache, decoder, domain, parked } = this.#context;
    const histories = new Map<string, History<State, Event>>();
    const unknown: string[] = [];
    for (const entityId of this.entityIds) {
      const version = versions === null ? null : (versions.get(entityId) ?? 0);
      const cached = cache.get(entityId);
      if (version !== null && cached !== undefined && versionOf(cached) > version) this.#isStoreBehind = true;
      if (version === 0) continue;
      if (
        cached !== undefined &&
        !parked.has(entityId) &&
        (version === null || versionOf(cached) === version)
      ) {
        histories.set(entityId, cached);
        if (this.#long.isLong(cached)) this.#longIds.add(entityId);
      } else if (version !== null && version > this.#long.longEvents) {
        this.#longIds.add(entityId);
      } else unknown.push(entityId);
    }
    this.#wereRead = new Set(unknown);
    this.#isGuessed = versions === null && unknown.length > 0 && this.#newcomers.areAssumed;
    if (unknown.length === 0 || this.#isGuessed) return histories;
    const journals = await readJournals(unknown, this.#long.longEvents);
    if (versions === null) this.#newcomers.looked(unknown.length, journals.size);
    for (const [entityId, journal] of journals) {
      if (journal.length > this.#long.longEvents) {
        this.#longIds.add(entityId);
        continue;
      }
      const why = parked.has(entityId) ? ALREADY_PARKED : journalFault(journal, versions?.get(entityId));
      if (why !== null) {
        this.#unfoldable.set(entityId, { ...why, journal });
        continue;
      }
      const restored = restoreAll(decoder, journal);
      if ('reason' in restored) this.#unfoldable.set(entityId, { ...restored, journal });
      else {
        try {
          histories.set(entityId, historyOf(domain, restored.events));
        } catch (error) {
          this.#unfoldable.set(entityId, { ...foldFault(domain, error, restored.events), journal });
        }
      }
    }
    return histories;
  }

  #change(
    entityId: string,
    before: History<State, Event>,
    after: History<State, Event>,
    accepted: readonly DecodedEvent<Event>[],
  ): EntityChange {
    const { domain, due } = this.#context;
    const { view } = domain;
    const row = view.row(after.state);
    const fault = rowFault(view, row);
    if (fault !== null) throw new RowFault(fault);
    const isNew = versionOf(before) === 0;
    const hasChanged = isNew || !isSameRow(view.row(before.state), row);
    return {
      entityId,
      fromVersion: versionOf(before),
      version: versionOf(after),
      row,
      events: accepted,
      delivery: hasChanged ? due.changed(row, view.isReady(after.state)) : UNCHANGED,
    };
  }
}

const NONE_LONG = new Map<string, never>();
const ALREADY_PARKED: Unfoldable = { reason: 'fold_failed', detail: 'It was parked before.' };

/** Without the bodies and all else that only the journal needs: the cache holds as many events as it can. */
function compact<State, Event>(history: History<State, Event>): History<State, Event> {
  const events = history.events.map((event) => ('data' in event ? sequencedOnly(event) : event));
  const { state, earlier } = history;
  return earlier === undefined ? { events, state } : { events, state, earlier };
}
