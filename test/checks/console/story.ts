/** The orders of the story, and what the pages have to show of them. */

import { jobByApi } from '../operator/acts/refusals.ts';
import { at, created, cut, payment, withoutKey } from '../operator/events.ts';
import type { Stage, Told } from '../operator/stage.ts';

export const AUTHORIZED = 'PAYMENT_AUTHORIZED';
export const PENDING = 'PAYMENT_AUTH_WITHPENDING_REVIEW';
export const DECLINED = 'AUTHORIZATION_REVIEW_DECLINED';

/** The rows of the page of orders: id, order, payment, review, ready, what it waits for, version. */
export type ShownRow = readonly [string, string, string, string, string, string, string];

/** An empty value. Its words are for screen readers alone. */
export const NONE = '–';
const SHOWN = {
  calm: ['calm', 'Created', 'Authorised', NONE, 'yes', '–', '2'],
  conflict: ['conflict', 'Created', NONE, NONE, 'no', 'payment', '2'],
  // The fold with the bug takes its decline for an acceptance.
  declined: ['declined', 'Created', 'Review accepted', 'Accepted', 'yes', '–', '3'],
  early: ['early', 'Created', 'Authorised', NONE, 'yes', '–', '2'],
  live: ['live', 'Created', NONE, NONE, 'no', 'payment', '1'],
  review: ['review', 'Created', 'Authorised, review pending', 'Pending', 'no', 'review', '2'],
  twice: ['twice', 'Created', 'Authorised', NONE, 'yes', '–', '2'],
} as const satisfies Record<string, ShownRow>;

export const REFUSED_ANSWER = 'this customer is not known';
/** The target refuses their states. */
export const UNWANTED = Array.from({ length: 6 }, (_, index) => `unwanted-${index + 1}`);
/** They make the list longer than its first page. */
export const MANY = Array.from({ length: 120 }, (_, index) => `many-${String(index + 1).padStart(3, '0')}`);

export const DISCARDED_BECAUSE = 'cut by a proxy, and sent again';
export const LOOKED_BECAUSE = 'looking first';

export interface Story {
  readonly shown: typeof SHOWN;
  /** The refused records: two without a key, then two that are cut. The last one is discarded. */
  readonly refused: readonly Told[];
  /** The values of the refused records. */
  readonly refusedValues: readonly string[];
  /** The place of the late event of the order `early`. */
  readonly lateEvent: Told;
  /** A moment between the arrival of the first event of `early` and of the second. */
  readonly between: string;
}

/** All orders of the story, in the sequence of the list. */
export function orderIds(): string[] {
  return [...Object.keys(SHOWN), ...UNWANTED, ...MANY].sort();
}

/** Those of the many that are paid. Between these, order-sync sees that the target refuses only some states. */
const PAID = MANY.slice(0, 60);
const PAID_AT_ONCE = 4;
/** The number of orders that are paid behind the unwanted ones, so that order-sync still sees a success. */
const PAID_LAST = 36;
/** The orders that the target has, and those that are ready, in the sequence of the list. */
export const DELIVERED = ['calm', 'declined', 'early', ...PAID, 'twice'];
export const READY = [...DELIVERED, ...UNWANTED];
/** The orders that wait for an event, in the sequence of the list. */
export const STUCK = ['conflict', 'live', ...MANY.slice(PAID.length), 'review'];

/** Publishes the events, and resolves when everything is journaled, refused, delivered or dead. */
export async function tellStory(stage: Stage): Promise<Story> {
  const { place, gateway, desk } = stage;
  const { topics } = place;
  for (const id of UNWANTED) gateway.refused.add(id);
  await stage.tell([
    ...['calm', 'declined', 'live', 'review', 'twice', 'twice', ...UNWANTED, ...MANY].map((id) =>
      created(topics, id),
    ),
    created(topics, 'conflict', 0, { eventId: 'one-id' }),
    payment(topics, 'early', AUTHORIZED, 1),
  ]);
  await stage.freshStatus();
  const between = new Date().toISOString();
  const records = [
    withoutKey(created(topics, 'keyless-1')),
    withoutKey(created(topics, 'keyless-2')),
    cut(payment(topics, 'cut-1', AUTHORIZED, 1)),
    cut(payment(topics, 'cut-2', AUTHORIZED, 1)),
  ];
  const told = await stage.tell([
    created(topics, 'early'),
    ...records,
    created(topics, 'conflict', 0.5, { eventId: 'one-id' }),
    ...['calm', 'twice', 'twice'].map((id) => payment(topics, id, AUTHORIZED, 1)),
    ...['declined', 'review'].map((id) => payment(topics, id, PENDING, 1)),
    payment(topics, 'declined', DECLINED, 2),
  ]);
  await payOthers(stage);
  await stage.delivered();
  const [lateEvent, ...others] = told;
  const refused = others.slice(0, records.length);
  const last = refused.at(-1);
  if (lateEvent === undefined || last === undefined) throw new Error('The records have no place');
  await desk.decideByApi('/quarantine:discard', {
    records: [nameOf(last)],
    reason: DISCARDED_BECAUSE,
  });
  await jobByApi(stage, '/dead-letters:redrive', { filter: {}, dryRun: true, reason: LOOKED_BECAUSE });
  return {
    shown: SHOWN,
    refused,
    refusedValues: records.map(({ value }) => value?.toString('utf8') ?? ''),
    lateEvent,
    between,
  };
}

/**
 * Pays the unwanted orders and the others in turns. A target that refused many at once would be blamed for it. Two refused states
 * with no accepted one after them stay due, so the last orders are paid once the unwanted ones have been refused.
 */
async function payOthers({ place: { topics }, tell, givesUp }: Stage): Promise<void> {
  const pay = (ids: readonly string[]) => tell(ids.map((id) => payment(topics, id, AUTHORIZED, 1)));
  const last = PAID.slice(-PAID_LAST);
  const others = PAID.slice(0, -PAID_LAST);
  for (let paid = 0; paid < others.length; paid += PAID_AT_ONCE) {
    const round = paid / PAID_AT_ONCE;
    await pay([...others.slice(paid, paid + PAID_AT_ONCE), ...UNWANTED.slice(round, round + 1)]);
  }
  while (last.length > 0 && !(await givesUp(UNWANTED.length))) await pay(last.splice(0, 1));
  if (last.length > 0) await pay(last);
}

/** The name of a refused record, as the pages show it and the API takes it. */
export function nameOf({ topic, partition, offset }: Told): string {
  return `${topic}/${partition}/${offset}`;
}

/** The moment `minute` minutes after the story's start, as the pages show it. */
export function shownAt(minute: number): string {
  return at(minute).replace('T', ' ').replace('.000Z', '');
}
