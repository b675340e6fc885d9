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
  /** How many records in all, whatever their kind. */
  readonly count: number;
  /** How many orders. Events left over when all have lived their lives are further payments and reviews. */
  readonly orders: number;
  /** The share of each kind among `count`; together at most 1. Each kind comes exactly so often, rounded. */
  readonly duplicateRate: number;
  readonly reorderRate: number;
  readonly malformedRate: number;
  /** Of orders whose source numbers its events. */
  readonly revisionRate: number;
  /** Of orders with an unusual id: emoji, a blank at the end, only the case differs, and so on. */
  readonly unusualIdRate: number;
}

/**
 * `event`: a new event in its place. `late`: a new event that was held back while hundreds or thousands of
 * others passed. `duplicate`: an event of before, again (some with other spacing, which is the same content).
 * `malformed`: not an event, and quarantine is where it belongs.
 */
export type LoadKind = 'event' | 'late' | 'duplicate' | 'malformed';

export interface LoadItem extends NewRecord {
  readonly kind: LoadKind;
  /** The order that it is about; of a malformed record, the order whose id it was made from. */
  readonly orderId: string;
  readonly malformation: Malformation | null;
}

/** How many orders live at the same time, and so how far the events of one are apart. */
const ACTIVE_ORDERS = 400;
/** How many of the last events may be duplicated, and how many of all the events before. */
const RECENT_EVENTS = 1_024;
const REMEMBERED_EVENTS = 1_024;
const MIN_DELAY = 200;
const MAX_DELAY = 5_000;
/** 2025-01-01T00:00:00Z: the load's clock starts here, plus up to a day by the seed. */
const EPOCH_MS = 1_735_689_600_000;
/** Of duplicates that are written with other spacing. */
const RESPACED_SHARE = 0.2;

/** How many records make `orders` whole, for when only the orders are given; and the other way round. */
export function recordsFor(orders: number, badRate: number): number {
  return Math.max(1, Math.round((orders * MEAN_EVENTS_PER_ORDER) / (1 - badRate)));
}

export function ordersFor(count: number, badRate: number): number {
  return Math.max(1, Math.round((count * (1 - badRate)) / MEAN_EVENTS_PER_ORDER));
}

/**
 * The records of a load, one after the other, in bounded memory. Pure: time, ids and choices all come from the
 * seed. Throws `usage` if the rates leave no room for an event to duplicate or to hold back.
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
    // An event that is held back leaves its place to the one after it.
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

/** How often each kind comes. */
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
 * Draws the next kind without putting it back, so that in the end each kind has come exactly as often as it was
 * meant to (selection sampling: Knuth, The Art of Computer Programming, 3.4.2, algorithm S).
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

/** A short load has short delays: an event that is held back has to come before the end. */
function delay(count: number, random: SeededRandom): number {
  const longest = Math.max(1, Math.min(MAX_DELAY, Math.floor(count / 4)));
  const shortest = Math.min(MIN_DELAY, longest);
  return shortest + random.below(longest - shortest + 1);
}

/** Keeps `held` by the slot in which each is due. At most MAX_DELAY are held at a time, and most come last. */
function hold(
  held: { readonly item: LoadItem; readonly dueSlot: number }[],
  item: LoadItem,
  dueSlot: number,
) {
  let index = held.length;
  while (index > 0 && (held[index - 1]?.dueSlot ?? 0) > dueSlot) index--;
  held.splice(index, 0, { item, dueSlot });
}

/** The orders of a load and what happens to them, in the source's own sequence. */
class EventSource {
  readonly #options: LoadOptions;
  readonly #random: SeededRandom;
  readonly #active: LoadOrder[] = [];
  readonly #prefix: string;
  #started = 0;
  #clockMs: number;

  constructor(options: LoadOptions, random: SeededRandom) {
    this.#options = options;
    this.#random = random;
    // Even, like every step of the clock: see SLOW_CLOCK_MS.
    this.#clockMs = EPOCH_MS + 2 * random.below(43_200_000);
    this.#prefix = `order-${options.seed}`;
  }

  next(kind: 'event' | 'late'): LoadItem {
    this.#clockMs += 2 * (1 + this.#random.below(5));
    while (this.#active.length < ACTIVE_ORDERS && this.#started < this.#options.orders) this.#start();
    return this.#active.length > 0 ? this.#nextOfActive(kind) : this.#furtherEvent(kind);
  }

  malformed(): LoadItem {
    const malformation = this.#random.pick(MALFORMATIONS);
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

  /** From a stream of its own, so that the order with a number has the same id whenever it is asked for. */
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

/** Events that have been sent: all of the last ones, and an even sample of all the others. */
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
