import type { Domain, EventType, JsonObject, JsonValue } from '../../core/domain.ts';
import { TributaryError } from '../../core/errors.ts';
import { canonicalJson, isCanonicalIfPlain, isJsonObject } from '../../core/json-canonical.ts';
import { canonicalExactJson, membersWithKeptNumbers } from '../../core/json-exact.ts';
import type { TopicPartition } from '../../core/offset.ts';
import { partitionName } from '../../core/offset.ts';
import { quoted, utf8Length } from '../../core/text.ts';
import { isWithinBounds, parseRfc3339 } from '../../core/time.ts';
import type { LogRecord } from '../../ports/event-log.ts';
import type { JournaledEvent } from '../../ports/journal.ts';
import { type EventPack, PackedEvent } from '../../ports/packed-event.ts';
import type { QuarantinedRecord } from '../../ports/quarantine.ts';
import type { ValueSchemas } from '../../ports/value-schemas.ts';
import { asBuffer, hexOf, isUtf8Of, sha256Hex, sha256Latin1 } from './bytes.ts';
import { type CompiledType, compileTypes, withoutNulls } from './event-types.ts';
import { bodyThatIsNoObject, bodyWithoutType, eventBesideType, looksLikeCloudEvent } from './forms/bodies.ts';
import { FLATTENED_CHANGE, isFlattenedChange } from './forms/flattened.ts';
import { wrongKey } from './forms/keys.ts';
import { jsonKind } from './forms/kinds.ts';
import { schemaRefusal } from './forms/schema-headers.ts';
import { timeFault, timeThatIsNoText } from './forms/times.ts';
import { announcesCloudEvent, CLOUDEVENT_WITHOUT_DATA, headerBytesWithin, readHeaders } from './headers.ts';
import { JsonReader, type ParsedJson } from './json-body.ts';
import { toQuarantined } from './quarantine.ts';
import { Reading } from './reading.ts';
import { Rejection } from './reasons.ts';
import type { SourceOptions } from './source/options.ts';
import { createSource, type RecordSource, sourceFieldsOf } from './source/source.ts';
import { readStructured } from './structured.ts';

/** Turns records into events of one domain, and journaled events into events for the fold. */
export interface Decoder<Event> {
  /**
   * Turns a record into an event, or into a record for quarantine. The verdict depends only on key, value, headers and
   * topic, never on the clock, the offset or earlier records. Never throws, whatever the bytes are.
   */
  decode(record: LogRecord, source: TopicPartition, observedAtMs: number): Decoded<Event>;
  /**
   * Gets everything ready that `decode` needs for these records of one topic: the schemas that they name. Null if nothing has to be
   * waited for. Rejects with `schemas_unreachable`; then the records cannot be judged yet.
   */
  prepare(records: readonly LogRecord[], topic: string): Promise<void> | null;
  /** Does the same as `decode`, and adds the event to the pack, which is one of this partition. */
  decodeInto(pack: EventPack, record: LogRecord): PackedEvent<Event> | QuarantinedRecord;
  /** Does the same as `decode` with a record that somebody made as a plain one, whatever the source of the topic is. */
  decodePlain(record: LogRecord, source: TopicPartition, observedAtMs: number): Decoded<Event>;
  /**
   * Turns a journaled event into an event for the fold. Its identity and its place in the sequence stay as they were
   * journaled. Throws `domain_invalid` if the domain does not know the event's type.
   */
  restore(journaled: JournaledEvent): DecodedEvent<Event>;
}

export type Decoded<Event> =
  | { readonly kind: 'event'; readonly event: DecodedEvent<Event> }
  | { readonly kind: 'rejected'; readonly record: QuarantinedRecord };

export type DecodedEvent<Event> = JournaledEvent & { readonly event: Event };

export interface DecoderOptions {
  /** By the name that the domain gives a topic: its actual name. */
  readonly topicNames: Readonly<Record<string, string>>;
  /** Whether a record without a key, or with an empty one, can be an event. Default: false. */
  readonly acceptsMissingKeys?: boolean;
  /** By the actual name of a topic: what its records are. Default: plain events. */
  readonly sources?: Readonly<Record<string, SourceOptions>>;
  /** The schemas of values behind a schema registry's prefix. Default: only JSON is read there. */
  readonly schemas?: ValueSchemas | null;
  /** The most bytes of key, value and headers together. Default: 1 MiB. */
  readonly maxRecordBytes?: number;
  /** The most bytes of the names and values of all headers together. Default: 64 KiB. */
  readonly maxHeaderBytes?: number;
  /** The deepest nesting of arrays and objects. Default: 64. */
  readonly maxDepth?: number;
  /** The most bytes of an event id in UTF-8. Default: 255, which is the room in the journal. */
  readonly maxEventIdBytes?: number;
}

