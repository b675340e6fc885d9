import type { Domain, JsonObject, JsonValue } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import type { ValueSchemas } from '../../ports/value-schemas.ts';
import { asBuffer } from '../decode/bytes.ts';
import { createDecoder } from '../decode/decoder.ts';
import { registryFrame } from '../decode/forms/encodings.ts';
import { parsed, similarName } from '../decode/forms/kinds.ts';
import { JsonReader } from '../decode/json-body.ts';
import { QUARANTINE_REASONS, Rejection } from '../decode/reasons.ts';
import { HEADER_PLACE } from '../decode/source/field-names.ts';
import {
  KEY_FORM_OF,
  KEY_FORMS,
  type KeyForm,
  SOURCE_KINDS,
  type SourceKind,
  type SourceOptions,
  TIME_FORMS,
} from '../decode/source/options.ts';
import { createSource, sourceFieldsOf } from '../decode/source/source.ts';
import {
  type BodyOfRecord,
  type DomainFields,
  FITS_A_SETTING,
  hasAll,
  isWrapping,
  namesIn,
} from './names.ts';
import type { SampledRecord } from './sample.ts';
import { meantBy, typeMeantBy, writtenAlike } from './spelling.ts';
import { judge, type Refused, type Verdicts } from './verdicts.ts';

/**
 * The settings under which most records of a sample are events. If none are, those under which the records come nearest to
 * one: their refusals say what is still missing.
 */
export interface Fit {
  readonly options: SourceOptions;
  /** Whether records without a key have to be taken. */
  readonly acceptsMissingKeys: boolean;
  readonly verdicts: Verdicts;
}

/** The most records on which candidates are compared. */
const COMPARED_MAX = 100;
/** A key form that takes any key has to make events of this share of the sample, or it would only hide mistakes. */
const IGNORE_SHARE = 0.5;
const MAX_DEPTH = 64;
/** The options of now that no look at records finds: what a number stands for as a status, for example. */
type KnownOptions = Pick<SourceOptions, 'values'>;

/**
 * Finds the settings under which most records of the sample are events with a plausible time. All records are taken to come
 * on one topic of that name. Among equals, those with the fewest settings win. Depends on the sample and `known` alone.
 */
export function bestFit<State, Event>(
  domain: Domain<State, Event>,
  topic: string,
  records: readonly SampledRecord[],
  schemas: ValueSchemas | null = null,
  known: KnownOptions = {},
): Fit {
  const compared = records.slice(0, COMPARED_MAX);
  const accepts = (options: SourceOptions, acceptsMissingKeys: boolean, tried = compared) =>
    judge(
      createDecoder(domain, {
        topicNames: namesFor(domain, topic),
        sources: { [topic]: options },
        schemas,
        acceptsMissingKeys,
      }),
      tried,
    );
  const isKeyless = compared.filter(({ record: { key } }) => key === null || key.length === 0).length;
  const acceptsMissingKeys = isKeyless > compared.length * IGNORE_SHARE;
  let best: { options: SourceOptions; score: number } = { options: {}, score: -1 };
  for (const options of candidates(domain, compared, schemas, known)) {
    const verdicts = accepts(options, acceptsMissingKeys);
    const { timely, accepted } = verdicts;
    const score = accepted === 0 ? nearness(verdicts.refused) / 1_000 : timely + accepted / 1_000;
    // A unit under which no time is one of our days is a guess.
    if (timely === 0 && accepted > 0 && (options.time ?? 'rfc3339') !== 'rfc3339') continue;
    const key = options.key ?? KEY_FORM_OF[options.kind ?? 'json'];
    const needed = key === 'ignore' && options.kind !== 'debezium-table' ? compared.length * IGNORE_SHARE : 0;
    if (score > best.score + needed) best = { options, score };
  }
  const { options } = best;
  return { options, acceptsMissingKeys, verdicts: accepts(options, acceptsMissingKeys, [...records]) };
}

/**
 * How far the refused records come into the checks of the event itself, from 0 to 1. The reasons stand in the sequence of the
 * checks. What refuses them before says nothing about whether a source is the right one.
 */
function nearness(refused: readonly Refused[]): number {
  const total = refused.reduce((sum, { count }) => sum + count, 0);
  const passed = refused.reduce(
    (sum, { reason, count }) => sum + Math.max(REASONS.indexOf(reason), EVENT) * count,
    0,
  );
  return total === 0 ? 0 : (passed / total - EVENT) / REASONS.length;
}

