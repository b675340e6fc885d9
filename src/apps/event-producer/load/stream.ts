import { TributaryError } from '../../../core/errors.ts';
import type { NewRecord } from '../../../ports/event-log.ts';
import {
  LATER_STEPS,
  type LoadFrame,
  type LoadOrder,
  MEAN_EVENTS_PER_ORDER,
  makeRecord,
  orderIdOf,
  pickLife,
} from './lifecycle.ts';
import { MALFORMATIONS, type Malformation, makeMalformed } from './malformed.ts';
import { createSeededRandom, type SeededRandom } from './seeded-random.ts';

export interface LoadOptions extends LoadFrame {
  /** The same seed, with the same other options, gives the same records in the same sequence. */
  readonly seed: string;
  /** The number of records of all kinds. */
  readonly count: number;
  /** The number of orders. If they need fewer events than `count`, the rest are further payments and reviews. */
  readonly orders: number;
  /** The share of duplicates among all records. The three rates add up to less than 1, and each share is exact, but for rounding. */
  readonly duplicateRate: number;
  /** The share of late events. */
  readonly reorderRate: number;
  /** The share of malformed records. */
  readonly malformedRate: number;
  /** The share of orders whose source numbers its events. */
  readonly revisionRate: number;
  /** The share of orders with an unusual id, such as an emoji, a blank at the end, or another case. */
  readonly unusualIdRate: number;
}

/**
 * - `event`: a new event in its place.
 * - `late`: a new event that was held back while hundreds or thousands of others passed.
 * - `duplicate`: an earlier event again. Some duplicates have other spacing, which is the same content.
 * - `malformed`: a record that is no event and belongs in quarantine.
 */
export type LoadKind = 'event' | 'late' | 'duplicate' | 'malformed';

export interface LoadItem extends NewRecord {
  readonly kind: LoadKind;
  /** The order that the record is about, or the order whose id a malformed record was made from. */
  readonly orderId: string;
  readonly malformation: Malformation | null;
}

/** The number of orders that live at the same time. It decides how far the events of one order are apart. */
const ACTIVE_ORDERS = 400;
/** The last 1,024 events may be duplicated. */
const RECENT_EVENTS = 1_024;
/** A sample of 1,024 of all events may be duplicated, too. */
const REMEMBERED_EVENTS = 1_024;
/** A late event is late by 200 to 5,000 records. */
const MIN_DELAY = 200;
const MAX_DELAY = 5_000;
/** 2025-01-01T00:00:00Z. The load's clock starts here, plus up to a day by the seed. */
const EPOCH_MS = 1_735_689_600_000;
/** The share of duplicates with other spacing. */
const RESPACED_SHARE = 0.2;

/** The number of records that this number of orders needs. */
export function recordsFor(orders: number, badRate: number): number {
  return Math.max(1, Math.round((orders * MEAN_EVENTS_PER_ORDER) / (1 - badRate)));
}

/** The number of orders that need this number of records. */
export function ordersFor(count: number, badRate: number): number {
  return Math.max(1, Math.round((count * (1 - badRate)) / MEAN_EVENTS_PER_ORDER));
}

/**
 * Yields the records of a load, in bounded memory. Time, ids and choices come from the seed alone. Throws `usage` if the
 * rates leave no plain event that could be duplicated or held back.
 */
export function* loadStream(options: LoadOptions): Generator<LoadItem> {
  const random = createSeededRandom(options.seed);
  const left = shareOut(options);
  const source = new EventSource(options, random);
  const past = new Past(random);
  const held: { readonly item: LoadItem; readonly dueSlot: number }[] = [];

  for (let slot = 0; slot < options.count; slot++) {
    const onlyHeldAreLeft = left.event + left.late + left.duplicate + left.malformed === 0;
    const due = held[0];
    if (due !== undefined && (onlyHeldAreLeft || due.dueSlot <= slot)) {
      held.shift();
      past.remember(due.item);
      yield due.item;
      continue;
    }
    let item = takeNext(left, source, past, random);
    // A late event is held back, and the next one takes its place.
    while (item.kind === 'late') {
      hold(held, item, slot + delay(options.count, random));
      if (left.event + left.late + left.duplicate + left.malformed === 0) break;
      item = takeNext(left, source, past, random);
    }
    if (item.kind === 'late') {
      const first = held.shift();
      if (first === undefined) return;
      item = first.item;
    }
    if (item.kind !== 'malformed') past.remember(item);
    yield item;
  }
}

type Remaining = Record<LoadKind, number>;

/** The number of records of each kind. */
function shareOut(options: LoadOptions): Remaining {
  const { count, duplicateRate, reorderRate, malformedRate } = options;
  const duplicate = Math.round(count * duplicateRate);
  const late = Math.round(count * reorderRate);
  const malformed = Math.round(count * malformedRate);
  const event = count - duplicate - late - malformed;
  if (event < 0 || (event === 0 && duplicate + late > 0)) {
    throw new TributaryError(
      'usage',
      `Rates of ${duplicateRate}, ${reorderRate} and ${malformedRate} leave no plain event among ${count}.`,
    );
  }
  return { event, late, duplicate, malformed };
}

/**
 * Draws the kind of the next record without putting it back, so that each kind comes exactly as often as it has to. This is
 * selection sampling: Knuth, The Art of Computer Programming, 3.4.2, algorithm S.
 */