/** The most bytes of an entity's id in UTF-8: the room in the journal and the view, for every domain. */
export const MAX_ENTITY_ID_BYTES = 255;

/** Makes the decoder of a domain. Throws `domain_invalid` if the domain's definition cannot work. */
export function createDecoder<State, Event>(
  domain: Domain<State, Event>,
  options: DecoderOptions,
): Decoder<Event> {
  return new DomainDecoder(domain, options);
}

class DomainDecoder<State, Event> implements Decoder<Event> {
  readonly #domain: Domain<State, Event>;
  readonly #types: Map<string, CompiledType<Event>>;
  readonly #typeNames: ReadonlySet<string>;
  readonly #json: JsonReader;
  /** The sources of topics whose records are not plain. Null if there are none. */
  readonly #sources: ReadonlyMap<string, RecordSource> | null;
  readonly #acceptsMissingKeys: boolean;
  readonly #maxRecordBytes: number;
  readonly #maxHeaderBytes: number;
  readonly #maxEventIdBytes: number;
  readonly #reading = new Reading<Event>();

  constructor(domain: Domain<State, Event>, options: DecoderOptions) {
    this.#domain = domain;
    this.#types = compileTypes(domain, options.topicNames);
    this.#typeNames = new Set(this.#types.keys());
    this.#json = new JsonReader(options.maxDepth ?? 64);
    this.#sources = this.#createSources(options.sources ?? {}, options.schemas ?? null);
    this.#acceptsMissingKeys = options.acceptsMissingKeys ?? false;
    this.#maxRecordBytes = options.maxRecordBytes ?? 1024 * 1024;
    this.#maxHeaderBytes = options.maxHeaderBytes ?? 64 * 1024;
    this.#maxEventIdBytes = options.maxEventIdBytes ?? 255;
  }

