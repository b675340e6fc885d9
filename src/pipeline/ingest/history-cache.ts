import { type History, type Sequenced, versionOf } from '../../core/fold.ts';
import { hashCharacters, KeyPack, PackedKey } from '../../core/key-pack.ts';

/** The most of one generation. */
interface Limits {
  readonly events: number;
  readonly bytes: number;
}

/** About what an entity takes in the map, with its state and its list of events. */
const ENTITY_BYTES = 256;
/** About what an event takes besides the bytes of its key. */
const EVENT_BYTES = 96;
const PACK_KEYS = 1_024;
const PACK_BYTES = PACK_KEYS * (64 + 32);

/**
 * The histories of the entities that were used last, so that most batches read nothing from the store. An entry is
 * right while the entity has the version that it had then. Every commit compares this version, so an outdated entry
 * costs a second attempt and never leads to a wrong row.
 *
 * The events and the bytes are limited, over all entities; of a long entity only the last events are held. The cache has
 * two generations instead of a list of uses. When the young one holds half of a limit it becomes the old one, and the
 * former old one is dropped as a whole; an entry that is used moves to the young one. So entries in use stay, and dropping
 * costs nothing. An event is kept as it was decoded, in the pack of its piece, whose bodies are gone after the commit. An
 * entry that moves to the young generation gets its keys copied into a pack of that generation, so that no entry keeps the
 * packs of a generation that is gone.
 */
export class HistoryCache<State, Event> {
  readonly #limits: Limits;
  #young = new Generation<State, Event>();
  #old = new Generation<State, Event>();
  #generation = 0;
  #turn = 0;

  /** `maxBytes` is meant roughly. What the domain keeps in its states and events is not counted. */
  constructor(maxEvents: number, maxBytes = Number.POSITIVE_INFINITY) {
    this.#limits = { events: maxEvents / 2, bytes: maxBytes / 2 };
  }

  get(entityId: string): History<State, Event> | undefined {
    const young = this.#young.histories.get(entityId);
    if (young !== undefined) return young;
    const old = this.#old.histories.get(entityId);
    return old === undefined ? undefined : this.#put(entityId, old, undefined);
  }

  /** Changes whenever entries move to the old generation. */
  get turn(): number {
    return this.#turn;
  }

  /**
   * Keeps the present history if it has a higher version, as when a lane's answer comes late. `turn` is that of the last
   * `get` of the entity: as long as it has not changed, the old generation need not be looked through again.
   */
  set(entityId: string, history: History<State, Event>, turn?: number): void {
    const young = this.#young.histories.get(entityId);
    const present = young ?? (turn === this.#turn ? undefined : this.#old.histories.get(entityId));
    if (present !== undefined && versionOf(present) > versionOf(history)) return;
    this.#put(entityId, history, young);
  }

  /** Drops everything if the store's generation has changed. */
  believe(generation: number): void {
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.clear();
  }

  /** Drops everything, because the store may have gone back in time. */
  clear(): void {
    this.#turn++;
    this.#young = new Generation();
    this.#old = new Generation();
  }

  /** The number of held events. An entity in both generations counts twice. */
  get events(): number {
    return this.#young.events + this.#old.events;
  }

  /** About the bytes that they take. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  /** `young`: the entity's history in the young generation, which the new one replaces. */
  #put(
    entityId: string,
    history: History<State, Event>,
    young: History<State, Event> | undefined,
  ): History<State, Event> {
    const { length } = history.events;
    const replaced = young?.events.length ?? 0;
    if (!this.#young.hasRoom(this.#limits, length - replaced, young === undefined ? 1 : 0)) {
      // A history that is longer than a generation would push out all others, so it is not kept.
      if (length > this.#limits.events || bytesOf(length, 1) > this.#limits.bytes) {
        this.#young.remove(entityId);
        this.#old.remove(entityId);
        return history;
      }
      this.#turn++;
      this.#old = this.#young;
      this.#young = new Generation();
      this.#old.remove(entityId);
      return this.#young.put(entityId, history, undefined);
    }
    return this.#young.put(entityId, history, young);
  }
}

class Generation<State, Event> {
  readonly histories = new Map<string, History<State, Event>>();
  events = 0;
  #pack: KeyPack | null = null;

  get bytes(): number {
    return bytesOf(this.events, this.histories.size);
  }

  hasRoom(limits: Limits, moreEvents: number, moreEntities: number): boolean {
    const events = this.events + moreEvents;
    return events <= limits.events && bytesOf(events, this.histories.size + moreEntities) <= limits.bytes;
  }

  put(
    entityId: string,
    history: History<State, Event>,
    replaced: History<State, Event> | undefined,
  ): History<State, Event> {
    const events = this.#packed(history.events);
    const kept = events === history.events ? history : { ...history, events };
    this.histories.set(entityId, kept);
    this.events += events.length - (replaced?.events.length ?? 0);
    return kept;
  }

  remove(entityId: string): void {
    this.events -= this.histories.get(entityId)?.events.length ?? 0;
    this.histories.delete(entityId);
  }

  /** The events, each with its key in a pack that this generation holds. */
  #packed(events: readonly Sequenced<Event>[]): readonly Sequenced<Event>[] {
    let first = 0;
    while (first < events.length && this.#owns(events[first] as Sequenced<Event>)) first++;
    if (first === events.length) return events;
    const packed = events.slice(0, first);
    for (let index = first; index < events.length; index++) {
      const event = events[index] as Sequenced<Event>;
      packed.push(this.#owns(event) ? event : this.#copy(event));
    }
    return packed;
  }

  /** Whether this generation holds the event's pack. It takes a pack that nobody holds yet. */
  #owns(event: Sequenced<Event>): boolean {
    if (!(event instanceof PackedKey)) return false;
    event.pack.holder ??= this;
    return event.pack.holder === this;
  }

  #copy(event: Sequenced<Event>): PackedKey<Event> {
    if (this.#pack === null || this.#pack.count === PACK_KEYS) this.#pack = this.#newPack();
    const pack = this.#pack;
    if (event instanceof PackedKey)
      return new PackedKey(pack, pack.addCopy(event.pack, event.index), event.event);
    const { position, occurredAtMs, cautionRank, eventId, contentHash } = event;
    const index = pack.addKey(position, occurredAtMs, cautionRank, eventId, hashCharacters(contentHash));
    return new PackedKey(pack, index, event.event);
  }

  #newPack(): KeyPack {
    const pack = new KeyPack(PACK_KEYS, PACK_BYTES);
    pack.holder = this;
    return pack;
  }
}

function bytesOf(events: number, entities: number): number {
  return events * (EVENT_BYTES + PACK_BYTES / PACK_KEYS) + entities * ENTITY_BYTES;
}
