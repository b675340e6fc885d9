import { hash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { isJsonObject } from '../../core/json-canonical.ts';
import type { Delivery, DeliveryOutcome } from '../../ports/delivery-target.ts';
import { answerText } from './answer.ts';
import type { Judge } from './verdict.ts';

/** The id of a delivery batch: the same members in the same sequence have the same id. */
export function deliveryBatchIdOf(deliveries: readonly Delivery[]): string {
  const ids = deliveries.map(({ deliveryId }) => deliveryId).join('\n');
  return `batch_${hash('sha256', ids, 'hex').slice(0, 32)}`;
}

/**
 * The body of a delivery batch: `{"deliveries":[{"id","state"},...]}`. A state whose event has a trace has `traceparent` too,
 * and `tracestate` if there is one, because the request has one header for all of its states.
 */
export function deliveryBatchBody(deliveries: readonly Delivery[]): string {
  const members = deliveries.map(({ deliveryId, body, trace }) =>
    trace === undefined
      ? { id: deliveryId, state: body }
      : { id: deliveryId, state: body, traceparent: trace.traceParent, tracestate: trace.traceState },
  );
  return JSON.stringify({ deliveries: members });
}

/** The most bytes that are read of the answer to a delivery batch: 64 KiB, and 256 bytes for each member's result. */
export function answerLimitOf(members: number): number {
  return 64 * 1_024 + 256 * members;
}

/**
 * Returns the outcome of each member, by its id, from a 2xx answer to a delivery batch. A member is sent again if its
 * result is missing, cannot be read, or stands behind the place where the answer was cut off.
 */
export function outcomesOf(
  deliveries: readonly Delivery[],
  answer: Buffer,
  { place, verdictOf }: { readonly place: string; readonly verdictOf: Judge },
  whole: DeliveryOutcome,
): DeliveryOutcome[] {
  const found = resultsOf(answer.toString('utf8'));
  const plain = plainOutcomes(whole);
  const outcome = (result: Result | undefined, { attempt }: Delivery) =>
    outcomeOf(result, attempt, { place, verdictOf }, whole, plain);
  // Mostly a target answers in the sequence of the members. As each id comes once, each result is found without a search.
  const isInSequence =
    found.length === deliveries.length &&
    found.every(({ id }, index) => id === deliveries[index]?.deliveryId);
  if (isInSequence) return deliveries.map((delivery, index) => outcome(found[index], delivery));
  const results = new Map<string, Result>();
  for (const result of found) {
    // If a member has two results, the first one counts.
    if (!results.has(result.id)) results.set(result.id, result);
  }
  return deliveries.map((delivery) => outcome(results.get(delivery.deliveryId), delivery));
}

/** Gives the outcome of a member that was delivered and nothing else, by its status: one object for all such members. */
function plainOutcomes({ latencyMs }: DeliveryOutcome): (status: number) => DeliveryOutcome {
  const byStatus = new Map<number, DeliveryOutcome>();
  return (status) => {
    let outcome = byStatus.get(status);
    if (outcome === undefined) {
      outcome = { verdict: 'delivered', status, latencyMs, answer: '', error: null, retryAfterMs: null };
      byStatus.set(status, outcome);
    }
    return outcome;
  };
}

interface Result {
  readonly id: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

function outcomeOf(
  result: Result | undefined,
  attempt: number,
  { place, verdictOf }: { readonly place: string; readonly verdictOf: Judge },
  whole: DeliveryOutcome,
  plain: (status: number) => DeliveryOutcome,
): DeliveryOutcome {
  const { latencyMs } = whole;
  if (result === undefined) {
    const error = `${place} accepted the delivery batch without a result for this state; whether it has the state is not known.`;
    return { verdict: 'retry', status: whole.status, latencyMs, answer: '', error, retryAfterMs: null };
  }
  const { status, fields } = result;
  const verdict = verdictOf(status, attempt);
  if (verdict === 'delivered' && fields.duplicate !== true && fields.ignored !== true) return plain(status);
  const name = STATUS_CODES[status];
  return {
    verdict,
    status,
    latencyMs,
    answer: answerText(Buffer.from(JSON.stringify(fields))),
    error:
      verdict === 'delivered'
        ? null
        : `${place} answered ${name === undefined ? status : `${status} ${name}`} for this state of a delivery batch.`,
    retryAfterMs: null,
  };
}

function resultsOf(text: string): Result[] {
  const results = parsedResults(text) ?? salvagedResults(text);
  return results.flatMap((item) => {
    if (!isJsonObject(item)) return [];
    const { id, status } = item;
    if (typeof id !== 'string' || !Number.isInteger(status)) return [];
    if (Number(status) < 100 || Number(status) > 999) return [];
    return [{ id, status: Number(status), fields: item }];
  });
}

function parsedResults(text: string): readonly unknown[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isJsonObject(value) && Array.isArray(value.results) ? value.results : [];
}

/** Reads the whole results of an answer that was cut off: tries eight ends of a result, the last one first. */
function salvagedResults(text: string): readonly unknown[] {
  let end = text.length;
  for (let tries = 0; tries < 8; tries++) {
    end = text.lastIndexOf('}', end - 1);
    if (end <= 0) return [];
    const results = parsedResults(`${text.slice(0, end + 1)}]}`);
    if (results !== null) return results;
  }
  return [];
}
