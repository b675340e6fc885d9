import type { JsonObject, JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { numberTextOf, parseKeepingNumbers } from '../../../core/json-exact.ts';
import type { LogRecord } from '../../../ports/event-log.ts';
import { isChangeEvent, looksLikeCloudEvent } from '../forms/bodies.ts';
import { knownEncoding } from '../forms/encodings.ts';
import { alike, jsonKind } from '../forms/kinds.ts';
import { announcesCloudEvent, readHeaders } from '../headers.ts';
import type { JsonReader } from '../json-body.ts';
import { Rejection } from '../reasons.ts';
import { readStructured } from '../structured.ts';
import { headerText, payloadOf } from './header-text.ts';
import type { SourceKind } from './options.ts';

/** What a record holds once its wrapping is off. */
export interface Unwrapped {
  /** The event as a JSON text, if it was one in the record, or as a parsed value with its numbers as their texts. */
  readonly body: Buffer | JsonValue;
  /** The event's id beside the body; null without one. */
  readonly eventId: string | null;
  /** Attributes beside the body. They stand in for fields that the body lacks. */
  readonly type?: string;
  readonly time?: string;
  readonly subject?: string;
  /** Whether the record's `content-type` is that of the body. */
  readonly keepsContentType?: boolean;
}

/**
 * Takes the wrapping of a source off. `value` is that of the record, neither null nor empty, or the JSON behind the prefix of a
 * schema registry (`isPrefixed`).
 */
type Unwrap = (
  record: LogRecord,
  value: Buffer,
  reader: JsonReader,
  isPrefixed: boolean,
) => Unwrapped | Rejection;

/** Takes the wrapping of each kind of source off. */
export const UNWRAP: Readonly<Record<SourceKind, Unwrap>> = {
  json: unwrapJson,
  cloudevents: unwrapCloudEvent,
  'connect-json': unwrapConnect,
  'debezium-outbox': unwrapOutbox,
  'debezium-table': unwrapChange,
  'schema-registry': unwrapRegistry,
};

function mismatch(kind: SourceKind, detail: string): Rejection {
  return new Rejection('source_mismatch', `${detail}, as the source ${kind} expects.`);
}

function unwrapJson(record: LogRecord, value: Buffer, reader: JsonReader): Unwrapped | Rejection {
  return envelope(record, value, reader) ?? { body: value, eventId: null, keepsContentType: true };
}

function unwrapCloudEvent(record: LogRecord, value: Buffer, reader: JsonReader): Unwrapped | Rejection {
  const structured = envelope(record, value, reader);
  if (structured !== null) return structured;
  const header = (name: string) => headerText(record.headers, name) ?? undefined;
  if (!announcesCloudEvent(record.headers)) return mismatch('cloudevents', 'The record is no CloudEvent');
  return {
    body: value,
    eventId: null,
    keepsContentType: true,
    ...attributes(header('ce_type'), header('ce_time'), header('ce_subject')),
  };
}

/** Reads an envelope of CloudEvents; null if the value is none. */
function envelope(record: LogRecord, value: Buffer, reader: JsonReader): Unwrapped | Rejection | null {
  const said = readHeaders(record.headers);
  if (said instanceof Rejection) return said;
  const parsed = reader.read(value);
  // What cannot be parsed is judged by the decoder, which says the same.
  if (parsed instanceof Rejection) return parsed;
  const outer = parsed.value;
  const isEnvelope =
    said.mode === 'structured' ||
    (looksLikeCloudEvent(outer) && (outer as JsonObject).eventType === undefined);
  if (!isEnvelope) return null;
  const structured = readStructured(parsed, reader);
  if (structured instanceof Rejection) return structured;
  const { type, time, subject } = outer as JsonObject;
  return {
    body: Buffer.from(structured.body.text),
    eventId: structured.eventId,
    ...attributes(type, time, subject),
  };
}

function attributes(
  type: unknown,
  time: unknown,
  subject: unknown,
): Pick<Unwrapped, 'type' | 'time' | 'subject'> {
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof time === 'string' ? { time } : {}),
    ...(typeof subject === 'string' ? { subject } : {}),
  };
}

/** Parses the value as strictly as the decoder does, and keeps its numbers as their texts. */
function parse(value: Buffer, reader: JsonReader): JsonValue | Rejection {
  const parsed = reader.read(value);
  return parsed instanceof Rejection ? parsed : parseKeepingNumbers(parsed.text, 'all');
}

