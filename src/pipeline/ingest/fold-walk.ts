import type { Domain } from '../../core/domain.ts';
import type { Earlier } from '../../core/fold.ts';
import { evolveAt, keyOf } from '../../core/long-history.ts';
import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import type { LongJournals, StoredRung } from '../../ports/long-journals.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';
import type { StateCodec } from './state-codec.ts';
import { restoreAll, UnfoldableError } from './unfoldable.ts';

/** The events that are read at once. */
const PAGE_EVENTS = 512;
const KEEP_ALIVE_PAGES = 32;
/** The rungs that are read at once. */
const RUNGS_PAGE = 8;
/** After this many unreadable rungs in a row, the fold begins with the first event. */
const BAD_RUNGS_MAX = 8;
/** The most bytes of new rungs that are held. Rungs behind them are removed from the store. */
const RUNG_BYTES_MAX = 16 * 1024 * 1024;

export interface FoldWalkParts<State, Event> {
  readonly domain: Domain<State, Event>;
  readonly decoder: Decoder<Event>;
  readonly codec: StateCodec<State>;
  readonly journals: LongJournals;
  readonly intervalEvents: number;
}

/** A place in an entity's journal, and the fold up to it. */
export interface FoldPlace<State> {
  /** The key of the last event in the fold; null before the first event. */
  readonly last: SequenceKey | null;
  readonly state: State;
}

/** What late events change. */
export interface LateFold<State> {
  readonly earlier: Earlier<State>;
  /** Whether the fold came to the same state as before. */
  readonly isSame: boolean;
  readonly rungs: readonly StoredRung[];
  /** The rungs at or behind this key are wrong now; null if all others are right. */
  readonly dropFrom: SequenceKey | null;
}

/** Folds parts of a long entity's journal, page by page, starting at one rung of its ladder. */
export class FoldWalk<State, Event> {
  readonly #parts: FoldWalkParts<State, Event>;

  constructor(parts: FoldWalkParts<State, Event>) {
    this.#parts = parts;
  }

  /** The nearest readable rung before `before`, or the last readable one if `before` is null. */
  async placeBefore(entityId: string, before: SequenceKey | null): Promise<FoldPlace<State>> {
    const { journals, codec, domain } = this.#parts;
    let limit = before;
    for (let bad = 0; bad < BAD_RUNGS_MAX; bad++) {
      const rung = await journals.rungBefore(entityId, limit);
      if (rung === null) break;
      const decoded = codec.decode(entityId, rung.last, rung.state);
      if (decoded !== null) return { last: rung.last, state: decoded.state };
      limit = rung.last;
    }
    return { last: null, state: domain.initialState };
  }

  /** Reads the events of the range in pages. Throws UnfoldableError if the domain does not understand one. */
  async *pages(
    entityId: string,
    after: SequenceKey | null,
    through: SequenceKey | null,
    limit: number = PAGE_EVENTS,
  ): AsyncGenerator<DecodedEvent<Event>[]> {
    const { journals, decoder } = this.#parts;
    for (let last = after; ; ) {
      const page = await journals.readRange({ entityId, after: last, through, limit });
      const restored = restoreAll(decoder, page.events);
      if ('reason' in restored) throw new UnfoldableError(restored);
      if (restored.events.length > 0) yield restored.events;
      if (page.isEnd) return;
      last = page.events.at(-1) ?? last;
    }
  }

