import { DefectError } from '../../../core/errors.ts';
import type { NewRecord } from '../../../ports/event-log.ts';
import { cloudEventHeaders } from '../publish.ts';
import type { SeededRandom } from './seeded-random.ts';

/** A step in the life of an order: the event that comes. */
export type Step = 'created' | 'authorized' | 'pending' | 'accepted' | 'declined';

/**
 * The lives of orders: their events in the sequence in which the source tells of them, and how many of 100 orders lead each
 * life. Some orders are never paid, some are paid before they are created, and some are never created.
 */
const LIVES: readonly { readonly share: number; readonly steps: readonly Step[] }[] = [
  { share: 10, steps: ['created'] },
  { share: 37, steps: ['created', 'authorized'] },
  { share: 8, steps: ['authorized', 'created'] },
  { share: 8, steps: ['created', 'pending'] },
  { share: 20, steps: ['created', 'pending', 'accepted'] },
  { share: 8, steps: ['created', 'pending', 'declined'] },
  { share: 5, steps: ['pending', 'created', 'accepted'] },
  { share: 2, steps: ['created', 'authorized', 'pending', 'accepted'] },
  { share: 2, steps: ['authorized'] },
];

/** The average number of events of an order. */
export const MEAN_EVENTS_PER_ORDER =
  LIVES.reduce((sum, life) => sum + life.share * life.steps.length, 0) / 100;

export function pickLife(random: SeededRandom): readonly Step[] {
  let ticket = random.below(100);
  for (const life of LIVES) {
    if (ticket < life.share) return life.steps;
    ticket -= life.share;
  }
  throw new DefectError('The shares of the lives do not add up to a hundred.');
}

/** The events that may still come after an order's life: further payments and reviews. */
export const LATER_STEPS: readonly Step[] = ['authorized', 'pending', 'accepted', 'declined'];

const STATUS: Readonly<Record<Step, string>> = {
  created: 'CREATED',
  authorized: 'PAYMENT_AUTHORIZED',
  pending: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
  accepted: 'AUTHORIZATION_REVIEW_ACCEPTED',
  declined: 'AUTHORIZATION_REVIEW_DECLINED',
};

/** Shares of events that are unusual but valid. */
const MISSPELT_SHARE = 0.05;
const SLOW_CLOCK_SHARE = 0.05;
const UNKNOWN_FIELD_SHARE = 0.05;

/**
 * The clocks of some sources are behind by this time. It is odd, and the load's own clock moves in even steps. So two events
 * of one order never have the same time.
 */
const SLOW_CLOCK_MS = 2_001;

export interface LoadOrder {
  readonly id: string;
  /** Whether its events have the source's own revisions. */
  readonly hasRevisions: boolean;
  readonly life: readonly Step[];
  nextStep: number;
}

/** The topics and the source of one load. */
export interface LoadFrame {
  readonly orderTopic: string;
  readonly paymentTopic: string;
  /** The `ce_source` of the events. Null makes plain JSON without headers. */
  readonly source: string | null;
}

/** Makes the record of one step, stamped by the load's clock. `revision` is null if the source gives none. */
export function makeRecord(
  frame: LoadFrame,
  orderId: string,
  step: Step,
  revision: number | null,
  clockMs: number,
  random: SeededRandom,
): NewRecord {
  const occurredAtMs = random.chance(SLOW_CLOCK_SHARE) ? clockMs - SLOW_CLOCK_MS : clockMs;
  const time = new Date(occurredAtMs).toISOString();
  const isOrder = step === 'created';
  const status = step === 'authorized' && random.chance(MISSPELT_SHARE) ? 'PAYMENT_AUHTORIZED' : STATUS[step];
  const eventType = isOrder ? 'ORDER' : 'PAYMENT';
  const extra =
    (revision === null ? '' : `,"revision":${revision}`) +
    (random.chance(UNKNOWN_FIELD_SHARE) ? `,"channel":"${random.pick(['web', 'shop', 'phone'])}"` : '');
  const statusField = isOrder ? 'orderStatus' : 'paymentStatus';
  const value = `{"eventType":"${eventType}","orderId":${JSON.stringify(orderId)},"${statusField}":"${status}","timestamp":"${time}"${extra}}`;
  return {
    topic: isOrder ? frame.orderTopic : frame.paymentTopic,
    key: Buffer.from(orderId),
    value: Buffer.from(value),
    headers:
      frame.source === null
        ? []
        : cloudEventHeaders({
            id: random.uuid(),
            source: frame.source,
            type: eventType,
            time,
            subject: orderId,
          }),
  };
}

const UNUSUAL_ENDINGS = [' ', 'é', 'e\u0301', '🧾', "'", '"', '=1+1', '\\', '/../', '?x#y', '\u202e', '%00'];

/** The id of the order with this number. The same seed always gives the same id. */
export function orderIdOf(prefix: string, index: number, unusualShare: number, random: SeededRandom): string {
  const plain = `${prefix}-${index}`;
  if (unusualShare === 0 || !random.chance(unusualShare)) return plain;
  // Ids that differ only in case or in a blank belong to different orders.
  return random.chance(0.3) ? plain.toUpperCase() : plain + random.pick(UNUSUAL_ENDINGS);
}