/** A text that holds JSON once more becomes its bytes. Every other value stays. */
function textOrValue(value: JsonValue): Buffer | JsonValue {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

const EMPTY_PAYLOAD = new Rejection('value_missing', 'The payload in the envelope is null (a tombstone).');

function unwrapConnect(_record: LogRecord, value: Buffer, reader: JsonReader): Unwrapped | Rejection {
  const outer = parse(value, reader);
  if (outer instanceof Rejection) return outer;
  const payload = payloadOf(outer);
  if (payload === null) return EMPTY_PAYLOAD;
  return { body: textOrValue(payload), eventId: null };
}

function unwrapOutbox({ headers }: LogRecord, value: Buffer, reader: JsonReader): Unwrapped | Rejection {
  const eventId = headerText(headers, 'id');
  if (eventId === null) return mismatch('debezium-outbox', "The record has no header id with the event's id");
  const outer = parse(value, reader);
  if (outer instanceof Rejection) return outer;
  const payload = payloadOf(outer);
  if (payload === null) return EMPTY_PAYLOAD;
  const typeHeader = headers.find(([name]) => typeof name === 'string' && isTypeName(name));
  const type = typeHeader === undefined ? null : headerText(headers, typeHeader[0]);
  const inner = isJsonObject(payload) ? outboxEnvelope(payload) : null;
  return { body: textOrValue(payload), eventId, ...(type === null ? {} : { type }), ...inner };
}

/** With additional fields in its envelope, the router puts the event under `payload`, and the fields beside it. */
function outboxEnvelope(value: JsonObject): Pick<Unwrapped, 'body' | 'type'> | null {
  const { payload } = value;
  const holdsText = typeof payload === 'string' && payload.trimStart().startsWith('{');
  if (!holdsText && !isJsonObject(payload)) return null;
  return { body: textOrValue(payload), ...typeIn(value) };
}

function isTypeName(name: string): boolean {
  return ['eventtype', 'type'].includes(alike(name));
}

function typeIn(value: JsonObject): Pick<Unwrapped, 'type'> {
  const name = Object.keys(value).find((key) => isTypeName(key) && typeof value[key] === 'string');
  return name === undefined ? {} : { type: value[name] as string };
}

function unwrapChange(_record: LogRecord, value: Buffer, reader: JsonReader): Unwrapped | Rejection {
  const outer = parse(value, reader);
  if (outer instanceof Rejection) return outer;
  const change = payloadOf(outer);
  if (change === null) return EMPTY_PAYLOAD;
  if (!isJsonObject(change) || !isChangeEvent(change)) {
    return mismatch('debezium-table', 'The body is no change event with op and after');
  }
  if (change.op !== 'c' && change.op !== 'r') return NOT_INSERTED;
  const row = change.after ?? null;
  const parsed = typeof row === 'string' ? parse(Buffer.from(row), reader) : row;
  if (parsed instanceof Rejection) return parsed;
  return isJsonObject(parsed)
    ? unwrapRow(parsed)
    : mismatch('debezium-table', `The row after the change is ${jsonKind(parsed)}, no object`);
}

const NOT_INSERTED = new Rejection(
  'change_not_insert',
  'The change event is of an update, a delete or a truncation; only rows that are inserted are events.',
);

/** A row of an outbox table has the event in its column `payload`. Any other row is the event itself. */
function unwrapRow(row: JsonObject): Unwrapped {
  const column = (wanted: readonly string[]) => Object.keys(row).find((name) => wanted.includes(alike(name)));
  const payload = row[column(['payload']) ?? ''];
  if (typeof payload !== 'string' && !isJsonObject(payload)) return { body: row, eventId: null };
  const id = row[column(['id', 'eventid']) ?? ''];
  const eventId = typeof id === 'string' ? id : numberTextOf(id);
  const isBase64 = typeof payload === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(payload);
  const body = isBase64 ? Buffer.from(payload, 'base64') : textOrValue(payload);
  return { body, eventId, ...typeIn(row) };
}

function unwrapRegistry(
  _record: LogRecord,
  value: Buffer,
  reader: JsonReader,
  isPrefixed: boolean,
): Unwrapped | Rejection {
  if (!isPrefixed && value[0] === OPEN_BRACE) return { body: value, eventId: null };
  if (!isPrefixed)
    return (
      knownEncoding(value) ?? mismatch('schema-registry', "The value begins with no schema registry's prefix")
    );
  if (value[0] !== QUOTE) return { body: value, eventId: null };
  const text = parse(value, reader);
  return text instanceof Rejection ? text : { body: textOrValue(text), eventId: null };
}

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
