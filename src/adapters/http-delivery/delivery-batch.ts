import { hash } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Delivery, DeliveryOutcome } from '../../ports/delivery-target.ts';
import { answerText } from './answer.ts';
import { verdictOf } from './verdict.ts';

/** The id of a request with many states: the same for the same members in the same sequence. */
export function deliveryBatchIdOf(deliveries: readonly Delivery[]): string {
  const ids = deliveries.map(({ deliveryId }) => deliveryId).join('\n');
  return `batch_${hash('sha256', ids, 'hex').slice(0, 32)}`;
}

/** `{"deliveries":[{"id","state"},...]}`. */
export function deliveryBatchBody(deliveries: readonly Delivery[]): string {
  const members = deliveries.map(({ deliveryId, body }) => ({ id: deliveryId, state: body }));
  return JSON.stringify({ deliveries: members });
}

/** How much of a batch's answer is read: each member's result has room, and the answer as a whole some more. */
export function answerLimitOf(members: number): number {
  return 64 * 1_024 + 256 * members;
}

/**
 * What a 2xx answer to a batch says of each member, by its id. A member without a result, with one that cannot be
 * read, or with one behind the place where the answer was cut off, has to be sent again.
 */
export function outcomesOf(
  deliveries: readonly Delivery[],
  answer: Buffer,
  place: string,
  whole: DeliveryOutcome,
): DeliveryOutcome[] {
  const results = new Map<string, Result>();
  for (const result of resultsOf(answer.toString('utf8'))) {
    // Of two results for one member the first counts, and the answer is no better for the second.
    if (!results.has(result.id)) results.set(result.id, result);
  }
  return deliveries.map((delivery) =>
    outcomeOf(results.get(delivery.deliveryId), delivery.attempt, place, whole),
  );
}

interface Result {
  readonly id: string;
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

function outcomeOf(
  result: Result | undefined,
  attempt: number,
  place: string,
  whole: DeliveryOutcome,
): DeliveryOutcome {
  const { latencyMs } = whole;
  if (result === undefined) {
    const error = `${place} took the batch and gave no result for this state; whether it has it is not known.`;
    return { verdict: 'retry', status: whole.status, latencyMs, answer: '', error, retryAfterMs: null };
  }
  const { status, fields } = result;
  const verdict = verdictOf(status, attempt);
  const isPlain = verdict === 'delivered' && fields.duplicate !== true && fields.ignored !== true;
  const name = STATUS_CODES[status];
  return {
    verdict,
    status,
    latencyMs,
    answer: isPlain ? '' : answerText(Buffer.from(JSON.stringify(fields))),
    error:
      verdict === 'delivered'
        ? null
        : `${place} answered ${name === undefined ? status : `${status} ${name}`} for this state of a batch.`,
    retryAfterMs: null,
  };
}

function resultsOf(text: string): Result[] {
  const results = parsedResults(text) ?? salvagedResults(text);
  return results.flatMap((item) => {
    if (!isObject(item)) return [];
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
  return isObject(value) && Array.isArray(value.results) ? value.results : [];
}

/** An answer that was cut off holds whole results up to somewhere: a few ends are tried, the last one first. */
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