function takeNext(left: Remaining, source: EventSource, past: Past, random: SeededRandom): LoadItem {
  const mayDuplicate = past.isEmpty() ? 0 : left.duplicate;
  let ticket = random.below(left.event + left.late + mayDuplicate + left.malformed);
  if (ticket < mayDuplicate) {
    left.duplicate--;
    return past.duplicate();
  }
  ticket -= mayDuplicate;
  if (ticket < left.malformed) {
    left.malformed--;
    return source.malformed();
  }
  ticket -= left.malformed;
  const kind = ticket < left.late ? 'late' : 'event';
  left[kind]--;
  return source.next(kind);
}

/** By how many records a late event is late. A short load has short delays, so that the event comes before the end. */
function delay(count: number, random: SeededRandom): number {
  const longest = Math.max(1, Math.min(MAX_DELAY, Math.floor(count / 4)));
  const shortest = Math.min(MIN_DELAY, longest);
  return shortest + random.below(longest - shortest + 1);
}

/** Puts an item into `held`, which is sorted by the slots in which items are due. At most MAX_DELAY items are held. */
function hold(
  held: { readonly item: LoadItem; readonly dueSlot: number }[],
  item: LoadItem,
  dueSlot: number,
) {
  let index = held.length;
  while (index > 0 && (held[index - 1]?.dueSlot ?? 0) > dueSlot) index--;
  held.splice(index, 0, { item, dueSlot });
}

/** The orders of a load and their events, in the source's own sequence. */
class EventSource {
  readonly #options: LoadOptions;
  readonly #random: SeededRandom;
  readonly #active: LoadOrder[] = [];
  readonly #malformations: readonly Malformation[];
  readonly #prefix: string;
  #started = 0;
  #clockMs: number;

  constructor(options: LoadOptions, random: SeededRandom) {
    this.#options = options;
    this.#random = random;
    // The start is even, as every step of the clock is: see SLOW_CLOCK_MS.
    this.#clockMs = EPOCH_MS + 2 * random.below(43_200_000);
    this.#prefix = `order-${options.seed}`;
    // Where both kinds of events have one topic, none is on the wrong one.
    const hasOneTopic = options.orderTopic === options.paymentTopic;
    this.#malformations = MALFORMATIONS.filter((each) => !(hasOneTopic && each === 'wrong_topic'));
  }

  next(kind: 'event' | 'late'): LoadItem {
    this.#clockMs += 2 * (1 + this.#random.below(5));
    while (this.#active.length < ACTIVE_ORDERS && this.#started < this.#options.orders) this.#start();
    return this.#active.length > 0 ? this.#nextOfActive(kind) : this.#furtherEvent(kind);
  }

  malformed(): LoadItem {
    const malformation = this.#random.pick(this.#malformations);
    const order = this.#active[this.#random.below(this.#active.length)];
    const orderId = order?.id ?? this.#idOf(this.#random.below(this.#options.orders));
    const timestamp = new Date(this.#clockMs).toISOString();
    const record = makeMalformed(malformation, this.#options, orderId, timestamp, this.#random);
    return { ...record, kind: 'malformed', orderId, malformation };
  }

  #start(): void {
    const index = this.#started++;
    this.#active.push({
      id: this.#idOf(index),
      hasRevisions: this.#random.chance(this.#options.revisionRate),
      life: pickLife(this.#random),
      nextStep: 0,
    });
  }

  /** The id of an order. Its random numbers are its own, so the id is the same whenever it is asked for. */
  #idOf(index: number): string {
    const { unusualIdRate, seed } = this.#options;
    if (unusualIdRate === 0) return `${this.#prefix}-${index}`;
    return orderIdOf(this.#prefix, index, unusualIdRate, createSeededRandom(`${seed}/${index}`));
  }

  #nextOfActive(kind: 'event' | 'late'): LoadItem {
    const place = this.#random.below(this.#active.length);
    const order = this.#active[place] as LoadOrder;
    const step = order.life[order.nextStep++] ?? 'created';
    if (order.nextStep >= order.life.length) {
      const last = this.#active.pop() as LoadOrder;
      if (last !== order) this.#active[place] = last;
    }
    const revision = order.hasRevisions ? order.nextStep : null;
    const record = makeRecord(this.#options, order.id, step, revision, this.#clockMs, this.#random);
    return { ...record, kind, orderId: order.id, malformation: null };
  }

  #furtherEvent(kind: 'event' | 'late'): LoadItem {
    const orderId = this.#idOf(this.#random.below(this.#options.orders));
    const step = this.#random.pick(LATER_STEPS);
    const record = makeRecord(this.#options, orderId, step, null, this.#clockMs, this.#random);
    return { ...record, kind, orderId, malformation: null };
  }
}

/** The events that were sent: the last ones, and a sample of all of them. */
class Past {
  readonly #random: SeededRandom;
  readonly #recent: LoadItem[] = [];
  readonly #sample: LoadItem[] = [];
  #seen = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  isEmpty(): boolean {
    return this.#seen === 0;
  }

  remember(item: LoadItem): void {
    if (item.kind === 'duplicate') return;
    this.#recent[this.#seen % RECENT_EVENTS] = item;
    this.#seen++;
    // Reservoir sampling: every event so far is in the sample with the same probability.
    const place = this.#seen <= REMEMBERED_EVENTS ? this.#seen - 1 : this.#random.below(this.#seen);
    if (place < REMEMBERED_EVENTS) this.#sample[place] = item;
  }

  duplicate(): LoadItem {
    const item = this.#random.pick(this.#random.chance(0.7) ? this.#recent : this.#sample);
    if (!this.#random.chance(RESPACED_SHARE) || item.value === null) return { ...item, kind: 'duplicate' };
    const body = JSON.parse(Buffer.from(item.value).toString());
    return { ...item, value: Buffer.from(JSON.stringify(body, null, 1)), kind: 'duplicate' };
  }
}
