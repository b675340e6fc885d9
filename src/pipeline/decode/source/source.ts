import type { EventType, JsonObject, JsonValue } from '../../../core/domain.ts';
import { isJsonObject } from '../../../core/json-canonical.ts';
import { numberTextOf, parseKeepingNumbers } from '../../../core/json-exact.ts';
import type { LoggedHeader, LogRecord } from '../../../ports/event-log.ts';
import type { ValueSchemas } from '../../../ports/value-schemas.ts';
import { asBuffer } from '../bytes.ts';
import type { JsonReader } from '../json-body.ts';
import { Rejection } from '../reasons.ts';
import { FieldNames, type FieldsInHeaders } from './field-names.ts';
import { keyText } from './key-text.ts';
import { isPlainSource, KEY_FORM_OF, type KeyForm, type SourceOptions, type TimeForm } from './options.ts';
import { valueAt } from './places.ts';
import { type RegistryValue, registryValue, schemaOf, schemasOf } from './registry-value.ts';
import { timeText } from './time-text.ts';
import { UNWRAP, type Unwrapped } from './unwrap.ts';

/** The fields of the domain that a source may have under another name, in another form, or beside the body. */
export interface DomainFields {
  readonly entityId: ReadonlySet<string>;
  readonly occurredAt: ReadonlySet<string>;
  /** The fields that may have some values only. */
  readonly enumerated: ReadonlySet<string>;
}

type FieldsOfType = Pick<EventType<unknown>, 'schema' | 'entityIdField' | 'occurredAtField'>;

/** The fields of these event types. */
export function sourceFieldsOf(types: readonly FieldsOfType[]): DomainFields {
  const enumerated = types.flatMap(({ schema }) => {
    const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, object>> };
    return Object.keys(properties).filter((name) => 'enum' in (properties[name] as object));
  });
  return {
    entityId: new Set(types.map((type) => type.entityIdField)),
    occurredAt: new Set(types.map((type) => type.occurredAtField)),
    enumerated: new Set(enumerated),
  };
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
  /** Gets the schemas ready that the records name; null if nothing has to be waited for. Rejects as `ValueSchemas.prepare`. */
  prepare(records: readonly LogRecord[]): Promise<void> | null;
}

/** Makes the source of a topic. Null if its records are plain already, so that nothing is done for each of them. */
export function createSource(
  options: SourceOptions,
  fields: DomainFields,
  reader: JsonReader,
  schemas: ValueSchemas | null = null,
): RecordSource | null {
  return isPlainSource(options) ? null : new Source(options, fields, reader, schemas);
}

/** What a record holds, and whether 64-bit numbers are texts in it, as the JSON form of Protobuf has them. */
type Content = Unwrapped & Pick<RegistryValue, 'hasTextNumbers'>;

class Source implements RecordSource {
  readonly #options: SourceOptions;
  readonly #fields: DomainFields;
  readonly #reader: JsonReader;
  readonly #unwrap: (typeof UNWRAP)[keyof typeof UNWRAP];
  /** Whether the values may be those of a schema registry's serializer, whatever they hold. */
  readonly #isBehindPrefix: boolean;
  /** The schemas of such values. Null for a source without them, and if there are no schemas. */
  readonly #schemas: ValueSchemas | null;
  readonly #key: KeyForm;
  readonly #time: TimeForm;
  readonly #names: FieldNames;

  constructor(
    options: SourceOptions,
    fields: DomainFields,
    reader: JsonReader,
    schemas: ValueSchemas | null,
  ) {
    const { kind = 'json', key = KEY_FORM_OF[kind], time = 'rfc3339' } = options;
    this.#options = options;
    this.#names = new FieldNames(options.fields ?? new Map(), this.#parsedText);
    this.#fields = fields;
    this.#reader = reader;
    this.#unwrap = UNWRAP[kind];
    this.#isBehindPrefix = kind !== 'json';
    this.#schemas = this.#isBehindPrefix ? schemas : null;
    this.#key = key;
    this.#time = time;
  }

  get ignoresKey(): boolean {
    return this.#key === 'ignore';
  }

  plain(record: LogRecord): LogRecord | Rejection {
    const { key, value, headers } = record;
    if (value === null) return record;
    const prefixed = this.#isBehindPrefix ? registryValue(record, asBuffer(value), this.#schemas) : null;
    if (prefixed instanceof Rejection) return prefixed;
    const content = prefixed?.json ?? asBuffer(value);
    const unwrapped = this.#unwrap(record, content, this.#reader, prefixed !== null);
    if (unwrapped instanceof Rejection) return unwrapped;
    const inHeaders = this.#names.inHeaders(headers);
    if (inHeaders instanceof Rejection) return inHeaders;
    const hasTextNumbers = prefixed?.hasTextNumbers ?? false;
    const body = this.#body({ ...unwrapped, hasTextNumbers }, inHeaders);
    if (body instanceof Rejection) return body;
    const eventId = inHeaders.find(([ours]) => ours === 'eventId')?.[1] ?? unwrapped.eventId;
    return {
      offset: record.offset,
      timestampMs: record.timestampMs,
      key: key === null ? null : keyText(this.#keyJson(record, asBuffer(key)), this.#key),
      value: body,
      headers: plainHeaders(headers, { ...unwrapped, eventId }),
    };
  }

  prepare(records: readonly LogRecord[]): Promise<void> | null {
    return this.#schemas?.prepare(schemasOf(records, this.#key === 'json')) ?? null;
  }

  /** A key whose schema is named becomes JSON. Every other key stays. */
  #keyJson(record: LogRecord, key: Buffer): Buffer {
    const named = this.#schemas !== null && this.#key === 'json' ? schemaOf(record, 'key', key) : null;
    if (named === null) return key;
    const read = this.#schemas?.read(named.schema, key.subarray(named.start));
    return read?.kind === 'value' ? read.json : key;
  }

