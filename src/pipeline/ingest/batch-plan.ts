import { DefectError } from '../../core/errors.ts';
import {
  emptyHistory,
  type History,
  type Merged,
  merge,
  type Sequenced,
  versionOf,
} from '../../core/fold.ts';
import { keyOf } from '../../core/long-history.ts';
import type { SequenceKey } from '../../core/sequence.ts';
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
import { PlannedEntity } from './planned-entity.ts';
import { readHistories } from './read-histories.ts';
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
  /** In the same sequence. */
  readonly #entities: readonly PlannedEntity<State, Event>[];
  readonly #context: PlanContext<State, Event>;
  readonly #newcomers: Newcomers;
  readonly #long: LongHistories<State, Event>;
  readonly #nowMs: number;
  readonly #empty: History<State, Event>;
  #isGuessed = false;
  #isStoreBehind = false;
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
    const byId = new Map<string, PlannedEntity<State, Event>>();
    for (const event of events) {
      const entity = byId.get(event.entityId);
      if (entity === undefined) byId.set(event.entityId, new PlannedEntity(event));
      else entity.add(event);
    }
    this.#entities = [...byId.values()].sort((left, right) => compareUtf8(left.entityId, right.entityId));
    this.entityIds = this.#entities.map(({ entityId }) => entityId);
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
    const read = await readHistories(
      this.#context,
      { entities: this.#entities, long: this.#long, newcomers: this.#newcomers },
      versions,
      readJournals,
    );
    this.#isGuessed = read.isGuessed;
    this.#isStoreBehind ||= read.isStoreBehind;
    const longOnes = this.#entities.filter(({ isLong }) => isLong);
    const long = longOnes.length === 0 ? null : await this.#planLong(longOnes, versions, readJournals);
    const changes: EntityChange[] = [];
    const unchanged: PlannedEntity<State, Event>[] = [];
    let duplicates = 0;
    let outOfOrder = 0;
    let conflicts = 0;
    let journaled = 0;
    for (const entity of this.#entities) {
      let merged: Merged<unknown, unknown, DecodedEvent<Event>>;
      const longPlan = long === null ? undefined : long.get(entity.entityId);
      if (longPlan !== undefined) {
        merged = this.#takeLong(entity, longPlan, changes);
      } else if (entity.unfoldable !== null) {
        merged = this.#park(entity, entity.unfoldable.journal, entity.unfoldable, versions, changes);
      } else {
        const before = entity.before ?? this.#empty;
        try {
          const folded = merge(this.#context.domain, before, entity.incoming);
          if (folded.accepted.length > 0)
            changes.push(this.#change(entity.entityId, before, folded.history, folded.accepted));
          else if (versions === null && !entity.wasRead) unchanged.push(entity);
          entity.after = folded.history;
          merged = folded;
        } catch (error) {
          const why = foldFault(this.#context.domain, error, [...before.events, ...entity.incoming]);
          merged = this.#park(entity, before.events, why, versions, changes);
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
    this.#tally = { journaled, duplicates, outOfOrder, conflicts };
    return changes;
  }

  /** Puts the histories into the cache. Called once the plan is committed. */
  remember(): BatchTally {
    const { cache, parked } = this.#context;
    const longIds: string[] = [];
    for (const { entityId, after, isLong, cacheTurn } of this.#entities) {
      if (after !== null) cache.set(entityId, after, cacheTurn);
      if (isLong) longIds.push(entityId);
    }
    this.#long.committed(longIds);
    parked.add(this.#parked.map(({ entityId }) => entityId));
    return this.#tally;
  }

  /**
   * Whether the store has all events of these entities. The cache says that it has, but the commit compares no versions
   * of entities without changes, so a store that went back in time would lose their events unnoticed.
   */
  async #areJournaled(
    entities: readonly PlannedEntity<State, Event>[],
    readJournals: (entityIds: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
  ): Promise<boolean> {
    const journals = await readJournals(entities.map(({ entityId }) => entityId));
    return entities.every(({ entityId, incoming }) => {
      const events = (journals.get(entityId) ?? []).map(withoutEvent);
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
    { entityId, incoming }: PlannedEntity<State, Event>,
    known: readonly SequenceKey[],
    why: Unfoldable,
    versions: ReadonlyMap<string, number> | null,
    changes: EntityChange[],
  ): Merged<unknown, unknown, DecodedEvent<Event>> {
    const events = known.map(withoutEvent);
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
    entities: readonly PlannedEntity<State, Event>[],
    versions: ReadonlyMap<string, number> | null,
    readJournals: ReadJournals,
  ): Promise<ReadonlyMap<string, LongPlan<State, Event>>> {
    const requests = entities.map(
      ({ entityId, before, incoming }): LongRequest<State, Event> => ({
        entityId,
        before,
        incoming,
        version: versions?.get(entityId) ?? null,
        isParked: this.#context.parked.has(entityId),
      }),
    );
    // The store ends a transaction that sends no statement for 8 s, and planning long entities sends none in it. So a
    // short read now and then keeps it alive.
    const first = entities.slice(0, 1).map(({ entityId }) => entityId);
    const keepAlive = async () => versions === null || readJournals(first, 0);
    const planned = await this.#long.plan(requests, keepAlive);
    if (planned.kind === 'planned') return planned.plans;
    this.#unprepared = planned.entities;
    throw new DefectError('A batch has events of long entities that are not prepared.');
  }

  /** Adds the change of a long entity. */
  #takeLong(
    entity: PlannedEntity<State, Event>,
    { unfoldable, version, before, merged, change: long }: LongPlan<State, Event>,
    changes: EntityChange[],
  ): Merged<unknown, unknown, DecodedEvent<Event>> {
    const { entityId } = entity;
    let why = unfoldable;
    if (before !== null) {
      try {
        const history = merged.history as History<State, Event>;
        if (merged.accepted.length > 0)
          changes.push({ ...this.#change(entityId, before, history, merged.accepted), long });
        entity.after = history;
        return merged;
      } catch (error) {
        why = foldFault(this.#context.domain, error, []);
      }
    }
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

function withoutEvent(key: SequenceKey): Sequenced<null> {
  return { ...keyOf(key), event: null };
}