  decode(record: LogRecord, source: TopicPartition, observedAtMs: number): Decoded<Event> {
    return verdictOn(record, source, observedAtMs, this.#read(record, source.topic, this.#sources));
  }

  decodeInto(pack: EventPack, record: LogRecord): PackedEvent<Event> | QuarantinedRecord {
    const read = this.#read(record, pack.topic, this.#sources);
    if (read instanceof Rejection) return toQuarantined(record, pack, pack.observedAtMs, read);
    return new PackedEvent(pack, pack.add(read), read.event, read.entityId);
  }

  prepare(records: readonly LogRecord[], topic: string): Promise<void> | null {
    return this.#sources?.get(topic)?.prepare(records) ?? null;
  }

  decodePlain(record: LogRecord, source: TopicPartition, observedAtMs: number): Decoded<Event> {
    return verdictOn(record, source, observedAtMs, this.#read(record, source.topic, null));
  }

  restore(journaled: JournaledEvent): DecodedEvent<Event> {
    const body = JSON.parse(journaled.data) as JsonObject;
    const adoption = this.#domain.adoption;
    if (adoption !== undefined && journaled.eventType === adoption.eventType) {
      return { ...journaled, event: adoption.toEvent(body) };
    }
    const type = this.#types.get(journaled.eventType);
    if (type === undefined) {
      throw new TributaryError(
        'domain_invalid',
        `The journal holds an event of type ${quoted(journaled.eventType)} (${partitionName(journaled)} at offset ` +
          `${journaled.offset}) that the domain ${this.#domain.name} does not know. Give it back its definition.`,
      );
    }
    return { ...journaled, event: type.definition.toEvent(withoutNulls(body, type)) };
  }

  #read(
    record: LogRecord,
    topic: string,
    sources: ReadonlyMap<string, RecordSource> | null,
  ): Reading<Event> | Rejection {
    const { key, value } = record;
    if (value === null) return announcesCloudEvent(record.headers) ? CLOUDEVENT_WITHOUT_DATA : VALUE_MISSING;
    if (value.length === 0)
      return announcesCloudEvent(record.headers) ? CLOUDEVENT_WITHOUT_DATA : VALUE_EMPTY;
    const tooLarge = this.#sizeFault(record.headers, value.length + (key === null ? 0 : key.length));
    if (tooLarge !== null) return tooLarge;
    if (sources !== null) {
      const reader = sources.get(topic);
      const plain = reader?.plain(record) ?? record;
      if (plain instanceof Rejection) return plain;
      return this.#readPlain(plain, plain.value ?? value, reader?.ignoresKey ?? false, topic);
    }
    return this.#readPlain(record, value, false, topic);
  }

  /** Reads a record whose value is an event as JSON, or a CloudEvent. */
  #readPlain(
    record: LogRecord,
    value: Uint8Array,
    ignoresKey: boolean,
    topic: string,
  ): Reading<Event> | Rejection {
    const { key } = record;
    const said = readHeaders(record.headers);
    if (said instanceof Rejection) return said;
    const hasKey = key !== null && key.length > 0;
    if (!hasKey && !this.#acceptsMissingKeys && !ignoresKey) return key === null ? KEY_MISSING : KEY_EMPTY;

    const bytes = asBuffer(value);
    let json = this.#json.read(bytes);
    if (json instanceof Rejection) return schemaRefusal(record.headers) ?? json;
    let givenId = said.eventId;
    let given: Uint8Array | string = value;
    if (said.mode === 'structured' || this.#isUnannouncedEnvelope(json.value)) {
      const structured = readStructured(json, this.#json);
      if (structured instanceof Rejection) return structured;
      json = structured.body;
      given = json.text;
      givenId = structured.eventId;
    }
    const whole = json.value;
    if (!isJsonObject(whole)) return bodyThatIsNoObject(whole, this.#typeNames);
    if (isFlattenedChange(whole)) return FLATTENED_CHANGE;
    const type = this.#typeOf(whole);
    if (type === undefined) return bodyWithoutType(whole, record.headers, this.#typeNames);
    if (type.topic !== topic) {
      return new Rejection('topic_wrong', `Events of type ${type.name} belong on topic ${type.topic}.`);
    }
    const body = withoutNulls(whole, type);
    const schemaFault = type.check(body);
    if (schemaFault !== null) {
      const lacksField = schemaFault.reason === 'field_missing';
      return (
        (lacksField ? eventBesideType(whole, this.#typeNames, type.definition.entityIdField) : null) ??
        schemaFault
      );
    }
    if (json.exact !== null) {
      const field = membersWithKeptNumbers(json.exact as JsonObject).find(type.reads);
      if (field !== undefined) return numberFault(field);
    }

    const { definition } = type;
    const entityId = body[definition.entityIdField];
    if (!isId(entityId, MAX_ENTITY_ID_BYTES)) {
      return new Rejection('entity_id_invalid', `${definition.entityIdField} is not 1 to 255 bytes of text.`);
    }
    if (hasKey && !ignoresKey && !isUtf8Of(key, entityId))
      return wrongKey(asBuffer(key), entityId, definition.entityIdField);
    const occurredAtMs = readTime(body[definition.occurredAtField], definition.occurredAtField);
    if (occurredAtMs instanceof Rejection) return occurredAtMs;

    const revision = body.revision ?? null;
    if (revision !== null && !isPositiveInteger(revision)) return revisionFault(revision);
    const hash = hashContent(json, whole, bytes);
    const eventId = this.#readEventId(givenId, body, type, hash, json.isPlain);
    if (eventId instanceof Rejection) return eventId;

    const reading = this.#reading;
    const fault = understand(definition, body, revision as number | null, reading);
    if (fault !== null) return fault;
    reading.entityId = entityId;
    reading.eventId = eventId;
    reading.hash = hash;
    reading.occurredAtMs = occurredAtMs;
    reading.eventType = type.name;
    reading.hasRevision = revision !== null;
    reading.offset = record.offset;
    reading.body = given;
    reading.text = json.text;
    reading.trace = said.trace;
    return reading;
  }

  /** Says whether the record is too large. `bodyBytes`: the bytes of key and value together. */
  #sizeFault(headers: LogRecord['headers'], bodyBytes: number): Rejection | null {
    const limit = Math.min(this.#maxHeaderBytes, this.#maxRecordBytes - bodyBytes);
    const headerBytes = headers.length === 0 ? 0 : headerBytesWithin(headers, limit);
    if (bodyBytes + headerBytes > this.#maxRecordBytes) {
      return new Rejection('record_too_large', `The record is over ${this.#maxRecordBytes} bytes.`);
    }
    if (headerBytes <= this.#maxHeaderBytes) return null;
    return new Rejection('headers_too_large', `The headers are over ${this.#maxHeaderBytes} bytes together.`);
  }

  #createSources(
    options: Readonly<Record<string, SourceOptions>>,
    schemas: ValueSchemas | null,
  ): ReadonlyMap<string, RecordSource> | null {
    const sources = new Map<string, RecordSource>();
    for (const [topic, sourceOptions] of Object.entries(options)) {
      const types = [...this.#types.values()]
        .filter((type) => type.topic === topic)
        .map((type) => type.definition);
      const source = createSource(sourceOptions, sourceFieldsOf(types), this.#json, schemas);
      if (source !== null) sources.set(topic, source);
    }
    return sources.size === 0 ? null : sources;
  }

  #typeOf(body: JsonObject): CompiledType<Event> | undefined {
    return typeof body.eventType === 'string' ? this.#types.get(body.eventType) : undefined;
  }

  /** Whether the value is an envelope of CloudEvents that no content-type announces: no event has its fields. */
  #isUnannouncedEnvelope(value: JsonValue): boolean {
    return isJsonObject(value) && value.eventType === undefined && looksLikeCloudEvent(value);
  }

  #readEventId(
    given: string | null,
    body: JsonObject,
    type: CompiledType<Event>,
    hash: string,
    isPlain: boolean,
  ): string | Rejection {
    const own = body.eventId ?? undefined;
    if (own !== undefined && !isId(own, this.#maxEventIdBytes)) return this.#invalidId("The body's eventId");
    if (given !== null)
      return isId(given, this.#maxEventIdBytes) ? given : this.#invalidId('The CloudEvents id');
    if (own !== undefined) return own as string;
    const { meaningfulFields } = type.definition;
    if (meaningfulFields === undefined) return hexOf(hash);
    let meaning = `[${JSON.stringify(type.name)}`;
    for (const field of meaningfulFields) {
      const value = body[field] ?? null;
      // A text without escapes stands between its quotes as it is.
      meaning += isPlain && typeof value === 'string' ? `,"${value}"` : `,${canonicalJson(value)}`;
    }
    return sha256Hex(`${meaning}]`);
  }

  #invalidId(what: string): Rejection {
    return new Rejection('event_id_invalid', `${what} is not 1 to ${this.#maxEventIdBytes} bytes of text.`);
  }
}

function verdictOn<Event>(
  record: LogRecord,
  source: TopicPartition,
  observedAtMs: number,
  read: Reading<Event> | Rejection,
): Decoded<Event> {
  if (!(read instanceof Rejection)) return { kind: 'event', event: read.eventOf(source, observedAtMs) };
  return { kind: 'rejected', record: toQuarantined(record, source, observedAtMs, read) };
}

const VALUE_MISSING = new Rejection('value_missing', 'The value is null (a tombstone).');
const VALUE_EMPTY = new Rejection('value_empty', 'The value has no bytes.');
const KEY_MISSING = new Rejection('key_missing', 'The key is null.');
const KEY_EMPTY = new Rejection('key_missing', 'The key has no bytes.');

function revisionFault(revision: JsonValue): Rejection {
  const form = typeof revision === 'number' ? '' : `: it is ${jsonKind(revision)}`;
  return new Rejection('revision_invalid', `The revision is not a positive integer${form}.`);
}

function numberFault(field: string): Rejection {
  return new Rejection(
    'number_out_of_range',
    `The field ${field} holds a number beyond 9007199254740991 in magnitude, which is read as a double and would change.`,
  );
}

/** Calls the functions of the domain, which may throw although the body is valid by its schema. */
function understand<Event>(
  definition: EventType<Event>,
  body: JsonObject,
  revision: number | null,
  reading: Reading<Event>,
): Rejection | null {
  try {
    const event = definition.toEvent(body);
    reading.event = event;
    reading.position = revision ?? definition.stage(event);
    reading.cautionRank = definition.cautionRank(event);
  } catch {
    return NOT_UNDERSTOOD;
  }
  const { position, cautionRank } = reading;
  return Number.isSafeInteger(position) && Number.isSafeInteger(cautionRank) ? null : PLACE_INVALID;
}

const NOT_UNDERSTOOD = new Rejection(
  'event_not_understood',
  'The body is valid by its schema, but toEvent, stage or cautionRank of its type throws.',
);
const PLACE_INVALID = new Rejection(
  'event_not_understood',
  'The body is valid by its schema, but stage or cautionRank of its type is no whole number.',
);

/** Whether the value is a text of 1 to `maxBytes` bytes. Every decoded text is well-formed. */
function isId(value: JsonValue | undefined, maxBytes: number): value is string {
  if (typeof value !== 'string' || value.length === 0) return false;
  return value.length * 3 <= maxBytes || utf8Length(value) <= maxBytes;
}

function isPositiveInteger(value: JsonValue): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function readTime(value: JsonValue | undefined, field: string): number | Rejection {
  const occurredAtMs = typeof value === 'string' ? parseRfc3339(value) : null;
  if (occurredAtMs === null) {
    return typeof value === 'string' ? timeFault(value, field) : timeThatIsNoText(value ?? null, field);
  }
  if (isWithinBounds(occurredAtMs)) return occurredAtMs;
  return new Rejection('time_out_of_bounds', `${field} is before 1970-01-01 or after 9999-12-31.`);
}

/**
 * Hashes the canonical JSON of the body, as a text with a character for each byte. Bytes that are canonical JSON already
 * are hashed as they are.
 */
function hashContent(json: ParsedJson, body: JsonObject, bytes: Buffer): string {
  if (json.exact !== null) return sha256Latin1(canonicalExactJson(json.exact));
  return sha256Latin1(json.isPlain && isCanonicalIfPlain(body) ? bytes : canonicalJson(body));
}
