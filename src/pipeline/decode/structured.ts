import type { JsonObject, JsonValue } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import { holdsKeptNumber } from '../../core/json-exact.ts';
import { CLOUDEVENT_WITHOUT_DATA, classifyContentType, VERSION_UNSUPPORTED } from './headers.ts';
import type { JsonReader, ParsedJson } from './json-body.ts';
import { Rejection } from './reasons.ts';

export interface StructuredEvent {
  readonly eventId: string;
  readonly body: ParsedJson;
}

/** Reads the body from an envelope in the CloudEvents JSON format 1.0. */
export function readStructured(parsed: ParsedJson, reader: JsonReader): StructuredEvent | Rejection {
  const { value: envelope, exact } = parsed;
  if (!isJsonObject(envelope)) return invalid('The envelope is not an object.');
  // Some programs write the version as a number.
  if (envelope.specversion !== '1.0' && envelope.specversion !== 1) return VERSION_UNSUPPORTED;
  const { id, source, type, datacontenttype } = envelope;
  if (typeof id !== 'string') return invalid('The envelope has no id (a string).');
  if (typeof source !== 'string' || source === '') return invalid('The envelope has no source (a string).');
  if (typeof type !== 'string' || type === '') return invalid('The envelope has no type (a string).');
  if (datacontenttype !== undefined && datacontenttype !== null) {
    if (typeof datacontenttype !== 'string') return invalid('datacontenttype is not a string.');
    const mode = classifyContentType(datacontenttype);
    // Dapr calls every text text/plain, also one that holds JSON.
    const isText = typeof envelope.data === 'string' && /^text\/plain *(?:;|$)/i.test(datacontenttype);
    const held = isText ? readText(envelope.data as string, reader) : mode;
    if (mode instanceof Rejection && held instanceof Rejection) return mode;
    if (mode === 'structured') return invalid('datacontenttype says that the data is an envelope again.');
  }
  const exactData = exact === null ? null : ((exact as JsonObject).data ?? null);
  const body = readData(envelope.data, envelope.data_base64, exactData, reader);
  return body instanceof Rejection ? body : { eventId: id, body };
}

/** `exactData`: the data with its large numbers as texts; null if the envelope has no large number. */
function readData(
  data: JsonValue | undefined,
  base64: JsonValue | undefined,
  exactData: JsonValue | null,
  reader: JsonReader,
): ParsedJson | Rejection {
  if (base64 === undefined || base64 === null) {
    if (data === undefined) return CLOUDEVENT_WITHOUT_DATA;
    if (typeof data === 'string') return readText(data, reader);
    const exact =
      isJsonObject(data) && isJsonObject(exactData ?? undefined) && holdsKeptNumber(exactData as JsonValue)
        ? exactData
        : null;
    return { value: data, text: JSON.stringify(exact ?? data), isPlain: false, exact };
  }
  if (data !== undefined) return invalid('The envelope has both data and data_base64.');
  if (typeof base64 !== 'string') return invalid('data_base64 is not a string.');
  const bytes = Buffer.from(base64, 'base64');
  // Node skips characters that are not base64. Only a text that Node writes in the same way is base64 (RFC 4648, section 4).
  if (bytes.toString('base64') !== base64) return invalid('data_base64 is not valid base64.');
  const body = reader.read(bytes);
  return body instanceof Rejection ? body : { ...body, isPlain: false };
}

/** Reads data that is a text which holds JSON once more. It can be mixed up with nothing, because a text is no event. */
function readText(data: string, reader: JsonReader): ParsedJson | Rejection {
  const body = reader.read(Buffer.from(data, 'utf8'));
  const isObject = !(body instanceof Rejection) && isJsonObject(body.value);
  return isObject
    ? { ...body, isPlain: false }
    : new Rejection('body_not_object', "The envelope's data is a text that holds no JSON object.");
}

function invalid(detail: string): Rejection {
  return new Rejection('cloudevents_envelope_invalid', detail);
}