const REASONS: readonly string[] = QUARANTINE_REASONS;
/** The last reason that concerns the wrapping of an event. */
const EVENT = REASONS.indexOf('event_type_missing');

/** The domain's topics, all under one name. */
export function namesFor(
  domain: { readonly eventTypes: Readonly<Record<string, { readonly topic: string }>> },
  topic: string,
): Record<string, string> {
  return Object.fromEntries(Object.values(domain.eventTypes).map((type) => [type.topic, topic]));
}

/** Candidates from the fewest settings to the most. */
function candidates(
  domain: DomainFields,
  records: readonly SampledRecord[],
  schemas: ValueSchemas | null,
  known: KnownOptions,
): SourceOptions[] {
  const found: SourceOptions[] = [];
  for (const kind of SOURCE_KINDS) {
    // A source that finds no JSON object in any record cannot make an event of one.
    if (kind !== 'json' && plainBodies(domain, { kind }, records, schemas).length === 0) continue;
    for (const body of bodiesIn(domain, kind, records, schemas)) {
      const shape = { ...(kind === 'json' ? {} : { kind }), ...(body === undefined ? {} : { body }) };
      const fields = namesIn(domain, bodiesOf(domain, shape, records, schemas));
      // The names that some records have may spoil the others, so that fewer are events.
      const least = new Map([...fields].filter(([place]) => place.startsWith(HEADER_PLACE)));
      for (const names of least.size === fields.size ? [fields] : [least, fields]) {
        const named = names.size === 0 ? shape : { ...shape, fields: names };
        const forms = formsIn(domain, plainBodies(domain, named, records, schemas), known);
        const shapes = Object.keys(forms).length === 0 ? [named] : [named, { ...named, ...forms }];
        found.push(...shapes.flatMap((shaped) => withKeysAndTimes(kind, shaped)));
      }
    }
  }
  // Several kinds of sources read plain events. The records show which of them is meant.
  const weights: Readonly<Partial<Record<SourceKind, number>>> = {
    'debezium-outbox': isFromDebezium(records) ? -2 : -0.5,
    'schema-registry': records.some(hasPrefix) ? -0.5 : 0,
    cloudevents: -0.25,
  };
  const weight = (options: SourceOptions) =>
    Object.keys(options).length + (weights[options.kind ?? 'json'] ?? 0) + placesInside(options) / 2;
  return found.sort((a, b) => weight(a) - weight(b));
}

/** The same options with every form of keys and of times. */
function withKeysAndTimes(kind: SourceKind, shaped: SourceOptions): SourceOptions[] {
  return keysOf(kind).flatMap((key) =>
    TIME_FORMS.map((time) => ({
      ...shaped,
      ...(key === KEY_FORM_OF[kind] ? {} : { key }),
      ...(time === 'rfc3339' ? {} : { time }),
    })),
  );
}

/** The number of fields that stand further in. A setting that takes the event out of there is plainer. */
function placesInside({ fields = new Map() }: SourceOptions): number {
  return [...fields.keys()].filter((place) => place.includes('.')).length;
}

/**
 * Whether Debezium's outbox event router has written the records. Their bodies may be plain events then, but the ids of the
 * events are in headers, which only that source reads.
 */
function isFromDebezium(records: readonly SampledRecord[]): boolean {
  return records.some(({ record: { headers } }) => {
    const names = headers.map(([name]) => name);
    return (
      names.includes('id') && names.some((name) => typeof name === 'string' && name.startsWith('__debezium.'))
    );
  });
}

function hasPrefix({ record: { value } }: SampledRecord): boolean {
  return value !== null && registryFrame(asBuffer(value)) !== null;
}

/** The form that the source writes by itself comes first, and the one that takes any key last. */
function keysOf(kind: SourceKind): readonly KeyForm[] {
  const own = KEY_FORM_OF[kind];
  return [own, ...KEY_FORMS.filter((key) => key !== own)];
}

