/**
 * Implements the semantics of an order a second time, from the written contract, without code of `src/`. It gets the
 * published records in any sequence. It knows which row each order must have, which events the journal must hold, and
 * which records must be in quarantine. It is simple and slow on purpose.
 *
 * The contract leaves one choice open: two payment events of different stages at the same revision and the same moment.
 * `expectedOrders` throws in this case, because the workload of a check must not depend on the choice.
 */
import { hash } from 'node:crypto';
import { canonicalJson, type Json, NotStrictJson, parseStrictJson } from './lib/strict-json.ts';

export interface RawRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

export interface Topics {
  readonly order: string;
  readonly payment: string;
}

/** The settings on which the result depends. */
export interface OracleSettings extends Topics {
  /** The largest size of key, value and headers together; the default is 1 MiB. */
  readonly maxRecordBytes?: number;
}

/** The row that an order must have. `version` is the number of its different events. */
export interface ExpectedOrder {
  readonly orderId: string;
  readonly orderStatus: string | null;
  readonly paymentStatus: string | null;
  readonly reviewStatus: string | null;
  readonly readyToSend: boolean;
  readonly version: number;
}

/** A row that the table held before Tributary took it over. */
export interface AdoptedRow {
  readonly orderId: string;
  readonly orderStatus: string | null;
  readonly paymentStatus: string | null;
  readonly reviewStatus: string | null;
}

/** An event as the section "Events" of the contract defines it. */
export interface Fact {
  readonly orderId: string;
  readonly status: Status;
  /** The revision if the event has one, else the stage. */
  readonly position: number;
  readonly occurredAtMs: number;
  /** The id from the source; null if it gave none. Then the product makes an id, and the content identifies the event. */
  readonly eventId: string | null;
  /** SHA-256 of the canonical body, in hexadecimal digits. */
  readonly contentHash: string;
}

export type Status =
  | 'CREATED'
  | 'PAYMENT_AUTHORIZED'
  | 'PAYMENT_AUTH_WITHPENDING_REVIEW'
  | 'AUTHORIZATION_REVIEW_ACCEPTED'
  | 'AUTHORIZATION_REVIEW_DECLINED';

/** The record is no event, so it must be in quarantine. */
export class Malformed extends Error {}

const STAGE: Readonly<Record<Status, number>> = {
  CREATED: 1,
  PAYMENT_AUTHORIZED: 2,
  PAYMENT_AUTH_WITHPENDING_REVIEW: 2,
  AUTHORIZATION_REVIEW_ACCEPTED: 3,
  AUTHORIZATION_REVIEW_DECLINED: 3,
};

/** The review status that follows from each payment status. An authorisation leaves the review as it is. */
const REVIEW = new Map<Status, string>([
  ['PAYMENT_AUTH_WITHPENDING_REVIEW', 'PENDING'],
  ['AUTHORIZATION_REVIEW_ACCEPTED', 'ACCEPTED'],
  ['AUTHORIZATION_REVIEW_DECLINED', 'DECLINED'],
]);

const PAYMENT_SPELLINGS = new Map<string, Status>([
  ['PAYMENT_AUTHORIZED', 'PAYMENT_AUTHORIZED'],
  ['PAYMENT_AUHTORIZED', 'PAYMENT_AUTHORIZED'],
  ['PAYMENT_AUTH_WITHPENDING_REVIEW', 'PAYMENT_AUTH_WITHPENDING_REVIEW'],
  ['AUTHORIZATION_REVIEW_ACCEPTED', 'AUTHORIZATION_REVIEW_ACCEPTED'],
  ['AUTHORIZATION_REVIEW_DECLINED', 'AUTHORIZATION_REVIEW_DECLINED'],
]);

/** Takes records in any sequence, repeats included, and returns the expected result of all of them. */
export class Oracle {
  readonly #settings: OracleSettings;
  readonly #orders = new Map<string, { identities: Set<string>; facts: Fact[] }>();
  readonly #adopted = new Map<string, AdoptedRow>();

