/**
 * Makes the events of orders as a shop might publish them, odd ones included, in the source's sequence. All moments of
 * an order differ, except where the caution rank of one stage must decide: the contract does not decide some ties
 * between stages, and a check must not depend on those.
 */
import type { Topics } from '../oracle.ts';
import type { Random } from './random.ts';

/** An event before it is encoded. It can be encoded in many forms with the same meaning. */
export interface PlannedEvent {
  readonly orderId: string;
  readonly topic: keyof Topics;
  /** The fields of the body in sequence, each with its name and its value as JSON. */
  readonly fields: readonly (readonly [name: string, json: string])[];
  /** The id of the CloudEvent; null if the event is published in another form. */
  readonly cloudEventId: string | null;
}

type Code = 'o' | 'pa' | 'par' | 'paa' | 'pad';

const STATUS: Readonly<Record<Code, string>> = {
  o: 'CREATED',
  pa: 'PAYMENT_AUTHORIZED',
  par: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
  paa: 'AUTHORIZATION_REVIEW_ACCEPTED',
  pad: 'AUTHORIZATION_REVIEW_DECLINED',
};

/** The lives of orders, and the number of each per 100 orders. */
const STORIES: readonly (readonly [weight: number, story: readonly Code[]])[] = [
  [40, ['o', 'pa']],
  [16, ['o', 'par', 'paa']],
  [10, ['o', 'par', 'pad']],
  [8, ['pa', 'o']],
  [5, ['par', 'paa', 'o']],
  [5, ['o', 'par']],
  [4, ['o', 'par', 'paa', 'pad']],
  [4, ['o']],
  [4, ['pa']],
  [2, ['o', 'pa', 'par', 'paa', 'pad']],
  [2, ['paa', 'pad']],
];
const BAG: readonly (readonly Code[])[] = STORIES.flatMap(([weight, story]) =>
  Array.from({ length: weight }, () => story),
);

/** Kinds of order ids that have broken programs before. `number` makes them unique. */
const ODD_IDS: readonly ((number: number) => string)[] = [
  (number) => `A${number}`,
  (number) => `a${number}`,
  (number) => `A${number} `,
  (number) => ` A${number}`,
  (number) => `🛒-${number}`,
  (number) => `طلب-${number}`,
  (number) => `caf\u00e9-${number}`,
  (number) => `cafe\u0301-${number}`,
  (number) => `zero\u200bwidth-${number}`,
  (number) => `'; DROP TABLE orders; -- ${number}`,
  (number) => `<script>alert(${number})</script>`,
  (number) => `=cmd|'/C calc'!A${number}`,
  (number) => `two\nlines\r\n${number}`,
  (number) => `back\\slash"quote-${number}`,
  (number) => `../../${number}?a=b&c=%00#d`,
  (number) => `${'ü'.repeat(120)}${String(number).padStart(15, '0')}`,
];
const NAMES_OF_EVERY_OBJECT = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', '0'];

/** Returns the order id of a number. Different numbers have different ids; odd ids come in families of one number. */
export function orderIdOf(number: number): string {
  const name = NAMES_OF_EVERY_OBJECT[number / 50 - 1];
  if (name !== undefined) return name;
  const family = Math.floor(number / 100) * 100;
  const member = number - family;
  const make = ODD_IDS[member];
  return make !== undefined && family % 500 === 0 ? make(family) : `order-${number}`;
}

/** Makes the events of an order, in the source's sequence. */
export function tellStory(number: number, random: Random): PlannedEvent[] {
  const moments = new Moments(number, random);
  const events = random
    .pick(BAG)
    .map((code) => ({ code, at: moments.next(), revision: null as number | null }));
  if (random.chance(0.1)) moments.scramble(events);
  if (random.chance(0.03)) tie(events);
  else if (random.chance(0.1)) revise(events, random.chance(0.7) ? 1 : 0.5, random);
  const orderId = orderIdOf(number);
  const naming = random.pick(['none', 'none', 'body', 'body', 'cloud'] as const);
  const planned = events.map((event, index) =>
    plan(orderId, event.code, event.at, event.revision, naming, `${number}-${index}`, random),
  );
  if (naming !== 'none' && random.chance(0.04)) {
    // This event repeats an id with other content. The result must not depend on which of the two comes first.
    const code = random.pick(['pa', 'par', 'paa', 'pad'] as const);
    planned.push(plan(orderId, code, moments.next(), null, naming, `${number}-${events.length - 1}`, random));
  }
  return planned;
}

/** Makes an order of `length` events. Either all events have revisions, or only their moments sort them. */
export function tellLongStory(number: number, length: number, random: Random): PlannedEvent[] {
  const moments = new Moments(number, random);
  const isRevised = random.chance(0.5);
  const orderId = `hot-${number}`;
  const events: PlannedEvent[] = [];
  for (let index = 0; index < length; index++) {
    const code: Code = index === 0 ? 'o' : random.pick(['pa', 'par', 'paa', 'pad'] as const);
    const revision = isRevised ? index + 1 : null;
    events.push(plan(orderId, code, moments.next(), revision, 'body', `hot-${number}-${index}`, random));
  }
  return events;
}

