import type { Domain } from '../../core/domain.ts';
import type { Earlier } from '../../core/fold.ts';
import { evolveAt, keyOf } from '../../core/long-history.ts';
import { compareSequence, type SequenceKey } from '../../core/sequence.ts';
import type { LongJournals, StoredRung } from '../../ports/long-journals.ts';
import type { DecodedEvent, Decoder } from '../decode/decoder.ts';
import type { StateCodec } from './state-codec.ts';
import { restoreAll, UnfoldableError } from './unfoldable.ts';

/** Events that are read at once. */
const PAGE_EVENTS = 512;
const KEEP_ALIVE_PAGES = 32;
/** Rungs that are read at once. */
const RUNGS_PAGE = 8;
/** After this many rungs in a row that are not understood, the fold begins with the first event. */
const BAD_RUNGS_MAX = 8;
/** New states of rungs are held up to this size; the rungs behind them are removed. */
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
  /** Null: before the first event. */
  readonly last: SequenceKey | null;
  readonly state: State;
}

/** What events that came late change. */
export interface LateFold<State> {
  readonly earlier: Earlier<State>;
  /** Whether the fold came to the state again that it had before. */
  readonly isSame: boolean;
  readonly rungs: readonly StoredRung[];
  /** Rungs at or behind it no longer hold; null: all others hold. */
  readonly dropFrom: SequenceKey | null;
}

/** Folds parts of a long entity's journal, page by page, from one rung of its ladder on. */
export class FoldWalk<State, Event> {
  readonly #parts: FoldWalkParts<State, Event>;

  constructor(parts: FoldWalkParts<State, Event>) {
    this.#parts = parts;
  }

  /** The nearest rung before `before` that can be read; null: of all rungs. */
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

  /** The events of the range, in pages. Throws UnfoldableError if one is not understood. */
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
   * Folds new events, sorted, that stand before `earlier.last` into the events before it: from the nearest rung on, and
   * only until the fold meets a rung with the state that it has itself. Behind that, all is as it was. Calls `keepAlive`
   * after every 32 pages: a transaction that waits for this must not be idle for long.
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

  /** Walks until the fold is as it was, or to the end: then it has a new state. */
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
    // Most often the fold is as it was at the next rung.
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

/** The stored rungs of an entity, one after the other. */
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

  /** The rung at this event, or null. Events must be asked for in canonical sequence. */
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

/** The rungs that a change writes, up to a size in bytes. */
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

  /** From where on the stored rungs have to be removed, because their new states are not held. */
  get dropFrom(): SequenceKey | null {
    return this.#dropFrom;
  }

  add(last: SequenceKey, state: State): void {
    if (this.#dropFrom !== null) return;
    this.#put(last, this.#codec.encode(this.#entityId, last, state));
  }

  /** Whether the state is another one than the rung's; then the rung gets it. */
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
