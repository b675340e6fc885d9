import { hash } from 'node:crypto';

/**
 * No `:`, so that the version can be told from it; no capitals, since some databases take `A1` and `a1` for one; and
 * short enough for every header and column.
 */
const PLAIN_ENTITY_ID = /^[a-z0-9_-]{1,64}$/;

/**
 * Names the delivery of one state: the same on every attempt, by any instance, after any crash or rebuild,
 * because it depends on nothing but the entity and the version. It says both, as `msg_order123:2`; if the entity's id is
 * long or holds anything but small letters, digits, `-` and `_`, the name is `msg_` and 43 letters, digits, `-` and `_`,
 * a hash of both. So it fits into a header, and holds no `.`, which Standard Webhooks puts behind it. The entity's id
 * must be well-formed.
 */
export function deliveryIdOf(entityId: string, version: number): string {
  if (PLAIN_ENTITY_ID.test(entityId)) return `msg_${entityId}:${version}`;
  // The version goes first and is digits only, so no two pairs read the same.
  return `msg_${hash('sha256', `${version}:${entityId}`, 'base64url')}`;
}

/**
 * Names a delivery that replaces what a target holds under the same version: of other content than `deliveryIdOf` names,
 * and so under another id. The same on every attempt too.
 */
export function repairIdOf(entityId: string, version: number, replaces: string): string {
  return `msg_${hash('sha256', `${version}:${replaces}:${entityId}`, 'base64url')}`;
}
