import type { JsonObject, JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { parseKeepingNumbers } from '../../../core/json-exact.ts';
import type { LoggedHeader, LogRecord } from '../../../ports/event-log.ts';
import { asBuffer } from '../bytes.ts';
import type { JsonReader } from '../json-body.ts';
import { Rejection } from '../reasons.ts';
import { keyText } from './key-text.ts';
import { isPlainSource, KEY_FORM_OF, type KeyForm, type SourceOptions, type TimeForm } from './options.ts';
import { timeText } from './time-text.ts';
import { UNWRAP, type Unwrapped } from './unwrap.ts';

/** The fields of the domain that a source may have under another name, in another form, or beside the body. */
export interface DomainFields {
  readonly entityId: ReadonlySet<string>;
  readonly occurredAt: ReadonlySet<string>;
}

/** Turns the records of one topic into plain ones: the event as JSON, its id in `ce_id`, the entity's id as the key. */
export interface RecordSource {
  /** Whether the key says nothing about the entity, so that it is not compared. */
  readonly ignoresKey: boolean;
  /**
   * Turns a record, whose value is neither null nor empty, into a plain one, or says why it cannot. Like the decoder it
   * depends only on key, value and headers, and never throws.
   */
  plain(record: LogRecord): LogRecord | Rejection;
}

/** Makes the source of a topic. Null if its records are plain already, so that nothing is done for each of them. */
export function createSource(
  options: SourceOptions,
  fields: DomainFields,
  reader: JsonReader,
): RecordSource | null {
  return isPlainSource(options) ? null : new Source(options, fields, reader);
}

class Source implements RecordSource {
  readonly #options: SourceOptions;
  readonly #fields: DomainFields;
  readonly #reader: JsonReader;
  readonly #unwrap: (typeof UNWRAP)[keyof typeof UNWRAP];
  readonly #key: KeyForm;
  readonly #time: TimeForm;

  constructor(options: SourceOptions, fields: DomainFields, reader: JsonReader) {
    const { kind = 'json', key = KEY_FORM_OF[kind], time = 'rfc3339' } = options;
    this.#options = options;
    this.#fields = fields;
    this.#reader = reader;
    this.#unwrap = UNWRAP[kind];
    this.#key = key;
    this.#time = time;
  }

  get ignoresKey(): boolean {
    return this.#key === 'ignore';
  }

  plain(record: LogRecord): LogRecord | Rejection {
    const { key, value, headers } = record;
    if (value === null) return record;
    const unwrapped = this.#unwrap(record, asBuffer(value), this.#reader);
    if (unwrapped instanceof Rejection) return unwrapped;
    const body = this.#body(unwrapped);
    if (body instanceof Rejection) return body;
    return {
      ...record,
      key: key === null ? null : keyText(asBuffer(key), this.#key),
      value: body,
      headers: plainHeaders(headers, unwrapped),
    };
  }

  /** The body with the domain's names and forms. Its text stays byte for byte where nothing of it changes. */
  #body(unwrapped: Unwrapped): Buffer | Rejection {
    const { body: given } = unwrapped;
    if (given instanceof Uint8Array && !this.#mayChange(unwrapped)) return given as Buffer;
    const whole = this.#parsed(given);
    if (whole instanceof Rejection) return whole;
    const own = this.#options.body;
    let body = whole;
    if (own !== undefined) {
      const member = isJsonObject(whole) && Object.hasOwn(whole, own) ? whole[own] : undefined;
      if (member === undefined)
        return new Rejection('source_mismatch', `The value has no member ${own} with the event.`);
      const inner = this.#parsed(typeof member === 'string' ? Buffer.from(member) : member);
      if (inner instanceof Rejection) return inner;
      body = inner;
    }
    if (!isJsonObject(body)) return bytesOf(body);
    const renamed = this.#renamed(body);
    if (renamed instanceof Rejection) return renamed;
    const changed = this.#withTime(this.#completed(renamed, unwrapped));
    return changed === whole && given instanceof Uint8Array ? (given as Buffer) : bytesOf(changed);
  }

  #mayChange({ type, time, subject }: Unwrapped): boolean {
    const { fields, body } = this.#options;
    return (
      [type, time, subject, body].some((each) => each !== undefined) ||
      this.#time !== 'rfc3339' ||
      (fields?.size ?? 0) > 0
    );
  }

  #parsed(given: Buffer | JsonValue): JsonValue | Rejection {
    if (!(given instanceof Uint8Array)) return given;
    const parsed = this.#reader.read(given as Buffer);
    return parsed instanceof Rejection ? parsed : parseKeepingNumbers(parsed.text, 'all');
  }

  /** Gives the fields the domain's names. A body that has a field under both names could be understood in two ways. */
  #renamed(body: JsonObject): JsonObject | Rejection {
    const names = this.#options.fields;
    if (names === undefined || ![...names.keys()].some((name) => Object.hasOwn(body, name))) return body;
    const renamed = Object.entries(body).map(([name, value]) => [names.get(name) ?? name, value] as const);
    if (new Set(renamed.map(([name]) => name)).size < renamed.length) {
      return new Rejection(
        'json_duplicate_key',
        'The body has a field both under its own name and under the mapped one.',
      );
    }
    return Object.fromEntries(renamed);
  }

  /** Adds what stands beside the body for fields that it lacks. */
  #completed(body: JsonObject, { type, time, subject }: Unwrapped): JsonObject {
    const lacks = (field: string) => (body[field] ?? null) === null;
    const added: [string, string][] = [];
    if (type !== undefined && lacks('eventType')) added.push(['eventType', type]);
    const only = (fields: ReadonlySet<string>, value: string | undefined) => {
      const [field] = fields;
      if (fields.size === 1 && field !== undefined && value !== undefined && lacks(field))
        added.push([field, value]);
    };
    only(this.#fields.entityId, subject);
    only(this.#fields.occurredAt, time);
    return added.length === 0 ? body : Object.fromEntries([...Object.entries(body), ...added]);
  }

  #withTime(body: JsonObject): JsonObject {
    if (this.#time === 'rfc3339') return body;
    let changed = body;
    for (const field of this.#fields.occurredAt) {
      const text = Object.hasOwn(body, field) ? timeText(body[field], this.#time) : null;
      if (text !== null)
        changed = Object.fromEntries(
          Object.entries(changed).map(([name, value]) => [name, name === field ? text : value]),
        );
    }
    return changed;
  }
}

function bytesOf(value: JsonValue): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The headers without those that spoke of the wrapping, and with the event's id. */
function plainHeaders(
  headers: readonly LoggedHeader[],
  { eventId, keepsContentType }: Unwrapped,
): readonly LoggedHeader[] {
  const kept = keepsContentType === true ? headers : headers.filter(([name]) => name !== 'content-type');
  if (eventId === null) return kept;
  return [...kept.filter(([name]) => name !== 'ce_id'), ['ce_id', Buffer.from(eventId)]];
}
