import type { EventType, JsonObject, JsonValue } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import { parseRfc3339 } from '../../core/time.ts';
import type { LoggedHeader, LogRecord } from '../../ports/event-log.ts';
import { asBuffer, decodeUtf8 } from '../decode/bytes.ts';
import { changeForm, isConnectEnvelope, looksLikeCloudEvent } from '../decode/forms/bodies.ts';
import { alike, parsed, similarName } from '../decode/forms/kinds.ts';
import { AND_FIELD, HEADER_PLACE } from '../decode/source/field-names.ts';
import { timeText } from '../decode/source/time-text.ts';
import { type Leaf, leavesOf, namesOfLeaf } from './leaves.ts';
import { isSpeltAs, meantBy, typeMeantBy } from './spelling.ts';

/** What is asked of a domain: the fields of its events. */
export interface DomainFields {
  readonly eventTypes: Readonly<
    Record<string, Pick<EventType<unknown>, 'topic' | 'schema' | 'entityIdField' | 'occurredAtField'>>
  >;
}

/** A record, and the body that a source makes of it. */
export interface BodyOfRecord {
  readonly record: LogRecord;
  readonly body: JsonObject;
}

/** A name or a value that a pair of a setting can hold. */
export const FITS_A_SETTING = /^[^=,\s](?:[^=,]*[^=,\s])?$/;

/**
 * The places in the records at which fields of the domain stand under another name, with the domain's names: by similar names,
 * and if the id of the entity has no such name, by what the values are.
 */
export function namesIn(domain: DomainFields, given: readonly BodyOfRecord[]): Map<string, string> {
  const records = given.map(({ record, body }) => ({ record, body: dataOf(body) }));
  const found = similarNames(domain, records);
  // An event that lacks nothing has no field in another place.
  const bodies = records.filter(
    ({ body }) => !isWrapping(body) && !isConnectEnvelope(body) && !isComplete(domain, body),
  );
  for (const [place, ours] of new Meaning(domain, bodies, found).places()) found.set(place, ours);
  const header = idHeader(records, found.size === 0 ? EVENT_IDS : [...EVENT_IDS, ...MESSAGE_IDS]);
  if (header !== undefined && ![...found.values()].includes('eventId'))
    found.set(`${HEADER_PLACE}${header}`, 'eventId');
  return found;
}

/** The data in an envelope of CloudEvents, which every source looks at; the body itself if it is none. */
function dataOf(body: JsonObject): JsonObject {
  if (!looksLikeCloudEvent(body)) return body;
  const data = typeof body.data === 'string' ? parsed(body.data) : body.data;
  return isJsonObject(data) ? data : body;
}

/** Whether the body has all the fields that the type needs besides its name. */
export function hasAll(body: JsonObject, schema: object): boolean {
  const { required = [] } = schema as { readonly required?: readonly string[] };
  return required.every((field) => field === 'eventType' || Object.hasOwn(body, field));
}

function isComplete({ eventTypes }: DomainFields, body: JsonObject): boolean {
  const { eventType } = body;
  const type =
    typeof eventType === 'string' && Object.hasOwn(eventTypes, eventType) ? eventTypes[eventType] : undefined;
  return type !== undefined && hasAll(body, type.schema) && !hasWrapped(body, type.schema);
}

/** Whether a field that is no object by the schema is one in the body, as the JSON forms of Avro and DynamoDB have it. */
function hasWrapped(body: JsonObject, schema: object): boolean {
  return Object.entries(propertiesOf(schema)).some(([field, { type, enum: values, const: only }]) => {
    const isPlain =
      values !== undefined ||
      only !== undefined ||
      (type !== undefined && !/object|array/.test(String(type)));
    return isPlain && isJsonObject(body[field]);
  });
}

/** Whether a source knows what to take out of the object: a change event, or an envelope of CloudEvents. */
export function isWrapping(body: JsonObject): boolean {
  return changeForm(body) !== null || looksLikeCloudEvent(body);
}

function similarNames(domain: DomainFields, records: readonly BodyOfRecord[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const { body } of records) {
    const names = Object.keys(body);
    for (const name of wantedNames(domain)) {
      const theirs = names.includes(name) ? undefined : similarName(names, name);
      if (theirs === undefined || !FITS_A_SETTING.test(theirs)) continue;
      if (!fields.has(theirs) && ![...fields.values()].includes(name)) fields.set(theirs, name);
    }
  }
  return fields;
}

