import { compareSequence } from '../../core/sequence.ts';
import { traceContextOf } from '../../core/trace-context.ts';
import type { ArrivedEvent, JournaledEvent } from '../../ports/journal.ts';
import { SortedIds } from './sorted-ids.ts';

/** The events of one entity. They are never changed. */
export class EntityJournal {
  /** In the sequence in which they were journaled. */
  events: JournaledEvent[];
  /** The version that the entity had with each of `events`. */
  versions: number[];
  #sorted: JournaledEvent[] | null;
  /** Whether a copy has the same lists, so that a change has to copy them first. */
  #isShared = false;

  constructor(events: JournaledEvent[] = [], versions: number[] = [], sorted: JournaledEvent[] | null = []) {
    this.events = events;
    this.versions = versions;
    this.#sorted = sorted;
  }

  get lastVersion(): number {
    return this.versions[this.versions.length - 1] ?? 0;
  }

  /** Adds an event at the version behind the last one. */
  add(event: JournaledEvent, version: number): void {
    const kept = copyOf(event);
    if (this.#isShared) {
      this.events = [...this.events];
      this.versions = [...this.versions];
      this.#sorted = this.#sorted && [...this.#sorted];
      this.#isShared = false;
    }
    this.events.push(kept);
    this.versions.push(version);
    const sorted = this.#sorted;
    if (sorted === null) return;
    const last = sorted[sorted.length - 1];
    if (last === undefined || compareSequence(last, kept) < 0) sorted.push(kept);
    else this.#sorted = null;
  }

  /** All events in canonical sequence. The caller must not change the list. */
  get sorted(): readonly JournaledEvent[] {
    this.#sorted ??= [...this.events].sort(compareSequence);
    return this.#sorted;
  }

  /** The events with the versions 1 to `through`, in canonical sequence. */
  beginning(through: number): JournaledEvent[] {
    if (this.lastVersion <= through) return [...this.sorted];
    return this.events.slice(0, this.indexBehind(through)).sort(compareSequence);
  }

  /** The index of the first event behind this version. */
  indexBehind(version: number): number {
    let low = 0;
    let high = this.versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.versions[middle] as number) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  arrived(index: number): ArrivedEvent {
    return { ...(this.events[index] as JournaledEvent), version: this.versions[index] as number };
  }

  clone(): EntityJournal {
    const copy = new EntityJournal(this.events, this.versions, this.#sorted);
    copy.#isShared = true;
    this.#isShared = true;
    return copy;
  }
}

/** The journal of all entities. */
export class JournalTable {
  readonly entities: Map<string, EntityJournal>;
  readonly ids: SortedIds;
  count: number;

  constructor(entities = new Map<string, EntityJournal>(), ids = new SortedIds(), count = 0) {
    this.entities = entities;
    this.ids = ids;
    this.count = count;
  }

  get(entityId: string): EntityJournal | undefined {
    return this.entities.get(entityId);
  }

  lastVersion(entityId: string): number {
    return this.entities.get(entityId)?.lastVersion ?? 0;
  }

  add(entityId: string, fromVersion: number, events: readonly JournaledEvent[]): void {
    if (events.length === 0) return;
    let entity = this.entities.get(entityId);
    if (entity === undefined) {
      entity = new EntityJournal();
      this.entities.set(entityId, entity);
      this.ids.add(entityId);
    }
    for (let index = 0; index < events.length; index++)
      entity.add(events[index] as JournaledEvent, fromVersion + 1 + index);
    this.count += events.length;
  }

  clone(): JournalTable {
    const entities = new Map<string, EntityJournal>();
    for (const [id, entity] of this.entities) entities.set(id, entity.clone());
    return new JournalTable(entities, this.ids.clone(), this.count);
  }
}

/** Keeps the columns of the journal alone, so that nobody gets more from a reread than a real store gives. */
function copyOf(event: JournaledEvent): JournaledEvent {
  const { entityId, position, occurredAtMs, cautionRank, eventId, contentHash, eventType } = event;
  const { revision, observedAtMs, topic, partition, offset, data } = event;
  const identity = { entityId, position, occurredAtMs, cautionRank, eventId, contentHash, eventType };
  const kept = { ...identity, revision, observedAtMs, topic, partition, offset, data };
  if (event.trace === undefined) return kept;
  const trace = traceContextOf(event.trace.traceParent, event.trace.traceState);
  return trace === null ? kept : { ...kept, trace };
}
