import type { IncomingHttpHeaders } from 'node:http';
import { type SigningKey, verify } from '../../../core/webhook-signature.ts';
import { HttpProblem } from '../../shared/http/problem.ts';

/**
 * Throws a problem unless one of the keys signed these bytes. Without keys every request passes; `startOrderMgt` allows that
 * on loopback only.
 */
export function requireSignature(
  keys: readonly SigningKey[],
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  nowMs: number,
): void {
  if (keys.length === 0) return;
  const given = {
    id: single(headers['webhook-id']),
    timestamp: single(headers['webhook-timestamp']),
    signature: single(headers['webhook-signature']),
  };
  const verdict = verify(keys, given, body, nowMs);
  if (!verdict.ok) throw new HttpProblem(401, verdict.reason, verdict.detail);
}

/** The delivery id of `webhook-id` or `Idempotency-Key`. Null if both are missing. Throws a problem if they differ. */
export function deliveryIdFrom(headers: IncomingHttpHeaders): string | null {
  const webhookId = single(headers['webhook-id']);
  const givenKey = single(headers['idempotency-key']);
  // Most senders write the quoted id. Then the header need not be parsed.
  const idempotencyKey = givenKey === `"${webhookId}"` ? webhookId : bare(givenKey);
  if (webhookId !== undefined && idempotencyKey !== undefined && webhookId !== idempotencyKey) {
    throw new HttpProblem(
      400,
      'delivery_id_ambiguous',
      'The headers webhook-id and Idempotency-Key name different deliveries; send the same id in both, or one of them.',
    );
  }
  const id = webhookId ?? idempotencyKey;
  if (id === undefined) return null;
  if (!isDeliveryId(id)) throw deliveryIdInvalid();
  return id;
}

export function isDeliveryId(id: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(id);
}

export function deliveryIdInvalid(): HttpProblem {
  return new HttpProblem(
    400,
    'delivery_id_invalid',
    'The delivery id has to be 1 to 255 visible ASCII characters.',
  );
}

/** A structured string without its quotes; some senders leave the quotes out. Source: RFC 8941, 3.3.3. */
function bare(value: string | undefined): string | undefined {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(value?.trim() ?? '');
  return quoted === null ? value?.trim() : quoted[1]?.replace(/\\(["\\])/g, '$1');
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
