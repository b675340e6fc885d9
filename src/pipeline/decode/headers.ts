import { utf8Length } from '../../core/text.ts';
import { TRACE_STATE_MAX, type TraceContext, traceContextOf } from '../../core/trace-context.ts';
import type { LoggedHeader } from '../../ports/event-log.ts';
import { asBuffer, decodeUtf8, isUtf8Of } from './bytes.ts';
import { FLATTENED_CHANGE, isOtherOperation } from './forms/flattened.ts';
import { Rejection } from './reasons.ts';

/** The findings of the headers about the record's value. */
export interface HeaderFindings {
  /** `structured`: the value is a CloudEvents envelope with the body inside. */
  readonly mode: 'body' | 'structured';
  /** The header `ce_id`; null without one. */
  readonly eventId: string | null;
  /** The headers `traceparent` and `tracestate`; null if there is no `traceparent`, or a malformed one. */
  readonly trace: TraceContext | null;
}

const NOTHING_SAID: HeaderFindings = { mode: 'body', eventId: null, trace: null };

/**
 * Reads the headers by the CloudEvents Kafka protocol binding 1.0: names are exact and in lower case, texts are UTF-8. The
 * names of CloudEvents may come only once. Other headers may be repeated. Some producers write every header as JSON, so that
 * texts stand in quotes: `ce_specversion` says so, and then `ce_id` is read without them. Nothing that a trace header holds makes a record
 * invalid, because a trace is no part of the event.
 */
export function readHeaders(headers: readonly LoggedHeader[]): HeaderFindings | Rejection {
  let mode: HeaderFindings['mode'] = 'body';
  let eventId: string | null = null;
  let isTraced = false;
  let isQuoted = false;
  let relevant = 0;
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index] as LoggedHeader;
    const name = header[0];
    if (name === 'traceparent') isTraced = true;
    else if (name === CHANGE_HEADER && isOtherChange(header[1])) return FLATTENED_CHANGE;
    if (!isRelevant(name)) continue;
    relevant++;
    const value = header[1];
    if (value === null) {
      // An attribute that is null is one that the event does not have. An event without an id is none.
      if (name === 'ce_id') return ID_NULL;
      continue;
    }
    if (name === 'ce_id') {
      eventId = decodeUtf8(value);
      if (eventId === null) return ID_NOT_UTF8;
    } else if (name === 'ce_specversion') {
      if (isVersionOne(value)) continue;
      if (!isLooseVersionOne(value)) return versionFault(value);
      isQuoted = value[0] === QUOTE;
    } else if (name === 'content-type') {
      const kind = readContentType(value);
      if (kind instanceof Rejection) return kind;
      mode = kind;
    }
  }
  if (isQuoted && eventId !== null) eventId = withoutQuotes(eventId);
  if (relevant > 1 && hasRepeatedName(headers)) {
    return new Rejection('header_duplicate', 'A CloudEvents header or content-type stands more than once.');
  }
  if (isTraced) return { mode, eventId, trace: readTrace(headers) };
  return mode === 'body' && eventId === null ? NOTHING_SAID : { mode, eventId, trace: null };
}

/**
 * Two headers `traceparent` say nothing. Several headers `tracestate` are one list. Source: W3C Trace Context, Level 2, 3.3.1.
 */
function readTrace(headers: readonly LoggedHeader[]): TraceContext | null {
  let parent: string | null = null;
  const states: string[] = [];
  for (const [name, value] of headers) {
    if (name === 'traceparent') {
      if (value === null || parent !== null) return null;
      // Both headers are ASCII. Other bytes become characters that neither of them may have.
      parent = asBuffer(value).toString('latin1', 0, TRACE_STATE_MAX);
    } else if (name === 'tracestate' && value !== null) {
      states.push(asBuffer(value).toString('latin1', 0, TRACE_STATE_MAX + 1));
    }
  }
  return traceContextOf(parent, states.length === 0 ? null : states.join(','));
}

const ID_NULL = new Rejection('header_invalid', 'The header ce_id is null.');
const ID_NOT_UTF8 = new Rejection('header_invalid', 'The header ce_id is not valid UTF-8.');

/** A CloudEvent, in either mode, that has no data. */
export const CLOUDEVENT_WITHOUT_DATA = new Rejection(
  'cloudevents_data_missing',
  'The record is a CloudEvent without data, and the data is the event.',
);

export const VERSION_UNSUPPORTED = new Rejection(
  'cloudevents_version_unsupported',
  'The CloudEvents specversion is not 1.0.',
);

/** Tells a version that cannot be read from another version. */
function versionFault(value: Uint8Array): Rejection {
  const text = decodeUtf8(value.subarray(0, 32));
  if (text !== null && /^"?\d+(\.\d+)*"?$/.test(text)) return VERSION_UNSUPPORTED;
  return new Rejection(
    'cloudevents_version_unsupported',
    'The CloudEvents specversion is not 1.0: it is no number at all.',
  );
}

/** Debezium's transformation that flattens change events puts the operation here, if it is told to. */
const CHANGE_HEADER = '__op';

function isOtherChange(value: Uint8Array | null): boolean {
  return value !== null && isOtherOperation(withoutQuotes(decodeUtf8(value) ?? ''));
}

