import type { Domain, ViewRow } from '../../core/domain.ts';
import { emptyHistory, type History, historyOf, merge, type Sequenced } from '../../core/fold.ts';
import { compareUtf8 } from '../../core/text.ts';
import type { DeliveryChange, EntityChange, JournaledEvent } from '../../ports/store.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';
import type { HistoryCache } from './history-cache.ts';
import type { Newcomers } from './newcomers.ts';
import type { BatchTally, DueTarget } from './options.ts';

const UNCHANGED: DeliveryChange = { hasChanged: false, qualifiesFor: [] };
const NOT_READY: DeliveryChange = { hasChanged: true, qualifiesFor: [] };

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
  readonly #newcomers: Newcomers;
  readonly #targets: readonly DueTarget[];
  readonly #qualifiesForAll: DeliveryChange;
  readonly #empty: History<State, Event>;
  #isGuessed = false;
  #histories: ReadonlyMap<string, History<State, Event>> = new Map();
  #tally: BatchTally = { journaled: 0, duplicates: 0, outOfOrder: 0, conflicts: 0 };

  constructor(
    domain: Domain<State, Event>,
    decoder: Decoder<Event>,
    cache: HistoryCache<State, Event>,
    newcomers: Newcomers,
    targets: readonly DueTarget[],
    events: Iterable<DecodedEvent<Event>>,
  ) {
    this.#domain = domain;
    this.#decoder = decoder;
    this.#cache = cache;
    this.#newcomers = newcomers;
    this.#targets = targets;
    this.#qualifiesForAll = { hasChanged: true, qualifiesFor: targets.map(({ name }) => name) };
    this.#empty = emptyHistory(domain);
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

  /** For IngestBatch.plan. `versions` are those of locked entities, or null if the cache has to be trusted. */
  async plan(
    versions: ReadonlyMap<string, number> | null,
    readJournals: (entityIds: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
  ): Promise<EntityChange[]> {
    const histories = await this.#readHistories(versions, readJournals);
    const changes: EntityChange[] = [];
    let duplicates = 0;
    let outOfOrder = 0;
    let conflicts = 0;
    let journaled = 0;
    for (const entityId of this.entityIds) {
      const before = histories.get(entityId) ?? this.#empty;
      const incoming = this.#eventsById.get(entityId) ?? [];
      const merged = merge(this.#domain, before, incoming);
      duplicates += merged.duplicates;
      outOfOrder += merged.outOfOrder;
      conflicts += merged.conflicts;
      journaled += merged.accepted.length;
      histories.set(entityId, merged.history);
      if (merged.accepted.length > 0)
        changes.push(this.#change(entityId, before, merged.history, merged.accepted));
    }
    this.#histories = histories;
    this.#tally = { journaled, duplicates, outOfOrder, conflicts };
    return changes;
  }

  /** To be called once the plan stands in the store: the next batch starts from here. */
  remember(): BatchTally {
    for (const [entityId, history] of this.#histories) this.#cache.set(entityId, compact(history));
    return this.#tally;
  }

  /** What is known of each entity before the batch; an entity without a journal is left out. */
  async #readHistories(
    versions: ReadonlyMap<string, number> | null,
    readJournals: (entityIds: readonly string[]) => Promise<Map<string, JournaledEvent[]>>,
  ): Promise<Map<string, History<State, Event>>> {
    // Taken out of the cache before anything is awaited: other lanes change it meanwhile.
    const histories = new Map<string, History<State, Event>>();
    const unknown: string[] = [];
    for (const entityId of this.entityIds) {
      const version = versions === null ? null : (versions.get(entityId) ?? 0);
      if (version === 0) continue;
      const cached = this.#cache.get(entityId);
      if (cached !== undefined && (version === null || cached.events.length === version)) {
        histories.set(entityId, cached);
      } else unknown.push(entityId);
    }
    this.#isGuessed = versions === null && unknown.length > 0 && this.#newcomers.areAssumed;
    if (unknown.length === 0 || this.#isGuessed) return histories;
    const journals = await readJournals(unknown);
    if (versions === null) this.#newcomers.looked(unknown.length, journals.size);
    for (const [entityId, journal] of journals) {
      const events = journal.map((event) => this.#decoder.restore(event));
      histories.set(entityId, historyOf(this.#domain, events));
    }
    return histories;
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
      delivery: !hasChanged ? UNCHANGED : view.isReady(after.state) ? this.#readyFor(row) : NOT_READY,
    };
  }

  #readyFor(row: ViewRow): DeliveryChange {
    if (this.#targets.every(({ qualifies }) => qualifies === null)) return this.#qualifiesForAll;
    const wanting = this.#targets.filter(({ qualifies }) => qualifies === null || qualifies(row));
    return { hasChanged: true, qualifiesFor: wanting.map(({ name }) => name) };
  }
}

function isSameRow(left: ViewRow, right: ViewRow): boolean {
  return left.every((value, index) => value === right[index]);
}

/** Without the bodies and all else that only the journal needs: the cache holds as many events as it can. */
function compact<State, Event>(history: History<State, Event>): History<State, Event> {
  const events = history.events.map((event) => ('data' in event ? sequencedOnly(event) : event));
  return { events, state: history.state };
}

function sequencedOnly<Event>(event: Sequenced<Event>): Sequenced<Event> {
  const { position, occurredAtMs, cautionRank, eventId, contentHash } = event;
  return { position, occurredAtMs, cautionRank, eventId, contentHash, event: event.event };
}
