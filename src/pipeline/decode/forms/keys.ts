import type { JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { decodeUtf8 } from '../bytes.ts';
import { Rejection } from '../reasons.ts';
import { hasRegistryPrefix, REGISTRY_PREFIX_BYTES } from './encodings.ts';
import { alike, parsed } from './kinds.ts';

/** The longest key that is looked at. An id has 255 bytes at most. */
const LOOKED_AT_MAX = 64 * 1024;

/** Says of what kind a key is that is not the id of the entity. `field`: the field of the body with the id. */
export function wrongKey(key: Buffer, entityId: string, field: string): Rejection {
  const looked = key.subarray(0, LOOKED_AT_MAX);
  const ofBytes = binaryKey(looked, entityId);
  if (ofBytes !== null)
    return new Rejection('key_is_binary', `The key is ${ofBytes}, and not the text of the body's ${field}.`);
  const text = decodeUtf8(looked) ?? '';
  const json = /^\s*["{[]/.test(text) ? parsed(text) : undefined;
  if (json !== undefined)
    return new Rejection('key_is_json', `The key is ${jsonKey(json, entityId, field)}.`);
  return new Rejection(
    'key_not_entity_id',
    `The key is not the body's ${field}: ${difference(text, entityId)}.`,
  );
}

/** What kind of bytes the key is; null if it is text. */
function binaryKey(key: Buffer, entityId: string): string | null {
  const { length } = key;
  if (decodeUtf8(key) === null && key.toString('latin1') === entityId)
    return 'the id in ISO 8859-1 instead of UTF-8';
  if (hasRegistryPrefix(key) && key.subarray(REGISTRY_PREFIX_BYTES).includes(entityId))
    return registryKey(key, true);
  if (key.toString('hex', 0, 4) === JAVA) return `${length} bytes of Java's own serialization`;
  const number = length === 8 ? key.readBigInt64BE() : length === 4 ? BigInt(key.readInt32BE()) : null;
  const turned = length === 8 ? key.readBigInt64LE() : length === 4 ? BigInt(key.readInt32LE()) : null;
  if (turned?.toString() === entityId && number !== turned)
    return `${length} bytes of a number, the lowest first: the id as a number`;
  if (number !== null && (isBinary(key) || number.toString() === entityId))
    return `${length} bytes of a number${number.toString() === entityId ? ': the id as a number' : ''}`;
  if (length === 16 && uuidOf(swapped(key)) === entityId.toLowerCase())
    return '16 bytes of a UUID, in the sequence of .NET (Guid.ToByteArray): the id as bytes';
  if (length === 16 && (isBinary(key) || uuidOf(key) === entityId.toLowerCase()))
    return `16 bytes, as of a UUID${uuidOf(key) === entityId.toLowerCase() ? ': the id as bytes' : ''}`;
  if (hasRegistryPrefix(key)) return registryKey(key, false);
  if (key.equals(Buffer.from(entityId, 'utf16le'))) return 'the id in UTF-16';
  if (decodeUtf8(key) !== null) return null;
  return `${length} bytes that are no UTF-8`;
}

function registryKey(key: Buffer, holdsId: boolean): string {
  return `bytes behind a schema registry's prefix, schema ${key.readUInt32BE(1)}${holdsId ? ', with the id in them' : ''}`;
}

function isBinary(key: Buffer): boolean {
  return decodeUtf8(key) === null || key.some((byte) => byte < 0x20);
}

/** The first bytes of an object in Java's own serialization. */
const JAVA = 'aced0005';

/** The 16 bytes of a UUID with its first three parts turned round, as .NET writes them. */
function swapped(bytes: Buffer): Buffer {
  const parts = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6, 8)];
  return Buffer.concat([...parts.map((part) => Buffer.from(part).reverse()), bytes.subarray(8)]);
}

/** The text of the UUID with these 16 bytes. */
export function uuidOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function jsonKey(json: JsonValue, entityId: string, field: string): string {
  const is = (value: JsonValue | undefined) =>
    value === entityId || (typeof value === 'number' && String(value) === entityId);
  if (typeof json === 'string') {
    return is(json)
      ? 'the id as a JSON text, in quotes'
      : `a JSON text, in quotes, and not the body's ${field} in it`;
  }
  if (!isJsonObject(json)) return 'a JSON array';
  if ('schema' in json && 'payload' in json) {
    const { payload } = json;
    const holdsId = is(payload) || (isJsonObject(payload) && Object.values(payload).some(is));
    return `an object with schema and payload, as Kafka Connect's JsonConverter writes it${holdsId ? '; the id is its payload' : ''}`;
  }
  const members = Object.values(json);
  const count = `${members.length} member${members.length === 1 ? '' : 's'}`;
  return members.some(is)
    ? `a JSON object with ${count}; the id is in it`
    : `a JSON object with ${count}, and the id is not in it`;
}

/** How two texts differ, without a word of either. */
function difference(text: string, entityId: string): string {
  if (text.trim() === entityId) return 'white space stands around the id';
  if (text.toLowerCase() === entityId.toLowerCase()) return 'it is the id in other capitals';
  if (text.normalize('NFC') === entityId.normalize('NFC'))
    return 'it is the id in another normal form of Unicode';
  if (alike(text) === alike(entityId)) return 'it is the id with other hyphens, underscores or capitals';
  if (text.endsWith(entityId))
    return 'something stands before the id, such as the name of a tenant or of a type';
  if (text.startsWith(entityId)) return 'something stands behind the id';
  if (text.includes(entityId)) return 'the id stands inside of it';
  if (/^-?\d+$/.test(text)) return 'it is another number, such as the number of a row';
  return 'it is another text';
}
