import { DefectError } from '../../core/errors.ts';
import {
  emptyHistory,
  type History,
  type Merged,
  merge,
  type Sequenced,
  sequencedOnly,
  versionOf,
} from '../../core/fold.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { EntityChange } from '../../ports/commit.ts';
import type { JournaledEvent, ReadJournals } from '../../ports/journal.ts';
import type { LongChange } from '../../ports/long-journals.ts';
import type { DecodedEvent } from '../decode/decoder.ts';
import { isSameRow, UNCHANGED } from './due.ts';
import type { LongHistories, LongPlan, LongRequest, Unprepared } from './long-histories.ts';
import type { Newcomers } from './newcomers.ts';
import type { BatchTally } from './options.ts';
import type { PlanContext } from './plan-context.ts';
import { readHistories, type UnfoldableJournal } from './read-histories.ts';
import { foldFault, RowFault, rowFault, type Unfoldable } from './unfoldable.ts';

/**
 * A fold that does nothing, for entities that cannot be folded: their new events are told from known ones by identity.
 */
const IDENTITIES_ONLY = { initialState: null, evolve: () => null };

/** An entity that this plan parks. */
export interface NewlyParked extends Unfoldable {
  readonly entityId: string;
}

/**
 * Works out what a batch of events changes: which events are new, what becomes of each entity's state, and what is due
 * to the targets. It is asked on every attempt, and keeps nothing of an attempt that failed.
 *
 * An entity that cannot be folded is parked: its events are journaled, its row keeps its columns, nothing of it becomes
 * due, and the other entities of the batch go on.
 */
export class BatchPlan<State, Event> {
  /** The ids of the entities of the batch, sorted by their UTF-8 bytes. */
  readonly entityIds: readonly string[];
  readonly #eventsById = new Map<string, DecodedEvent<Event>[]>();
  readonly #context: PlanContext<State, Event>;
  readonly #newcomers: Newcomers;
  readonly #long: LongHistories<State, Event>;
  readonly #nowMs: number;
  readonly #empty: History<State, Event>;
  #isGuessed = false;
  #isStoreBehind = false;
  #histories: ReadonlyMap<string, History<State, Event>> = new Map();
  /** The entities whose journals were read and cannot be folded. */
  #unfoldable: ReadonlyMap<string, UnfoldableJournal> = new Map();
  /** The entities whose journals are too long to be read whole. */
  #longIds: ReadonlySet<string> = new Set();
  #unprepared: readonly Unprepared[] = [];
  #parked: NewlyParked[] = [];
  #tally: BatchTally = { journaled: 0, duplicates: 0, outOfOrder: 0, conflicts: 0 };

  /** `nowMs` is when the entities count as parked that this plan parks. */
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

  /** Whether the plan takes entities for new without having looked them up. */
  get isGuessed(): boolean {
    return this.#isGuessed;
  }

  /** Whether the journal of a locked entity is shorter than the cache knew it, so that the store went back in time. */
  get isStoreBehind(): boolean {
    return this.#isStoreBehind;
  }

  /**
   * The long entities that have to be prepared before the batch can be planned. If there are any, `plan` has thrown.
   */
  get unprepared(): readonly Unprepared[] {
    return this.#unprepared;
  }

  /** The entities that this plan parks and that were not known to be parked. */
  get newlyParked(): readonly NewlyParked[] {
    return this.#parked;
  }

  /** The counts of the plan that was made last. */
  get tally(): BatchTally {
    return this.#tally;
  }

  /**
   * Works out the changes, as `IngestBatch.plan`. `versions` are those of the locked entities; null means that the
   * cache has to be trusted.
   */
  async plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<EntityChange[]> {
    this.#parked = [];
    const known = await readHistories(
      this.#context,
      { entityIds: this.entityIds, long: this.#long, newcomers: this.#newcomers },
      versions,
      readJournals,
    );
    const { histories, wereRead } = known;
    this.#unfoldable = known.unfoldable;
    this.#longIds = known.longIds;
    this.#isGuessed = known.isGuessed;
    this.#isStoreBehind ||= known.isStoreBehind;
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
          else if (versions === null && !wereRead.has(entityId)) unchanged.push(entityId);
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

  /** Puts the histories into the cache. Called once the plan is committed. */
  remember(): BatchTally {
    const { cache, parked } = this.#context;
    // Unlike a loop over the entries, forEach makes no array for each of them.
    this.#histories.forEach((history, entityId) => {
      cache.set(entityId, compact(history));
    });
    this.#long.committed(this.#longIds);
    parked.add(this.#parked.map(({ entityId }) => entityId));
    return this.#tally;
  }

  /**
   * Whether the store has all events of these entities. The cache says that it has, but the commit compares no versions
   * of entities without changes, so a store that went back in time would lose their events unnoticed.
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

  /** Finds the entity's new events by identity, and adds a change that journals them without a row. */
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
    // If the journal lacks versions in the middle, it has fewer events than its last version says.
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

  /** Works out the changes of the long entities. Throws if one of them has to be prepared first. */
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
    // The store ends a transaction that sends no statement for 8 s, and planning long entities sends none in it. So a
    // short read now and then keeps it alive.
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
    const fromVersion = versionOf(before);
    const version = versionOf(after);
    // The rows wait for a rebuild. A row of this fold among those of another one would be due for a wrong reason.
    if (this.#context.view?.writesRows === false)
      return { entityId, fromVersion, version, row: null, events: accepted, delivery: UNCHANGED };
    const hasChanged = fromVersion === 0 || !isSameRow(view.row(before.state), row);
    return {
      entityId,
      fromVersion,
      version,
      row,
      events: accepted,
      delivery: hasChanged ? due.changed(row, view.isReady(after.state)) : UNCHANGED,
    };
  }
}

const NONE_LONG = new Map<string, never>();

/** Drops the bodies and other fields that only the journal needs, so that the cache holds as many events as it can. */
function compact<State, Event>(history: History<State, Event>): History<State, Event> {
  const events = history.events.map((event) => ('data' in event ? sequencedOnly(event) : event));
  const { state, earlier } = history;
  return earlier === undefined ? { events, state } : { events, state, earlier };
}