/** Whether headers say that the record is a CloudEvent. */
export function announcesCloudEvent(headers: readonly LoggedHeader[]): boolean {
  return headers.some(([name, value]) => (name === 'ce_specversion' || name === 'ce_id') && value !== null);
}

/** A name that is not well-formed UTF-8 is none of the names that are read here. */
function isRelevant(name: LoggedHeader[0]): name is string {
  if (typeof name !== 'string') return false;
  const first = name.charCodeAt(0);
  return first === LOWER_C && (name.startsWith('ce_') || name === 'content-type');
}

const LOWER_C = 0x63;

/** The bytes of names and values together: exact if they are over `limit`, else a number up to `limit`. */
export function headerBytesWithin(headers: readonly LoggedHeader[], limit: number): number {
  let atMost = 0;
  for (let index = 0; index < headers.length; index++) {
    const [name, value] = headers[index] as LoggedHeader;
    atMost += name.length * MAX_BYTES_PER_UNIT + (value === null ? 0 : value.length);
  }
  return atMost <= limit ? atMost : headerBytes(headers);
}

/** The most bytes of one UTF-16 code unit in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

function headerBytes(headers: readonly LoggedHeader[]): number {
  let bytes = 0;
  for (const [name, value] of headers) {
    bytes +=
      (typeof name === 'string' ? utf8Length(name) : name.length) + (value === null ? 0 : value.length);
  }
  return bytes;
}

function isVersionOne(value: Uint8Array): boolean {
  return value.length === 3 && value[0] === 0x31 && value[1] === 0x2e && value[2] === 0x30;
}

/** `1`, as Kafka Connect makes a number of the text, and either of them in the quotes of JSON. */
function isLooseVersionOne(value: Uint8Array): boolean {
  return value.length <= 5 && LOOSE_VERSION_ONE.has(asBuffer(value).toString('latin1'));
}

const LOOSE_VERSION_ONE: ReadonlySet<string> = new Set(['1', '"1.0"', '"1"']);

const QUOTE = 0x22;

/** The text of a header that was written as JSON; the header as it is if it is no JSON text. */
function withoutQuotes(header: string): string {
  if (!/^".*"$/s.test(header)) return header;
  try {
    return String(JSON.parse(header));
  } catch {
    return header;
  }
}

/** Whether a name comes twice. Compares few names with each other, and puts many into a set. */
function hasRepeatedName(headers: readonly LoggedHeader[]): boolean {
  if (headers.length > 24) {
    const names = headers.map(([name]) => name).filter(isRelevant);
    return new Set(names).size !== names.length;
  }
  for (let index = 1; index < headers.length; index++) {
    const name = (headers[index] as LoggedHeader)[0];
    if (!isRelevant(name)) continue;
    for (let before = 0; before < index; before++) {
      if ((headers[before] as LoggedHeader)[0] === name) return true;
    }
  }
  return false;
}

/** Types that producers often name. Others may be confidential, so they are not shown. */
const NAMED_TYPES: ReadonlySet<string> = new Set([
  'text/plain',
  'text/json',
  'text/xml',
  'text/html',
  'application/octet-stream',
  'application/xml',
  'application/avro',
  'application/x-protobuf',
  'application/x-java-object',
  'application/x-java-serialized-object',
]);

/** Refuses a content-type, and says what it is if that may be shown. The value itself is not looked at. */
function unsupportedContentType(found: string): Rejection {
  return new Rejection(
    'content_type_unsupported',
    `The content-type is not JSON in UTF-8 (application/json, application/…+json, application/cloudevents+json)${found}.`,
  );
}
const CONTENT_TYPE_UNSUPPORTED = unsupportedContentType('');
const BATCH_UNSUPPORTED = new Rejection(
  'cloudevents_batch_unsupported',
  'The value is a batch of CloudEvents; each event must be a record of its own.',
);

function readContentType(value: Uint8Array): HeaderFindings['mode'] | Rejection {
  if (isUtf8Of(value, 'application/json')) return 'body';
  const text = decodeUtf8(value);
  return text === null ? CONTENT_TYPE_UNSUPPORTED : classifyContentType(withoutQuotes(text));
}

/** Returns `body` or `structured` for a media type that means JSON in UTF-8. Source: RFC 9110, section 8.3.1. */
export function classifyContentType(contentType: string): HeaderFindings['mode'] | Rejection {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim().toLowerCase());
  if (type.startsWith('application/cloudevents-batch')) return BATCH_UNSUPPORTED;
  for (const parameter of parameters) {
    const charset = /^charset\s*=\s*"?([^"]*)"?$/.exec(parameter)?.[1];
    if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')
      return unsupportedContentType(': it names another character set');
  }
  if (type === 'application/cloudevents' || type === 'application/cloudevents+json') return 'structured';
  if (type === 'application/json') return 'body';
  if (/^application\/[a-z0-9!#$&^_.-]+\+json$/.test(type)) return 'body';
  if (type === '') return unsupportedContentType(': it is empty');
  return NAMED_TYPES.has(type) ? unsupportedContentType(`: it is ${type}`) : CONTENT_TYPE_UNSUPPORTED;
}
