import type { Domain, ViewRow } from '../../core/domain.ts';
import { emptyHistory, type History, historyOf, merge } from '../../core/fold.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { EntityChange, JournaledEvent } from '../../ports/store.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';
import type { HistoryCache } from './history-cache.ts';

/** What became of the events of one batch. */
export interface BatchTally {
  readonly journaled: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly conflicts: number;
}

/**
 * Works out what a batch of events changes: which of them are new, what each entity's state becomes, and what
 * is due to the targets. Asked again on every attempt; nothing of an attempt that failed is kept.
 */
export class BatchPlan<State, Event> {
  /** In the sequence of their UTF-8 bytes. */
  readonly entityIds: readonly string[];
  readonly #eventsById = new Map<string, DecodedEvent<Event>[]>();
  readonly #domain: Domain<State, Event>;
  readonly #decoder: Decoder<Event>;
  readonly #cache: HistoryCache<State, Event>;
  #histories: readonly (readonly [string, History<State, Event>])[] = [];
  #tally: BatchTally = { journaled: 0, duplicates: 0, outOfOrder: 0, conflicts: 0 };

  constructor(
    domain: Domain<State, Event>,
    decoder: Decoder<Event>,
    cache: HistoryCache<State, Event>,
    events: Iterable<DecodedEvent<Event>>,
  ) {
    this.#domain = domain;
    this.#decoder = decoder;
    this.#cache = cache;
    for (const event of events) {
      const same = this.#eventsById.get(event.entityId);
      if (same === undefined) this.#eventsById.set(event.entityId, [event]);
      else same.push(event);
    }
    this.entityIds = [...this.#eventsById.keys()].sort(compareUtf8);
  }

  /** For IngestBatch.plan. `versions` are those of locked entities, or null if the cache has to be trusted. */
  async plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: (entityIds: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
  ): Promise<EntityChange[]> {
    const unknown = this.entityIds.filter((id) => this.#needsReading(id, versions));
    const journals = unknown.length === 0 ? new Map<string, JournaledEvent[]>() : await readJournals(unknown);

    const changes: EntityChange[] = [];
    const histories: [string, History<State, Event>][] = [];
    let duplicates = 0;
    let outOfOrder = 0;
    let conflicts = 0;
    let journaled = 0;
    const read = new Set(unknown);
    for (const entityId of this.entityIds) {
      const before = this.#historyBefore(entityId, read.has(entityId), journals, versions);
      const incoming = this.#eventsById.get(entityId) ?? [];
      const merged = merge(this.#domain, before, incoming);
      duplicates += merged.duplicates;
      outOfOrder += merged.outOfOrder;
      conflicts += merged.conflicts;
      journaled += merged.accepted.length;
      histories.push([entityId, merged.history]);
      if (merged.accepted.length > 0)
        changes.push(this.#change(entityId, before, merged.history, merged.accepted));
    }
    this.#histories = histories;
    this.#tally = { journaled, duplicates, outOfOrder, conflicts };
    return changes;
  }

  /** To be called once the plan stands in the store: the next batch starts from here. */
  remember(): BatchTally {
    for (const [entityId, history] of this.#histories) this.#cache.set(entityId, history);
    return this.#tally;
  }

  #needsReading(entityId: string, versions: ReadonlyMap<string, number> | null): boolean {
    const cached = this.#cache.get(entityId);
    if (versions === null) return cached === undefined;
    const version = versions.get(entityId) ?? 0;
    return version !== 0 && cached?.events.length !== version;
  }

  #historyBefore(
    entityId: string,
    wasRead: boolean,
    journals: ReadonlyMap<string, JournaledEvent[]>,
    versions: ReadonlyMap<string, number> | null,
  ): History<State, Event> {
    if (wasRead) {
      const journal = journals.get(entityId);
      if (journal === undefined) return emptyHistory(this.#domain);
      return historyOf(
        this.#domain,
        journal.map((event) => this.#decoder.restore(event)),
      );
    }
    const cached = this.#cache.get(entityId);
    if (cached === undefined || versions?.get(entityId) === 0) return emptyHistory(this.#domain);
    return cached;
  }

  #change(
    entityId: string,
    before: History<State, Event>,
    after: History<State, Event>,
    accepted: readonly DecodedEvent<Event>[],
  ): EntityChange {
    const { view } = this.#domain;
    const row = view.row(after.state);
    const isNew = before.events.length === 0;
    const hasChanged = isNew || !isSameRow(view.row(before.state), row);
    return {
      entityId,
      fromVersion: before.events.length,
      version: after.events.length,
      row,
      events: accepted,
      delivery: !hasChanged ? 'none' : view.isReady(after.state) ? 'due' : 'due_if_sent',
    };
  }
}

function isSameRow(left: ViewRow, right: ViewRow): boolean {
  return left.every((value, index) => value === right[index]);
}
