import type { JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { numberTextOf, parseKeepingNumbers } from '../../../core/json-exact.ts';
import { decodeUtf8 } from '../bytes.ts';
import { registryPayloadStart } from '../forms/encodings.ts';
import { uuidOf } from '../forms/keys.ts';
import type { KeyForm } from './options.ts';

/** The longest key that is read as JSON. */
const MAX_JSON_BYTES = 64 * 1024;

/**
 * The id that the key holds, in UTF-8. The key as it is if it is not of this form: then the decoder compares that. Not asked
 * for keys that are ignored.
 */
export function keyText(key: Buffer, form: KeyForm): Buffer {
  switch (form) {
    case 'json':
      return fromJson(key) ?? key;
    case 'number':
      if (key.length === 8) return Buffer.from(key.readBigInt64BE().toString());
      return key.length === 4 ? Buffer.from(key.readInt32BE().toString()) : key;
    case 'uuid':
      return key.length === 16 ? Buffer.from(uuidOf(key)) : key;
    case 'text':
    case 'ignore':
      return key;
  }
}

/** The id in a JSON text, in schema and payload, or in an object with one member. Null if the key is no such JSON. */
function fromJson(key: Buffer): Buffer | null {
  if (key.length > MAX_JSON_BYTES) return null;
  const text = decodeUtf8(key.subarray(registryPayloadStart(key) ?? 0));
  if (text === null) return null;
  let value: JsonValue;
  try {
    value = parseKeepingNumbers(text, 'all');
  } catch {
    return null;
  }
  const id = idOf(value);
  return id === null ? null : Buffer.from(id);
}

function idOf(value: JsonValue | undefined): string | null {
  if (typeof value === 'string') return value;
  const number = numberTextOf(value);
  if (number !== null) return number;
  if (!isJsonObject(value)) return null;
  if (Object.hasOwn(value, 'schema') && Object.hasOwn(value, 'payload')) return idOf(value.payload);
  const members = Object.values(value);
  return members.length === 1 ? idOf(members[0]) : null;
}