  /** The body with the domain's names and forms. Its text stays byte for byte where nothing of it changes. */
  #body(unwrapped: Content, inHeaders: FieldsInHeaders): Buffer | Rejection {
    const { body: given } = unwrapped;
    if (given instanceof Uint8Array && !this.#mayChange(unwrapped)) return given as Buffer;
    const whole = this.#parsed(given);
    if (whole instanceof Rejection) return whole;
    const own = this.#options.body;
    let body = whole;
    let typeBeside: string | undefined;
    if (own !== undefined) {
      const member = valueAt(whole, own, this.#parsedText);
      if (member === undefined)
        return new Rejection('source_mismatch', `The value has no member ${own} with the event.`);
      const inner = this.#parsed(typeof member === 'string' ? Buffer.from(member) : member);
      if (inner instanceof Rejection) return inner;
      body = inner;
      typeBeside = this.#names.typeIn(whole);
    }
    if (!isJsonObject(body)) return bytesOf(body);
    const renamed = this.#names.renamed(body);
    if (renamed instanceof Rejection) return renamed;
    const completed = this.#completed(renamed, unwrapped, inHeaders, typeBeside);
    const changed = this.#withTime(this.#withValues(withNumbers(completed, unwrapped)));
    return changed === whole && given instanceof Uint8Array ? (given as Buffer) : bytesOf(changed);
  }

  #mayChange({ type, time, subject, hasTextNumbers }: Content): boolean {
    const { fields, body, type: given, id, values } = this.#options;
    return (
      [type, time, subject, body, given].some((each) => each !== undefined) ||
      this.#time !== 'rfc3339' ||
      id === 'number' ||
      hasTextNumbers ||
      (fields?.size ?? 0) + (values?.size ?? 0) > 0
    );
  }

  /** The JSON in a text; undefined if it is none. */
  readonly #parsedText = (text: string): JsonValue | undefined => {
    const read = this.#parsed(Buffer.from(text));
    return read instanceof Rejection ? undefined : read;
  };

  #parsed(given: Buffer | JsonValue): JsonValue | Rejection {
    if (!(given instanceof Uint8Array)) return given;
    const parsed = this.#reader.read(given as Buffer);
    return parsed instanceof Rejection ? parsed : parseKeepingNumbers(parsed.text, 'all');
  }

  /** Adds what stands beside the body for fields that it lacks. */
  #completed(
    body: JsonObject,
    { type, time, subject }: Unwrapped,
    inHeaders: FieldsInHeaders,
    typeBeside?: string,
  ): JsonObject {
    const lacks = (field: string) => (body[field] ?? null) === null;
    const added: (readonly [string, string | number])[] = inHeaders
      .filter(([field]) => field !== 'eventId' && lacks(field))
      .map(([field, text]) => [field, field === 'revision' && WHOLE.test(text) ? Number(text) : text]);
    const isAdded = (field: string) => added.some(([name]) => name === field);
    const eventType = type ?? this.#options.type ?? typeBeside;
    if (eventType !== undefined && lacks('eventType') && !isAdded('eventType'))
      added.push(['eventType', eventType]);
    const only = (fields: ReadonlySet<string>, value: string | undefined) => {
      const [field] = fields;
      if (fields.size === 1 && field !== undefined && value !== undefined && lacks(field) && !isAdded(field))
        added.push([field, value]);
    };
    only(this.#fields.entityId, subject);
    only(this.#fields.occurredAt, time);
    return added.length === 0 ? body : Object.fromEntries([...Object.entries(body), ...added]);
  }

  /** Gives the id and the enumerated values the domain's forms. */
  #withValues(body: JsonObject): JsonObject {
    const { id, values } = this.#options;
    if (id !== 'number' && values === undefined) return body;
    return Object.fromEntries(
      Object.entries(body).map(([name, value]) => {
        if (id === 'number' && this.#fields.entityId.has(name)) {
          const digits = wholeDigits(numberTextOf(value));
          if (digits !== null) return [name, digits];
        }
        const isEnumerated = name === 'eventType' || this.#fields.enumerated.has(name);
        const theirs = typeof value === 'string' ? value : numberTextOf(value);
        return [name, isEnumerated && theirs !== null ? (values?.get(theirs) ?? value) : value];
      }),
    );
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

/** The digits of a number that a double holds, and of some larger ones, which are refused as revisions. */
const WHOLE = /^\d{1,16}$/;

/** A revision that the JSON form of Protobuf has as a text becomes a number. */
function withNumbers(body: JsonObject, { hasTextNumbers }: Content): JsonObject {
  const { revision } = body;
  if (!hasTextNumbers || typeof revision !== 'string' || !WHOLE.test(revision)) return body;
  return { ...body, revision: Number(revision) };
}

/** The digits of a number that is whole and not negative, however it is written: `12345.0` is 12345. Null for any other. */
function wholeDigits(text: string | null): string | null {
  if (text === null || /^\d+$/.test(text)) return text;
  const number = Number(text);
  return Number.isSafeInteger(number) && !text.startsWith('-') ? String(number) : null;
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
