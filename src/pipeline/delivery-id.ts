import { hash } from 'node:crypto';

/**
 * An id that can stand in a delivery's id as it is: without `:`, which separates the version; without capitals, because
 * some databases take `A1` and `a1` for the same; and short enough for every header and column.
 */
const PLAIN_ENTITY_ID = /^[a-z0-9_-]{1,64}$/;

/**
 * Names the delivery of one state. The name depends on the entity and the version alone, so it is the same on every
 * attempt, by any instance, after any crash or rebuild. It is `msg_order123:2`, for example. If the entity's id is long, or
 * contains anything but small letters, digits, `-` and `_`, the name is `msg_` and a hash of both with 43 letters, digits,
 * `-` and `_`. So it fits into a header, and contains no `.`, the separator of Standard Webhooks. The entity's id has to be
 * well-formed.
 */
export function deliveryIdOf(entityId: string, version: number): string {
  if (PLAIN_ENTITY_ID.test(entityId)) return `msg_${entityId}:${version}`;
  // The version comes first and has only digits, so no two pairs give the same text.
  return `msg_${hash('sha256', `${version}:${entityId}`, 'base64url')}`;
}

/**
 * Names a delivery that replaces the state that a target holds under the same version. Its content differs from that of the
 * delivery that `deliveryIdOf` names, so its id differs too. It is the same on every attempt.
 */
export function repairIdOf(entityId: string, version: number, replaces: string): string {
  return `msg_${hash('sha256', `${version}:${replaces}:${entityId}`, 'base64url')}`;
}