  constructor(settings: OracleSettings) {
    this.#settings = settings;
  }

  /** Adds a row that the table held before Tributary took it over. */
  adopt(row: AdoptedRow): void {
    this.#adopted.set(row.orderId, row);
    this.#order(row.orderId);
  }

  /** Adds a record. Returns its event, or null if the record must be in quarantine. */
  add(record: RawRecord): Fact | null {
    let fact: Fact;
    try {
      fact = readFact(record, this.#settings);
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
    const order = this.#order(fact.orderId);
    const identity = identityOf(fact.eventId, fact.contentHash);
    if (!order.identities.has(identity)) {
      order.identities.add(identity);
      order.facts.push(fact);
    }
    return fact;
  }

  /** The number of different events so far, without baselines. */
  get identityCount(): number {
    let count = 0;
    for (const order of this.#orders.values()) count += order.identities.size;
    return count;
  }

  get orderCount(): number {
    return this.#orders.size;
  }

  /** Returns the identities that an order's journal must hold, as `identityOf` writes them, without baselines. */
  identities(orderId: string): ReadonlySet<string> {
    return this.#orders.get(orderId)?.identities ?? new Set();
  }

  baselineCount(orderId: string): number {
    return baselinesOf(this.#adopted.get(orderId)).length;
  }

  *expectedOrders(): Generator<ExpectedOrder> {
    for (const orderId of this.#orders.keys()) yield this.expectedOrder(orderId) as ExpectedOrder;
  }

  expectedOrder(orderId: string): ExpectedOrder | undefined {
    const order = this.#orders.get(orderId);
    if (order === undefined) return undefined;
    return foldOrder(orderId, order.facts, baselinesOf(this.#adopted.get(orderId)));
  }

  #order(orderId: string): { identities: Set<string>; facts: Fact[] } {
    let order = this.#orders.get(orderId);
    if (order === undefined) {
      order = { identities: new Set(), facts: [] };
      this.#orders.set(orderId, order);
    }
    return order;
  }
}

/** Returns the identity of an event inside its order. `eventId` is null if the product makes the id. */
export function identityOf(eventId: string | null, contentHash: string): string {
  return eventId === null ? contentHash : `${contentHash} ${eventId}`;
}

/** Returns the contract's content hash: SHA-256 of the canonical body, in hexadecimal digits. */
export function contentHashOf(body: Json): string {
  return hash('sha256', canonicalJson(body), 'hex');
}

/** Reads one record. Throws Malformed with the reason if the record must be in quarantine. */
export function readFact(record: RawRecord, settings: OracleSettings): Fact {
  if (record.value === null) throw new Malformed('no value');
  if (record.key === null) throw new Malformed('no key');
  if (sizeOf(record) > (settings.maxRecordBytes ?? 1_048_576)) throw new Malformed('the record is too large');
  const document = parseObject(record.value);
  const contentType = onlyHeader(record, 'content-type');
  let body = document;
  let cloudEventId = onlyHeader(record, 'ce_id');
  if (contentType?.startsWith('application/cloudevents')) {
    cloudEventId = textOf(document, 'id');
    textOf(document, 'source');
    textOf(document, 'type');
    if (document.get('specversion') !== '1.0') throw new Malformed('not CloudEvents 1.0');
    const data = document.get('data');
    if (!(data instanceof Map)) throw new Malformed('the CloudEvent has no object as data');
    body = data;
  }

  const orderId = textOf(body, 'orderId');
  const orderIdBytes = Buffer.from(orderId, 'utf8');
  if (orderIdBytes.length > 255) throw new Malformed('the order id is longer than 255 bytes');
  if (!orderIdBytes.equals(record.key)) throw new Malformed('the key is not the order id');
  const status = statusOf(body, record.topic, settings);
  const revision = body.get('revision');
  const isRevised = revision !== undefined && revision !== null;
  if (isRevised && !(Number.isSafeInteger(revision) && (revision as number) > 0)) {
    throw new Malformed('the revision is not a positive integer');
  }
  const ownId = (body.get('eventId') ?? null) !== null ? textOf(body, 'eventId') : null;
  const eventId = cloudEventId ?? ownId;
  if (eventId !== null && Buffer.byteLength(eventId) > 255) {
    throw new Malformed('the event id is longer than 255 bytes');
  }
  return {
    orderId,
    status,
    position: isRevised ? (revision as number) : STAGE[status],
    occurredAtMs: momentOf(textOf(body, 'timestamp')),
    eventId,
    contentHash: contentHashOf(body),
  };
}

function sizeOf(record: RawRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) bytes += Buffer.byteLength(name) + (value?.length ?? 0);
  return bytes;
}

/** Throws on bytes that are not UTF-8, and keeps a byte order mark, which the JSON reader refuses. */
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parseObject(bytes: Buffer): Map<string, Json> {
  let text: string;
  try {
    text = STRICT_UTF8.decode(bytes);
  } catch {
    throw new Malformed('not UTF-8');
  }
  try {
    const document = parseStrictJson(text);
    if (!(document instanceof Map)) throw new Malformed('not a JSON object');
    return document;
  } catch (error) {
    if (error instanceof NotStrictJson) throw new Malformed(error.message);
    throw error;
  }
}

function onlyHeader(record: RawRecord, name: string): string | null {
  const values = record.headers.filter(([given]) => given === name).map(([, value]) => value);
  if (values.length > 1) throw new Malformed(`the header ${name} is given twice`);
  return values[0] === undefined || values[0] === null ? null : values[0].toString('utf8');
}

function textOf(body: Map<string, Json>, field: string): string {
  const value = body.get(field);
  if (typeof value !== 'string' || value === '') throw new Malformed(`${field} is not a text`);
  return value;
}

function statusOf(body: Map<string, Json>, topic: string, topics: Topics): Status {
  const eventType = body.get('eventType');
  if (eventType === 'ORDER') {
    if (topic !== topics.order) throw new Malformed('an order event on another topic');
    if (body.get('orderStatus') !== 'CREATED') throw new Malformed('unknown order status');
    return 'CREATED';
  }
  if (eventType === 'PAYMENT') {
    if (topic !== topics.payment) throw new Malformed('a payment event on another topic');
    const status = PAYMENT_SPELLINGS.get(textOf(body, 'paymentStatus'));
    if (status === undefined) throw new Malformed('unknown payment status');
    return status;
  }
  throw new Malformed('unknown event type');
}

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)$/;

/** Parses an RFC 3339 moment into milliseconds. A day or time that does not exist is malformed. */
function momentOf(text: string): number {
  const match = RFC_3339.exec(text);
  if (match === null) throw new Malformed('the timestamp is not RFC 3339 with a zone');
  const part = (index: number) => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(part) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  if (day < 1 || day > days) throw new Malformed('the timestamp names a day that the calendar does not have');
  if (hour > 23 || minute > 59 || second > 59 || part(9) > 23 || part(10) > 59) {
    throw new Malformed('the timestamp names a time that the clock does not have');
  }
  const milliseconds = Number(`${match[7] ?? ''}000`.slice(0, 3));
  const zoneMinutes = (part(9) * 60 + part(10)) * (match[8] === '-' ? -1 : 1);
  return Date.UTC(year, month - 1, day, hour, minute - zoneMinutes, second, milliseconds);
}

/** A step of the fold. It sets one or two of the order status, the payment status and the review status. */
interface Step {
  readonly position: number;
  readonly occurredAtMs: number;
  readonly cautionRank: number;
  readonly eventId: Buffer | null;
  readonly contentHash: Buffer;
  readonly stage: number;
  readonly order?: string;
  readonly payment?: Status;
  readonly review?: string;
}

function stepOf(fact: Fact): Step {
  const isCautious =
    fact.status === 'PAYMENT_AUTH_WITHPENDING_REVIEW' || fact.status === 'AUTHORIZATION_REVIEW_DECLINED';
  const review = REVIEW.get(fact.status);
  return {
    position: fact.position,
    occurredAtMs: fact.occurredAtMs,
    cautionRank: isCautious ? 1 : 0,
    eventId: fact.eventId === null ? null : Buffer.from(fact.eventId, 'utf8'),
    contentHash: Buffer.from(fact.contentHash, 'hex'),
    stage: STAGE[fact.status],
    ...(fact.status === 'CREATED' ? { order: 'CREATED' } : { payment: fact.status }),
    ...(review === undefined ? {} : { review }),
  };
}

/**
 * Returns the baselines of an adopted row. Each status is an event at its stage, before every real event of that stage.
 * A row without a status is one event that sets no column: without it the view would have a row that is no fold of the
 * journal.
 */
function baselinesOf(row: AdoptedRow | undefined): Step[] {
  const steps: Step[] = [];
  if (row === undefined) return steps;
  const base = { occurredAtMs: -Infinity, cautionRank: 0, eventId: null, contentHash: Buffer.alloc(0) };
  if (row.orderStatus !== null) steps.push({ ...base, position: 1, stage: 1, order: row.orderStatus });
  if (row.paymentStatus !== null) {
    const payment = PAYMENT_SPELLINGS.get(row.paymentStatus);
    if (payment === undefined) throw new Error(`The contract has no payment status ${row.paymentStatus}`);
    steps.push({ ...base, position: STAGE[payment], stage: STAGE[payment], payment });
  }
  if (row.reviewStatus !== null) {
    const stage = row.reviewStatus === 'PENDING' ? 2 : 3;
    steps.push({ ...base, position: stage, stage, review: row.reviewStatus });
  }
  if (steps.length === 0) steps.push({ ...base, position: 1, stage: 1 });
  return steps;
}

function foldOrder(orderId: string, facts: readonly Fact[], baselines: readonly Step[]): ExpectedOrder {
  const steps = [...baselines, ...facts.map(stepOf)].sort((left, right) =>
    compareSteps(orderId, left, right),
  );
  let orderStatus: string | null = null;
  let paymentStatus: Status | null = null;
  let reviewStatus: string | null = null;
  for (const step of steps) {
    if (step.order !== undefined) orderStatus = step.order;
    if (step.payment !== undefined) paymentStatus = step.payment;
    if (step.review !== undefined) reviewStatus = step.review;
  }
  const isPaid = paymentStatus === 'PAYMENT_AUTHORIZED' || paymentStatus === 'AUTHORIZATION_REVIEW_ACCEPTED';
  return {
    orderId,
    orderStatus,
    paymentStatus,
    reviewStatus,
    readyToSend: orderStatus === 'CREATED' && isPaid,
    version: steps.length,
  };
}

function compareSteps(orderId: string, left: Step, right: Step): number {
  if (left.position !== right.position) return left.position < right.position ? -1 : 1;
  if (left.occurredAtMs !== right.occurredAtMs) return left.occurredAtMs < right.occurredAtMs ? -1 : 1;
  const decidesPayment = left.payment !== undefined && right.payment !== undefined;
  if (decidesPayment && left.stage !== right.stage) {
    throw new Error(
      `Order ${orderId} has payment events of two stages at one revision and moment: the contract leaves that open`,
    );
  }
  if (left.cautionRank !== right.cautionRank) return left.cautionRank - right.cautionRank;
  // Steps of one stage, moment and caution rank set the same statuses, so the product's own ids decide nothing here.
  if (left.eventId === null || right.eventId === null) return 0;
  return Buffer.compare(left.eventId, right.eventId) || Buffer.compare(left.contentHash, right.contentHash);
}
