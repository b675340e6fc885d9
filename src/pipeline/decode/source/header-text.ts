import type { JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { numberTextOf, parseKeepingNumbers } from '../../../core/json-exact.ts';
import type { LoggedHeader } from '../../../ports/event-log.ts';
import { asBuffer, decodeUtf8 } from '../bytes.ts';
import { isConnectEnvelope } from '../forms/bodies.ts';
import { uuidOf } from '../forms/keys.ts';

/** The payload of Kafka Connect's envelope; the value itself without one. */
export function payloadOf(value: JsonValue): JsonValue {
  return isJsonObject(value) && isConnectEnvelope(value) ? (value.payload as JsonValue) : value;
}

/** The text of a header, out of its quotes, or out of its schema and payload, if it was written as JSON. Null without one. */
export function headerText(headers: readonly LoggedHeader[], wanted: LoggedHeader[0]): string | null {
  const value = headers.find(([name]) => name === wanted)?.[1] ?? null;
  if (value === null || value.length === 0) return null;
  const text = decodeUtf8(value);
  if (text === null) return value.length === 16 ? uuidOf(asBuffer(value)) : null;
  if (!/^\s*["{]/.test(text)) return text;
  try {
    const json = payloadOf(parseKeepingNumbers(text, 'all'));
    return typeof json === 'string' ? json : (numberTextOf(json) ?? text);
  } catch {
    return text;
  }
}