function wantedNames(domain: DomainFields): Set<string> {
  const wanted = new Set(['eventType', 'eventId', 'revision']);
  for (const { schema, entityIdField, occurredAtField } of Object.values(domain.eventTypes)) {
    for (const name of [...Object.keys(propertiesOf(schema)), entityIdField, occurredAtField])
      wanted.add(name);
  }
  return wanted;
}

interface Property {
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly type?: unknown;
}

function propertiesOf(schema: object): Readonly<Record<string, Property>> {
  return (schema as { readonly properties?: Record<string, Property> }).properties ?? {};
}

/** Names of the time of an event, the likeliest first. */
const TIMES = 'occurred,timestamp,eventtime,time,createdat,created,date,updatedat,ts'.split(',');
/** Names of the id of a message. */
const IDS: ReadonlySet<string> = new Set('id,messageid,eventuuid,uuid,guid,msgid'.split(','));

/** Finds fields by what their values are. Nothing is found without the id of the entity: then the records are no events. */
class Meaning {
  readonly #domain: DomainFields;
  readonly #records: readonly BodyOfRecord[];
  readonly #leaves: readonly Leaf[];
  readonly #known: Map<string, string>;
  readonly #found = new Map<string, string>();

  constructor(domain: DomainFields, records: readonly BodyOfRecord[], known: ReadonlyMap<string, string>) {
    this.#domain = domain;
    this.#records = records;
    this.#leaves = leavesOf(records.map(({ body }) => body)).filter(({ place }) =>
      FITS_A_SETTING.test(place),
    );
    this.#known = new Map(known);
  }

  places(): ReadonlyMap<string, string> {
    const types = Object.values(this.#domain.eventTypes);
    const ids = new Set(types.map(({ entityIdField }) => entityIdField));
    for (const field of ids)
      this.#take(field, (leaf) => this.#isKey(leaf)) || this.#take(field, (leaf) => isNamed(leaf, field));
    if (![...ids].some((field) => this.#has(field))) return new Map();
    for (const name of wantedNames(this.#domain)) {
      if (!ids.has(name) && name !== 'eventType')
        this.#take(name, (leaf) => leaf.names.length > 1 && isNamed(leaf, name));
    }
    // A value that is spelt like ours tells more than one in which a word is ours.
    const isSpelt: Meant = (theirs, ours) => ours.find((value) => isSpeltAs(theirs, value));
    this.#takeValues(isSpelt, isSpelt);
    this.#takeValues(meantBy, typeMeantBy);
    for (const field of new Set(types.map(({ occurredAtField }) => occurredAtField))) this.#takeTime(field);
    // The id of an event may be missing, so it is looked for only if the producer has words of its own.
    if (this.#found.size > 0)
      this.#take(
        'eventId',
        (leaf) => namesOfLeaf(leaf).some((name) => IDS.has(alike(name))) && isUnique(leaf),
      );
    return this.#found;
  }

  /** Takes the members that hold nothing but known statuses, or types. */
  #takeValues(meant: Meant, typeMeant: Meant): void {
    const known = Object.values(this.#domain.eventTypes).flatMap(({ schema }) =>
      Object.entries(propertiesOf(schema)).flatMap(([field, { enum: values }]) =>
        values === undefined ? [] : [{ field, values }],
      ),
    );
    for (const { field, values } of known) this.#take(field, (leaf) => hasOnly(leaf, values, meant));
    // Several types of events may have their statuses in one member.
    const missing = known.filter(({ field }) => !this.#has(field));
    const values = missing.flatMap((each) => each.values);
    const fields = [...new Set(missing.map(({ field }) => field))];
    if (fields.length > 1) this.#take(fields.join(AND_FIELD), (leaf) => hasOnly(leaf, values, meant));
    const names = Object.keys(this.#domain.eventTypes);
    this.#take('eventType', (leaf) => hasOnly(leaf, names, typeMeant));
  }

  /** Whether the records have the field by its own name or by one that was found. */
  #has(field: string): boolean {
    return (
      [...this.#known.values(), ...this.#found.values()].some((ours) =>
        ours.split(AND_FIELD).includes(field),
      ) || this.#records.some(({ body }) => isValue(body[field]))
    );
  }

  /** Takes the first leaf that is this field, if the records do not have it yet. */
  #take(field: string, isField: (leaf: Leaf) => boolean): boolean {
    if (this.#has(field)) return false;
    const leaf = this.#leaves.find((each) => this.#isFree(each) && isField(each));
    if (leaf === undefined) return false;
    this.#found.set(leaf.place, field);
    return true;
  }

  #isFree({ place }: Leaf): boolean {
    const names = wantedNames(this.#domain);
    return !this.#known.has(place) && !this.#found.has(place) && !names.has(place);
  }

  #takeTime(field: string): void {
    const isTime = (leaf: Leaf) => leaf.values.every(({ value }) => isTimeLike(value));
    const times = this.#leaves.filter((leaf) => this.#isFree(leaf) && isTime(leaf));
    const likely = TIMES.find((name) => times.some((leaf) => timeName(leaf) === name));
    this.#take(field, (leaf) =>
      times.length === 1
        ? leaf === times[0]
        : likely !== undefined && times.includes(leaf) && timeName(leaf) === likely,
    );
  }

  /** Whether the leaf is the key of most of the records that have it. */
  #isKey({ values }: Leaf): boolean {
    const same = values.filter(({ body, value }) => {
      const key = this.#records[body]?.record.key ?? null;
      return key !== null && key.length > 0 && keyOf(key) === String(value);
    });
    return same.length > values.length / 2;
  }
}

