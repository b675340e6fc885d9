/**
 * A stream of records for the checks: orders and payments of many orders side by side, a tenth of them sent
 * twice, a tenth held back, a hundredth malformed. The same options give the same stream.
 */
import type { RawRecord, Topics } from '../oracle.ts';
import { encode, encodePlainly } from './encoding.ts';
import { MALFORMED_KINDS, OVERSIZED_KINDS } from './malformed.ts';
import { type PlannedEvent, tellLongStory, tellStory } from './order-stories.ts';
import { Random } from './random.ts';

export interface WorkloadOptions {
  readonly events: number;
  readonly seed: number;
  readonly topics: Topics;
  readonly duplicateRate: number;
  readonly lateRate: number;
  readonly malformedRate: number;
  /** The orders that it is about; unless something else is given, 300 at a time, most of them soon over. */
  readonly orders?: OrderMix;
}

export interface OrderMix {
  /** How many orders are under way at a time; each event is one of any of them. */
  readonly active: number;
  /** The events of an order, in the source's sequence. */
  readonly tell: (number: number, random: Random) => PlannedEvent[];
}

export interface StreamedRecord {
  readonly record: RawRecord;
  /** The kind of fault, or null of a good record. */
  readonly malformed: string | null;
  readonly isDuplicate: boolean;
  readonly isLate: boolean;
}

/** How many records may pass before a late one or a duplicate comes. */
export const LONGEST_DELAY = 5_000;
const USUAL_ORDERS: OrderMix = { active: 300, tell: tellStory };
const MOST_OVERSIZED = 20;

/** Exactly `events` records. */
export function* workload(options: WorkloadOptions): Generator<StreamedRecord> {
  const stream = new Stream(options);
  for (let position = 0; position < options.events; position++) yield stream.next(position);
}

class Stream {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  readonly #active: PlannedEvent[][] = [];
  /** What comes again or later, by the position at which it is due. */
  readonly #waiting = new Map<number, StreamedRecord[]>();
  #waitingCount = 0;
  readonly #due: StreamedRecord[] = [];
  #orders = 0;
  #malformed = 0;
  #oversized = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const hotOrders = Math.max(1, Math.round(options.events / 100_000));
    const length = Math.max(5, Math.min(300, Math.round(options.events / 50)));
    for (let number = 0; number < hotOrders; number++) {
      this.#active.push(tellLongStory(number, length, this.#random));
    }
  }

  next(position: number): StreamedRecord {
    this.#collectDue(position);
    const isEnding = this.#options.events - position <= this.#waitingCount + this.#due.length;
    if (isEnding && this.#due.length === 0) this.#collectNext(position);
    const due = this.#due.shift();
    if (due !== undefined) return due;

    const { duplicateRate, lateRate, malformedRate } = this.#options;
    for (;;) {
      if (this.#random.chance(malformedRate / (1 - duplicateRate))) return this.#nextMalformed();
      const event = this.#nextEvent();
      const record = encode(event, this.#options.topics, this.#random);
      const remaining = this.#options.events - position - this.#waitingCount;
      const isLate = remaining > 2 && this.#random.chance(lateRate / (1 - duplicateRate - malformedRate));
      const streamed = { record, malformed: null, isDuplicate: false, isLate };
      // A duplicate is one record more for each original, so its share of the stream is a share of both.
      if (remaining > 3 && this.#random.chance(duplicateRate / (1 - duplicateRate - malformedRate))) {
        this.#wait(position, {
          ...streamed,
          record: this.#random.chance(0.5) ? record : encode(event, this.#options.topics, this.#random),
          isDuplicate: true,
          isLate: false,
        });
      }
      if (!isLate) return streamed;
      this.#wait(position, streamed);
    }
  }

  #wait(position: number, streamed: StreamedRecord): void {
    const at = position + this.#random.spread(LONGEST_DELAY);
    const others = this.#waiting.get(at);
    if (others === undefined) this.#waiting.set(at, [streamed]);
    else others.push(streamed);
    this.#waitingCount++;
  }

  #collectDue(position: number): void {
    const waiting = this.#waiting.get(position);
    if (waiting === undefined) return;
    this.#waiting.delete(position);
    this.#waitingCount -= waiting.length;
    this.#due.push(...waiting);
  }

  /** At the stream's end nothing new is begun: what waits comes earlier than it would have. */
  #collectNext(position: number): void {
    for (let at = position; at <= position + LONGEST_DELAY && this.#due.length === 0; at++)
      this.#collectDue(at);
  }

  #nextEvent(): PlannedEvent {
    const { active, tell } = this.#options.orders ?? USUAL_ORDERS;
    while (this.#active.length < active) this.#active.push(tell(this.#orders++, this.#random));
    const index = this.#random.below(this.#active.length);
    const story = this.#active[index] as PlannedEvent[];
    const event = story.shift() as PlannedEvent;
    if (story.length === 0) this.#active.splice(index, 1);
    return event;
  }

  #nextMalformed(): StreamedRecord {
    const random = this.#random;
    const story = random.pick(this.#active.length === 0 ? [tellStory(0, random)] : this.#active);
    const good = encodePlainly(story[0] as PlannedEvent, this.#options.topics);
    const isOversized = this.#oversized < MOST_OVERSIZED && random.chance(0.05);
    const kinds = isOversized ? OVERSIZED_KINDS : MALFORMED_KINDS;
    const kind = kinds[isOversized ? this.#oversized++ % kinds.length : this.#malformed++ % kinds.length];
    if (kind === undefined) throw new Error('There are no kinds of malformed records');
    const record = kind.spoil(good, this.#options.topics, random);
    return { record, malformed: kind.name, isDuplicate: false, isLate: false };
  }
}