/** The codes that may follow each code. They always differ from it, so each event changes the state of the order. */
const NEXT: Readonly<Record<Code, readonly Code[]>> = {
  o: ['pa', 'par'],
  pa: ['par', 'pad'],
  par: ['paa', 'pad', 'pa'],
  paa: ['par', 'pad'],
  pad: ['par', 'paa', 'pa'],
};

/**
 * Makes a quarter of the orders long-lived: revisions move them from one status to the next, so nearly every event makes
 * a delivery due. The other orders have a few events; with them a check sees whether a delivery is sent again after its
 * answer was lost.
 */
export function tellRevisedStory(number: number, random: Random): PlannedEvent[] {
  if (random.chance(0.75)) return tellStory(number, random);
  const moments = new Moments(number, random);
  const orderId = orderIdOf(number);
  const naming = random.pick(['none', 'body', 'cloud'] as const);
  const events: PlannedEvent[] = [];
  const length = 6 + random.below(10);
  let code: Code = 'o';
  for (let index = 0; index < length; index++) {
    const eventId = `${number}-${index}`;
    events.push(plan(orderId, code, moments.next(), index + 1, naming, eventId, random));
    code = random.pick(NEXT[code]);
  }
  return events;
}

interface Draft {
  code: Code;
  at: string;
  revision: number | null;
}

/** The clock of one order. Each moment is new, and has one of the forms that different sources use. */
class Moments {
  #nowMs: number;
  readonly #random: Random;

  constructor(number: number, random: Random) {
    this.#nowMs = Date.UTC(2025, 0, 1) + number * 1_000;
    this.#random = random;
  }

  next(): string {
    this.#nowMs += 1 + this.#random.below(5_000);
    const text = new Date(this.#nowMs).toISOString();
    if (!this.#random.chance(0.1)) return text;
    const hours = this.#random.below(14);
    const local = new Date(this.#nowMs + hours * 3_600_000).toISOString().slice(0, -1);
    return `${local}+${String(hours).padStart(2, '0')}:00`;
  }

  /** Shuffles the moments of the events, like clocks that disagree, so that the stage must decide. */
  scramble(events: Draft[]): void {
    const moments = this.#random.shuffled(events.map((event) => event.at));
    for (const [index, event] of events.entries()) event.at = moments[index] ?? event.at;
  }
}

/** Gives two events of stage 3 the same moment, so that the more cautious one must win. */
function tie(events: Draft[]): void {
  const [first, second] = [events.find(isStageThree), events.findLast(isStageThree)];
  if (first !== undefined && second !== undefined) second.at = first.at;
}

const isStageThree = (event: Draft) => event.code === 'paa' || event.code === 'pad';

function revise(events: Draft[], share: number, random: Random): void {
  for (const [index, event] of events.entries()) {
    if (random.chance(share)) event.revision = index + 1;
  }
}

function plan(
  orderId: string,
  code: Code,
  timestamp: string,
  revision: number | null,
  naming: 'none' | 'body' | 'cloud',
  eventId: string,
  random: Random,
): PlannedEvent {
  const isOrder = code === 'o';
  const status = code === 'pa' && random.chance(0.3) ? 'PAYMENT_AUHTORIZED' : STATUS[code];
  const fields: [string, string][] = [
    ['eventType', isOrder ? '"ORDER"' : '"PAYMENT"'],
    ['orderId', JSON.stringify(orderId)],
    [isOrder ? 'orderStatus' : 'paymentStatus', JSON.stringify(status)],
    ['timestamp', JSON.stringify(timestamp)],
  ];
  if (revision !== null) fields.push(['revision', String(revision)]);
  if (naming === 'body') fields.push(['eventId', JSON.stringify(`e-${eventId}`)]);
  if (random.chance(0.1)) fields.push(...random.pick(UNKNOWN_FIELDS)(random));
  return {
    orderId,
    topic: isOrder ? 'order' : 'payment',
    fields,
    cloudEventId: naming === 'cloud' ? `ce-${eventId}` : null,
  };
}

/** Fields that no schema names. They belong to the content, and the fold ignores them. */
const UNKNOWN_FIELDS: readonly ((random: Random) => [string, string][])[] = [
  (random) => [['amount', (random.below(100_000) / 100).toFixed(2)]],
  () => [['note', '"caf\u00e9 \ud83d\uded2 \\u20ac"']],
  () => [['customer', '{"b":[1,2.50,{"y":null,"x":true}],"a":"z"}']],
  () => [['__proto__', '{"orderStatus":"SHIPPED"}']],
  () => [
    ['constructor', '1'],
    ['toString', 'false'],
  ],
];