/** Members of the values that hold an event or an object like one, and none. The row of a change event is no event by itself. */
function bodiesIn(
  domain: DomainFields,
  kind: SourceKind,
  records: readonly SampledRecord[],
  schemas: ValueSchemas | null,
): (string | undefined)[] {
  const names = new Set<string>();
  const ids = Object.values(domain.eventTypes).map(({ entityIdField }) => entityIdField);
  const likely = ['eventType', ...ids];
  for (const body of plainBodies(domain, kind === 'json' ? {} : { kind }, records, schemas)) {
    if (isWrapping(body)) continue;
    if (!ids.some((id) => nameIn(body, id) !== undefined))
      for (const name of holders(body, likely)) names.add(name);
  }
  return [undefined, ...[...names].slice(0, 3)];
}

/** The most levels at which an event is looked for. */
const LEVELS_MAX = 3;

/** The places of the objects in a body that have one of these fields. Those around them are none. */
function holders(body: JsonObject, likely: readonly string[], before = '', level = 1): string[] {
  return Object.entries(body).flatMap(([name, value]) => {
    const inner = typeof value === 'string' && value.startsWith('{') ? parsed(value) : value;
    if (!isJsonObject(inner) || isWrapping(inner)) return [];
    if (likely.some((field) => nameIn(inner, field) !== undefined)) return [`${before}${name}`];
    return level === LEVELS_MAX ? [] : holders(inner, likely, `${before}${name}.`, level + 1);
  });
}

function nameIn(body: JsonObject, field: string): string | undefined {
  return Object.hasOwn(body, field) ? field : similarName(Object.keys(body), field);
}

/** The type, the form of the id and the values that the domain knows otherwise. */
function formsIn(
  domain: DomainFields,
  bodies: readonly JsonObject[],
  given: KnownOptions,
): Pick<SourceOptions, 'type' | 'id' | 'values'> {
  const types = Object.entries(domain.eventTypes);
  const known = new Map<string, readonly string[]>([['eventType', types.map(([name]) => name)]]);
  for (const [, { schema }] of types) {
    const { properties = {} } = schema as {
      readonly properties?: Record<string, { readonly enum?: string[] }>;
    };
    for (const [field, { enum: values }] of Object.entries(properties))
      if (values !== undefined) known.set(field, [...(known.get(field) ?? []), ...values]);
  }
  const values = new Map(given.values);
  for (const [field, ours] of known) {
    const seen = new Map<string, string>();
    for (const body of bodies) {
      const theirs = body[field];
      if (typeof theirs !== 'string' || ours.includes(theirs) || values.has(theirs)) continue;
      if (!FITS_A_SETTING.test(theirs)) continue;
      const meant = (field === 'eventType' ? typeMeantBy : meantBy)(theirs, ours);
      if (meant !== undefined) seen.set(theirs, meant);
    }
    // A producer writes all values in one way, also those that the sample lacks.
    for (const [theirs, value] of [...seen, ...writtenAlike(seen, ours)]) values.set(theirs, value);
  }
  const idFields = new Set(types.map(([, { entityIdField }]) => entityIdField));
  const hasNumber = bodies.some((body) => [...idFields].some((field) => typeof body[field] === 'number'));
  const untyped = bodies.filter((body) => (body.eventType ?? null) === null);
  const type = types.find(
    ([, { schema }]) => untyped.length > 0 && untyped.every((body) => hasAll(body, schema)),
  );
  return {
    ...(type === undefined ? {} : { type: type[0] }),
    ...(hasNumber ? { id: 'number' as const } : {}),
    ...(values.size === 0 ? {} : { values }),
  };
}

function plainBodies(...given: Parameters<typeof bodiesOf>): JsonObject[] {
  return bodiesOf(...given).map(({ body }) => body);
}

/** The bodies that a source makes of the records. */
function bodiesOf(
  domain: DomainFields,
  options: SourceOptions,
  records: readonly SampledRecord[],
  schemas: ValueSchemas | null,
): BodyOfRecord[] {
  const source = createSource(
    options,
    sourceFieldsOf(Object.values(domain.eventTypes)),
    new JsonReader(MAX_DEPTH),
    schemas,
  );
  return records.flatMap(({ record }) => {
    if (record.value === null || record.value.length === 0) return [];
    const plain = source === null ? record : source.plain(record);
    if (plain instanceof Rejection || plain.value === null) return [];
    const body: JsonValue | undefined = parsed(Buffer.from(plain.value).toString('utf8'));
    return isJsonObject(body) ? [{ record, body }] : [];
  });
}
