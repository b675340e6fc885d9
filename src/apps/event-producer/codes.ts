import { TributaryError } from '../../core/errors.ts';
import { utf8Length } from '../../core/text.ts';
import { suggest } from '../shared/cli/suggest.ts';

/** The codes of the command line, and the event that each publishes. */
export const EVENT_CODES = {
  o: { eventType: 'ORDER', statusField: 'orderStatus', status: 'CREATED', meaning: 'order created' },
  pa: {
    eventType: 'PAYMENT',
    statusField: 'paymentStatus',
    status: 'PAYMENT_AUTHORIZED',
    meaning: 'payment authorised',
  },
  par: {
    eventType: 'PAYMENT',
    statusField: 'paymentStatus',
    status: 'PAYMENT_AUTH_WITHPENDING_REVIEW',
    meaning: 'payment authorised, review pending',
  },
  paa: {
    eventType: 'PAYMENT',
    statusField: 'paymentStatus',
    status: 'AUTHORIZATION_REVIEW_ACCEPTED',
    meaning: 'review accepted',
  },
  pad: {
    eventType: 'PAYMENT',
    statusField: 'paymentStatus',
    status: 'AUTHORIZATION_REVIEW_DECLINED',
    meaning: 'review declined',
  },
} as const;

export type EventCode = keyof typeof EVENT_CODES;

/** The body of an event, which is published as JSON. */
export interface EventBody {
  readonly eventType: string;
  readonly orderId: string;
  readonly timestamp: string;
  readonly [field: string]: string | number;
}

export interface EventDetails {
  readonly timestampMs: number;
  readonly revision?: number;
  readonly eventId?: string;
}

/** Makes a body. Its fields always have the same sequence, since other programs may compare the bytes. */
export function makeBody(code: EventCode, orderId: string, details: EventDetails): EventBody {
  const { eventType, statusField, status } = EVENT_CODES[code];
  return {
    eventType,
    orderId,
    [statusField]: status,
    timestamp: new Date(details.timestampMs).toISOString(),
    ...(details.revision === undefined ? {} : { revision: details.revision }),
    ...(details.eventId === undefined ? {} : { eventId: details.eventId }),
  };
}

/** A code, and the order that it is about. */
export interface Pair {
  readonly code: EventCode;
  readonly orderId: string;
}

/**
 * Reads pairs of `<code> <orderId>`. Throws `usage` for an unknown code, a missing id, or an invalid id. `unknownFirst` may
 * give a better error for a first word that is no code.
 */
export function parsePairs(
  words: readonly string[],
  otherWords: readonly string[] = [],
  unknownFirst: (word: string) => TributaryError | null = () => null,
): Pair[] {
  if (words.length === 0) {
    throw new TributaryError(
      'usage',
      `Give pairs of a code and an order id, as in: event-producer o order123 pa order123. The codes: ${meanings()}.`,
    );
  }
  const pairs: Pair[] = [];
  for (let index = 0; index < words.length; index += 2) {
    const code = words[index] ?? '';
    const orderId = words[index + 1];
    if (!isEventCode(code))
      throw (index === 0 ? unknownFirst(code) : null) ?? unknownCode(code, orderId, otherWords);
    if (orderId === undefined) {
      throw new TributaryError(
        'usage',
        `The code "${code}" has no order id after it: give pairs, as in: ${code} order123`,
      );
    }
    const fault = orderIdFault(orderId);
    if (fault !== null) throw new TributaryError('usage', `The order id after "${code}" ${fault}.`);
    pairs.push({ code, orderId });
  }
  return pairs;
}

/** What is wrong with an order id, in words that follow its name. Null if it is valid. */
export function orderIdFault(orderId: string): string | null {
  if (!orderId.isWellFormed()) return 'is not well-formed Unicode';
  const length = utf8Length(orderId);
  return length < 1 || length > 255 ? `has ${length} bytes: it needs 1 to 255` : null;
}

function isEventCode(word: string): word is EventCode {
  return Object.hasOwn(EVENT_CODES, word);
}

function unknownCode(code: string, next: string | undefined, otherWords: readonly string[]): TributaryError {
  const codes = Object.keys(EVENT_CODES);
  const nearest = suggest(code, [...codes, ...otherWords]);
  const joined = /^(o|pa|par|paa|pad)[:=,;/ ]+(.+)$/s.exec(code);
  let remedy = `give one of ${codes.join(', ')}, then an order id`;
  if (joined !== null) remedy = `code and order id are two words: ${joined[1]} ${joined[2]}`;
  else if (next !== undefined && isEventCode(next)) remedy = `the code comes first: ${next} ${code}`;
  else if (nearest !== null && isEventCode(nearest))
    remedy = `did you mean ${nearest}? The codes: ${meanings()}`;
  else if (nearest !== null) remedy = `did you mean ${nearest}?`;
  else remedy += `. The codes: ${meanings()}`;
  return new TributaryError('usage', `"${code.slice(0, 100)}" is not a code: ${remedy}`);
}

function meanings(): string {
  return Object.entries(EVENT_CODES)
    .map(([code, { meaning }]) => `${code}: ${meaning}`)
    .join('; ');
}

/**
 * Makes the timestamps of one command's events. The events of one order are at least 1 ms apart, in the sequence in which the
 * user wrote them. So events of the same stage have this sequence in the canonical sequence, too.
 */
export function createTimestamps(): (orderId: string, nowMs: number) => number {
  const lastMs = new Map<string, number>();
  return (orderId, nowMs) => {
    const timestampMs = Math.max(nowMs, (lastMs.get(orderId) ?? Number.NEGATIVE_INFINITY) + 1);
    lastMs.set(orderId, timestampMs);
    return timestampMs;
  };
}
