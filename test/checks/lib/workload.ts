/**
 * A stream of records for the checks, with events of many orders at a time. The options say which share of the records
 * are duplicates, come late, or are malformed. The same options give the same stream.
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
  /** The orders of the stream. The default is 300 at a time, most of them with few events. */
  readonly orders?: OrderMix;
}

export interface OrderMix {
  /** The number of orders at a time. Each event belongs to one of them. */
  readonly active: number;
  /** Returns the events of an order, in the source's sequence. */
  readonly tell: (number: number, random: Random) => PlannedEvent[];
}

export interface StreamedRecord {
  readonly record: RawRecord;
  /** The kind of a malformed record; null for a good record. */
  readonly malformed: string | null;
  readonly isDuplicate: boolean;
  readonly isLate: boolean;
}

/** A late record or a duplicate comes at most 5,000 records later. */
export const LONGEST_DELAY = 5_000;
const USUAL_ORDERS: OrderMix = { active: 300, tell: tellStory };
const MOST_OVERSIZED = 20;

/** Yields exactly `events` records. */
export function* workload(options: WorkloadOptions): Generator<StreamedRecord> {
  const stream = new Stream(options);
  for (let position = 0; position < options.events; position++) yield stream.next(position);
}

class Stream {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  readonly #active: PlannedEvent[][] = [];
  /** Duplicates and late records that are still to come, by their position in the stream. */
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
      // The rate of duplicates is a share of the whole stream, so the chance per original record is higher.
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

  /** Brings waiting records forward at the end of the stream, when no new records are made. */
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
