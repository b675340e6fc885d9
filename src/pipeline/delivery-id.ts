import { hash } from 'node:crypto';

/**
 * Names the delivery of one state: the same on every attempt, by any instance, after any crash or rebuild,
 * because it depends on nothing but the entity and the version. Whatever the entity's id holds, the name is
 * `msg_` and 43 letters, digits, `-` and `_`, so it fits into a header. The id must be well-formed.
 */
export function deliveryIdOf(entityId: string, version: number): string {
  // The version goes first and is digits only, so no two pairs read the same.
  return `msg_${hash('sha256', `${version}:${entityId}`, 'base64url')}`;
}