  /**
   * Folds late events into the events before `earlier.last`. The late events are sorted, and all of them stand before
   * it. The fold starts at the nearest rung and ends at the first rung that has the same state as the fold: behind that
   * rung nothing changes. Calls `keepAlive` after every 32 pages, so that a waiting transaction is not idle for long.
   */
  async insertLate(
    entityId: string,
    earlier: Earlier<State>,
    late: readonly DecodedEvent<Event>[],
    keepAlive: () => Promise<unknown>,
  ): Promise<LateFold<State>> {
    const rungs = new RungCollector<State>(entityId, this.#parts.codec);
    let next = 0;
    let state = earlier.state;
    let isSame = true;
    while (next < late.length) {
      const walked = await this.#walkFrom(entityId, earlier, late, next, rungs, keepAlive);
      next = walked.next;
      if (walked.state !== null) {
        state = walked.state.value;
        isSame = false;
      }
    }
    return {
      earlier: { count: earlier.count + late.length, last: earlier.last, state },
      isSame,
      rungs: rungs.collected,
      dropFrom: rungs.dropFrom,
    };
  }

  /** Folds until a rung has the same state, or to the end. Gives the new state only if it came to the end. */
  async #walkFrom(
    entityId: string,
    earlier: Earlier<State>,
    late: readonly DecodedEvent<Event>[],
    first: number,
    rungs: RungCollector<State>,
    keepAlive: () => Promise<unknown>,
  ): Promise<{ readonly next: number; readonly state: { readonly value: State } | null }> {
    const { domain, intervalEvents } = this.#parts;
    const place = await this.placeBefore(entityId, late[first] as SequenceKey);
    const ladder = new LadderReader(entityId, this.#parts.journals, place.last);
    let { state } = place;
    let next = first;
    let sinceRung = 0;
    let pages = 0;
    const insertBefore = (key: SequenceKey | null) => {
      for (; next < late.length; next++) {
        const event = late[next] as DecodedEvent<Event>;
        if (key !== null && compareSequence(event, key) > 0) return;
        state = evolveAt(domain, state, event);
        sinceRung++;
      }
    };
    // Usually the next rung has the same state already.
    for await (const page of this.pages(entityId, place.last, earlier.last, intervalEvents)) {
      if (++pages % KEEP_ALIVE_PAGES === 0) await keepAlive();
      for (const event of page) {
        insertBefore(event);
        state = evolveAt(domain, state, event);
        sinceRung++;
        const rung = await ladder.at(event);
        if (rung !== null) {
          sinceRung = 0;
          if (!rungs.isChanged(rung, state)) return { next, state: null };
        } else if (sinceRung >= 2 * intervalEvents) {
          sinceRung = 0;
          rungs.add(event, state);
        }
      }
    }
    insertBefore(null);
    return { next, state: { value: state } };
  }
}

/** Reads the stored rungs of an entity, one after the other. */
class LadderReader {
  readonly #entityId: string;
  readonly #journals: LongJournals;
  #after: SequenceKey | null;
  #waiting: StoredRung[] = [];
  #isEnd = false;

  constructor(entityId: string, journals: LongJournals, after: SequenceKey | null) {
    this.#entityId = entityId;
    this.#journals = journals;
    this.#after = after;
  }

  /** The rung at this event, or null. Events have to be asked for in canonical sequence. */
  async at(event: SequenceKey): Promise<StoredRung | null> {
    for (;;) {
      const rung = this.#waiting[0];
      if (rung === undefined) {
        if (this.#isEnd) return null;
        await this.#read();
        continue;
      }
      const difference = compareSequence(rung.last, event);
      if (difference > 0) return null;
      this.#waiting.shift();
      if (difference === 0) return rung;
    }
  }

  async #read(): Promise<void> {
    this.#waiting = await this.#journals.rungsBehind(this.#entityId, this.#after, RUNGS_PAGE);
    this.#after = this.#waiting.at(-1)?.last ?? this.#after;
    this.#isEnd = this.#waiting.length < RUNGS_PAGE;
  }
}

/** Collects the rungs that a change writes, up to a size in bytes. */
export class RungCollector<State> {
  readonly #entityId: string;
  readonly #codec: StateCodec<State>;
  readonly collected: StoredRung[] = [];
  #bytes = 0;
  #dropFrom: SequenceKey | null = null;

  constructor(entityId: string, codec: StateCodec<State>) {
    this.#entityId = entityId;
    this.#codec = codec;
  }

  /** The first stored rung that has to be removed because its new state is not held; null if none has to. */
  get dropFrom(): SequenceKey | null {
    return this.#dropFrom;
  }

  add(last: SequenceKey, state: State): void {
    if (this.#dropFrom !== null) return;
    this.#put(last, this.#codec.encode(this.#entityId, last, state));
  }

  /** Whether the state differs from the rung's. If it does, the rung gets the new state. */
  isChanged(rung: StoredRung, state: State): boolean {
    const bytes = this.#codec.encode(this.#entityId, rung.last, state);
    if (bytes?.equals(rung.state)) return false;
    if (this.#dropFrom === null) this.#put(rung.last, bytes);
    return true;
  }

  #put(last: SequenceKey, state: Buffer | null): void {
    this.#bytes += state?.length ?? 0;
    if (state === null || this.#bytes > RUNG_BYTES_MAX) this.#dropFrom = keyOf(last);
    else this.collected.push({ last: keyOf(last), state });
  }
}