/** The value of the domain that a text means; undefined if none is. */
type Meant = (theirs: string, ours: readonly string[]) => string | undefined;

function hasOnly({ values }: Leaf, ours: readonly string[], meant: Meant): boolean {
  return values.every(
    ({ value }) =>
      typeof value === 'string' &&
      (ours.includes(value) || (FITS_A_SETTING.test(value) && meant(value, ours) !== undefined)),
  );
}

function isValue(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && typeof value !== 'object';
}

function isNamed(leaf: Leaf, field: string): boolean {
  return namesOfLeaf(leaf).some((name) => alike(name) === alike(field));
}

function timeName(leaf: Leaf): string | undefined {
  const [name = ''] = namesOfLeaf(leaf);
  return TIMES.find((time) => alike(name) === time || (time === 'occurred' && alike(name).startsWith(time)));
}

function isUnique({ values }: Leaf): boolean {
  return new Set(values.map(({ value }) => String(value))).size === values.length;
}

/** The text of a key, out of its quotes if it is a JSON text. */
function keyOf(key: Uint8Array): string | null {
  const text = decodeUtf8(asBuffer(key));
  const inner = text?.startsWith('"') === true ? parsed(text) : undefined;
  return typeof inner === 'string' ? inner : text;
}

/** Times that a program of our days writes, as numbers of any unit: from 2001 to 2100, in seconds. */
const NUMBERS_OF_TIMES = { from: 1e9, to: 4.1e9 };

function isTimeLike(value: JsonValue): boolean {
  if (typeof value === 'string' && parseRfc3339(value) !== null) return true;
  if (typeof value === 'string' && timeText(value, 'local-utc') !== null) return true;
  const number = typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value));
  const { from, to } = NUMBERS_OF_TIMES;
  return (
    number && [1, 1e3, 1e6, 1e9].some((unit) => Number(value) >= from * unit && Number(value) <= to * unit)
  );
}

function idHeader(records: readonly BodyOfRecord[], ids: readonly string[]): string | undefined {
  return records.map(({ record }) => unreadIdHeader(record.headers, ids)).find((name) => name !== undefined);
}

const EVENT_IDS: readonly string[] = ['ceid', 'cloudeventsid', 'eventid', 'xeventid'];
/** Headers with the id of a message, as libraries for messages write them. */
const MESSAGE_IDS: readonly string[] = 'messageid,axonmessageid,nservicebusmessageid,rbs2msgid'.split(',');

/**
 * The header that holds the id of the event as CloudEvents names it on other ways than Kafka's, or that is named like our field.
 * Undefined without one, and beside the one that is read.
 */
export function unreadIdHeader(headers: readonly LoggedHeader[], ids = EVENT_IDS): string | undefined {
  if (headers.some(([name]) => name === 'ce_id')) return undefined;
  const name = headers.find((header) => isIdHeader(header, ids))?.[0];
  return typeof name === 'string' && FITS_A_SETTING.test(name) ? name : undefined;
}

function isIdHeader([name, value]: LoggedHeader, ids: readonly string[]): boolean {
  if (typeof name !== 'string' || value === null || value.length === 0) return false;
  return ids.includes(alike(name).replaceAll(/[:.]/g, ''));
}
