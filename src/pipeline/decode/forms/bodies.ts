import type { JsonObject, JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import type { LoggedHeader } from '../../../ports/event-log.ts';
import { decodeUtf8 } from '../bytes.ts';
import { Rejection } from '../reasons.ts';
import { alike, jsonKind, parsed, similarName } from './kinds.ts';

/** The names of the domain's event types. */
export type KnownTypes = ReadonlySet<string>;

/** Says what a JSON value is that is no object, and so no event. */
export function bodyThatIsNoObject(value: JsonValue, known: KnownTypes): Rejection {
  if (typeof value === 'string') return textBody(value, known);
  if (!Array.isArray(value)) return notAnObject(jsonKind(value));
  const [first, second] = value;
  if (value.length > 0 && value.every(looksLikeCloudEvent))
    return new Rejection(
      'cloudevents_batch_unsupported',
      `The value is an array of ${value.length} CloudEvents (a batch).`,
    );
  if (value.length === 2 && typeof first === 'string' && isJsonObject(second))
    return notAnObject("an array of a class name and an object, as Jackson's default typing writes it");
  const events = value.filter((element) => isEvent(element, known)).length;
  return notAnObject(`an array of ${value.length}${events === 0 ? '' : `, ${events} of them events`}`);
}

function notAnObject(form: string): Rejection {
  return new Rejection('body_not_object', `The body is JSON, but not an object: it is ${form}.`);
}

function textBody(text: string, known: KnownTypes): Rejection {
  const inner = parsed(text);
  if (inner !== undefined && typeof inner === 'object' && inner !== null) {
    return new Rejection(
      'json_in_text',
      `The body is a text that holds JSON: ${describe(inner, known)} was serialized twice.`,
    );
  }
  if (typeof inner === 'string' && /^\s*["{[]/.test(inner))
    return new Rejection(
      'json_in_text',
      'The body is a text that holds JSON in a text: it was serialized three times or more.',
    );
  if (/^H4sI[A-Za-z0-9+/]+={0,2}$/.test(text)) return notAnObject('a text that holds gzip in base64');
  if (
    /^[A-Za-z0-9+/]{8,}={0,2}$/.test(text) &&
    parsed(Buffer.from(text, 'base64').toString('utf8')) !== undefined
  )
    return new Rejection(
      'json_in_text',
      'The body is a text that holds JSON in base64, as bytes become in JSON.',
    );
  return notAnObject('a text');
}

function describe(value: JsonValue, known: KnownTypes): string {
  if (isEvent(value, known)) return 'an event';
  return isJsonObject(value) ? 'an object' : jsonKind(value);
}

function isEvent(value: JsonValue | undefined, known: KnownTypes): boolean {
  return isJsonObject(value) && typeof value.eventType === 'string' && known.has(value.eventType);
}

/** Whether the value has what only an envelope of CloudEvents has. */
export function looksLikeCloudEvent(value: JsonValue): boolean {
  if (!isJsonObject(value) || !['string', 'number'].includes(typeof value.specversion)) return false;
  return (
    ['id', 'source', 'type', 'data', 'data_base64'].filter((name) => Object.hasOwn(value, name)).length >= 2
  );
}

/** Says what an object is whose eventType is missing, or is none that the domain knows. */
export function bodyWithoutType(
  body: JsonObject,
  headers: readonly LoggedHeader[],
  known: KnownTypes,
): Rejection {
  const names = [...known].join(', ');
  const { eventType } = body;
  if (eventType !== undefined && eventType !== null) return unknownType(eventType, known);
  const form = knownForm(body, known);
  if (form !== null) return form;
  const nothing = eventType === null ? "The body's eventType is null" : 'The body has no field eventType';
  const similar = similarName(Object.keys(body), 'eventType');
  if (similar !== undefined) return missingType(`${nothing} (there is ${similar}).`);
  const header = headers.find(([name, value]) => isTypeHeader(name, value, known));
  if (header !== undefined) return missingType(`${nothing}; the header ${String(header[0])} names the type.`);
  const nested = nestedEvent(body, known);
  if (nested !== null) return nested;
  const other = ['type', 'event', 'kind', 'event_name', 'name'].find((name) => isKnown(body[name], known));
  if (other !== undefined) return missingType(`${nothing} (there is ${other}, which names a type).`);
  return missingType(`${nothing}, which has to be one of ${names}.`);
}

function missingType(detail: string): Rejection {
  return new Rejection('event_type_missing', detail);
}

function unknownType(eventType: JsonValue, known: KnownTypes): Rejection {
  const names = [...known].join(', ');
  const because =
    typeof eventType !== 'string'
      ? `: it is ${jsonKind(eventType)}`
      : [...known].some((name) => alike(name) === alike(eventType))
        ? ': it differs in capitals, hyphens or underscores'
        : '';
  return new Rejection('event_type_unknown', `The body's eventType is not one of ${names}${because}.`);
}

function isKnown(value: JsonValue | undefined, known: KnownTypes): boolean {
  return typeof value === 'string' && known.has(value);
}

function isTypeHeader(name: LoggedHeader[0], value: Uint8Array | null, known: KnownTypes): boolean {
  if (typeof name !== 'string' || value === null || value.length > 255) return false;
  if (!['eventtype', 'type', 'cetype'].includes(alike(name))) return false;
  return known.has((decodeUtf8(value) ?? '').replace(/^"(.*)"$/, '$1'));
}

/** A form that many programs write: Kafka Connect's envelope, or a change event of a database. */
function knownForm(body: JsonObject, known: KnownTypes): Rejection | null {
  if (isConnectEnvelope(body)) {
    const payload = payloadForm(body.payload, known);
    return new Rejection(
      'connect_envelope',
      `The body is Kafka Connect's envelope, schema and payload; its payload is ${payload}.`,
    );
  }
  const change = changeForm(body);
  return change === null ? null : new Rejection('change_event', `The body is ${change}, and not an event.`);
}

/** Whether the object is what Kafka Connect's JsonConverter writes around a value, with `schemas.enable`. */
export function isConnectEnvelope(body: JsonObject): boolean {
  return Object.hasOwn(body, 'schema') && Object.hasOwn(body, 'payload') && Object.keys(body).length === 2;
}

function payloadForm(payload: JsonValue | undefined, known: KnownTypes): string {
  if (typeof payload === 'string') {
    const inner = parsed(payload);
    return inner === undefined ? 'a text' : `a text that holds JSON: ${payloadForm(inner, known)}`;
  }
  if (payload === undefined || !isJsonObject(payload)) return jsonKind(payload);
  if (isEvent(payload, known)) return 'an event';
  return changeForm(payload) ?? 'an object';
}

const OPERATIONS: ReadonlyMap<JsonValue, string> = new Map([
  ['c', 'an insert'],
  ['r', 'a row of a snapshot'],
  ['u', 'an update'],
  ['d', 'a delete'],
  ['t', 'a truncation'],
  ['m', 'a message'],
]);

/** Change events of other programs, each known by the fields that it always has. */
const OTHER_CHANGES: readonly (readonly [name: string, fields: readonly string[]])[] = [
  ['a change event of Canal', ['database', 'table', 'type', 'data', 'isDdl']],
  ['a change event of Maxwell', ['database', 'table', 'type', 'data', 'ts']],
  ['a change event of GoldenGate', ['table', 'op_type', 'op_ts']],
  ['a change event of MongoDB', ['operationType', 'ns', 'documentKey']],
  ["Debezium's record of a change of the schema", ['source', 'databaseName', 'ddl']],
  ["Debezium's record of a transaction", ['status', 'id', 'event_count', 'data_collections']],
  ['a change event of DynamoDB', ['eventName', 'dynamodb']],
  ['a change event of AWS DMS', ['data', 'metadata']],
];

/** The name of a change event, of whichever program; null if the object is none. */
export function changeForm(body: JsonObject): string | null {
  const has = (name: string) => Object.hasOwn(body, name);
  if (isChangeEvent(body)) {
    const operation = OPERATIONS.get(body.op as JsonValue) ?? 'another operation';
    return `Debezium's change event (before, after, op, source) of ${operation}`;
  }
  if (has('ts_ms') && Object.keys(body).length === 1) return 'a heartbeat of Debezium';
  return OTHER_CHANGES.find(([, fields]) => fields.every(has))?.[0] ?? null;
}

/** Whether the object is a change event of Debezium: one row before and after, the operation, and where it comes from. */
export function isChangeEvent(body: JsonObject): boolean {
  const has = (name: string) => Object.hasOwn(body, name);
  return typeof body.op === 'string' && (has('before') || has('after')) && (has('source') || has('ts_ms'));
}

/** Names of members that people wrap events in. Other names may be confidential, so they are not shown. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'data',
  'payload',
  'body',
  'message',
  'event',
  'detail',
  'value',
  'record',
  'content',
  'after',
  'order',
  'payment',
  'attributes',
  'root',
  'item',
]);

/** The refusal of a body whose eventType stands beside the event, as in the envelope of an outbox; null if it has no event. */
export function eventBesideType(body: JsonObject, known: KnownTypes, idField: string): Rejection | null {
  const has = 'an eventType of its own';
  return nestedEvent(body, known, has) ?? (Object.hasOwn(body, idField) ? null : nestedFields(body, idField));
}

/** The fields of an event that stand one level further in, while its type stands outside. */
function nestedFields(body: JsonObject, idField: string): Rejection | null {
  for (const name of Object.keys(body).slice(0, 100)) {
    const inner = innerOf(body[name] as JsonValue);
    if (!isJsonObject(inner) || !Object.hasOwn(inner, idField)) continue;
    const where = WRAPPERS.has(name.toLowerCase()) ? `the member ${name}` : 'one of its members';
    return new Rejection(
      'event_nested',
      `The body has an eventType, and its other fields stand in ${where}.`,
    );
  }
  return null;
}

/** The value of a member, or the JSON in it. */
function innerOf(member: JsonValue): JsonValue | undefined {
  return typeof member === 'string' && member.trimStart().startsWith('{') ? parsed(member) : member;
}

/** An event that stands one level further in. `has` says what the body itself has of a type. */
function nestedEvent(body: JsonObject, known: KnownTypes, has = 'no field eventType'): Rejection | null {
  for (const name of Object.keys(body).slice(0, 100)) {
    const member = body[name] as JsonValue;
    if (!isEvent(innerOf(member), known)) continue;
    const where = WRAPPERS.has(name.toLowerCase()) ? `the member ${name}` : 'one of its members';
    const asText = typeof member === 'string' ? ', as a text that holds JSON' : '';
    return new Rejection('event_nested', `The body has ${has}; the event stands in ${where}${asText}.`);
  }
  return null;
}
