import type { Domain, JsonObject, JsonValue } from '../../core/domain.ts';
import { isJsonObject } from '../../core/json-canonical.ts';
import type { ValueSchemas } from '../../ports/value-schemas.ts';
import { asBuffer } from '../decode/bytes.ts';
import { createDecoder } from '../decode/decoder.ts';
import { isConnectEnvelope } from '../decode/forms/bodies.ts';
import { registryFrame } from '../decode/forms/encodings.ts';
import { parsed, similarName } from '../decode/forms/kinds.ts';
import { JsonReader } from '../decode/json-body.ts';
import { QUARANTINE_REASONS, Rejection } from '../decode/reasons.ts';
import { AND_FIELD, HEADER_PLACE } from '../decode/source/field-names.ts';
import { KEY_FORM_OF, SOURCE_KINDS, type SourceKind, type SourceOptions } from '../decode/source/options.ts';
import { createSource, sourceFieldsOf } from '../decode/source/source.ts';
import { doubtsOf, missingIds } from './doubts.ts';
import { type BodyOfRecord, type DomainFields, isWrapping } from './fields.ts';
import { namesIn } from './names.ts';
import type { SampledRecord } from './sample.ts';
import { formsIn, type KnownOptions, keysOf, requiredOf, timesOf } from './value-forms.ts';
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
  /** What a person has to look at before setting the names of fields, one sentence for each. */
  readonly doubts: readonly string[];
}

/** The most records on which candidates are compared. */
const COMPARED_MAX = 100;
const COMPARED_BYTES_MAX = 512 * 1024;
/** A key form that takes any key has to make events of this share of the sample, or it would only hide mistakes. */
const IGNORE_SHARE = 0.5;
const MAX_DEPTH = 64;

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
  const compared = comparedOf(records);
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
  let best: { options: SourceOptions; score: number } = { options: {}, score: 0 };
  for (const options of candidates(domain, compared, schemas, known)) {
    const verdicts = accepts(options, acceptsMissingKeys);
    const { timely, accepted } = verdicts;
    const score =
      accepted === 0
        ? nearness(verdicts.refused) / 1_000 + (namesId(domain, options) ? ID_ALONE : 0)
        : timely + (isUnit(options) ? 2 * timely - accepted : accepted) / 1_000;
    // A unit under which no time is one of our days is a guess.
    if (timely === 0 && accepted > 0 && isUnit(options)) continue;
    const key = options.key ?? KEY_FORM_OF[options.kind ?? 'json'];
    const needed = key === 'ignore' && options.kind !== 'debezium-table' ? compared.length * IGNORE_SHARE : 0;
    if (score > best.score + needed) best = { options, score };
  }
  const { types } = accepts(best.options, acceptsMissingKeys);
  const options = types.size === 0 ? best.options : withoutNeedless(domain, best.options, types.keys());
  const { fields, ...unnamed } = options;
  const bodies = fields === undefined ? [] : bodiesOf(domain, unnamed, compared, schemas);
  const doubts =
    best.score === 0
      ? missingIds(domain, plainBodies(domain, {}, compared, schemas))
      : doubtsOf(domain, options, bodies);
  return {
    options,
    acceptsMissingKeys,
    verdicts: accepts(options, acceptsMissingKeys, [...records]),
    doubts,
  };
}

/** Whether times are read in another way, under which a wrong one may become a time in 1970. */
function isUnit({ time = 'rfc3339' }: SourceOptions): boolean {
  return time !== 'rfc3339';
}

/** What the id of the entity is worth among records that come no nearer to events. */
const ID_ALONE = 1e-9;

function namesId({ eventTypes }: DomainFields, { fields = new Map() }: SourceOptions): boolean {
  return Object.values(eventTypes).some(({ entityIdField }) => [...fields.values()].includes(entityIdField));
}

/** The options without fields of which none is needed by the events that the records are. */
function withoutNeedless(
  domain: DomainFields,
  options: SourceOptions,
  accepted: Iterable<string>,
): SourceOptions {
  const { fields, ...others } = options;
  if (fields === undefined) return options;
  const needed = new Set(['eventType', 'eventId', 'revision']);
  for (const type of accepted) {
    const { schema, entityIdField, occurredAtField } = domain.eventTypes[type] ?? {};
    for (const name of [...requiredOf(schema ?? {}), entityIdField, occurredAtField])
      if (name !== undefined) needed.add(name);
  }
  const isNeeded = (ours: string) => ours.split(AND_FIELD).some((name) => needed.has(name));
  return [...fields.values()].some(isNeeded) ? options : others;
}

/** The records on which candidates are compared. Of large ones fewer are enough. */
function comparedOf(records: readonly SampledRecord[]): SampledRecord[] {
  let bytes = 0;
  const within = records.slice(0, COMPARED_MAX).filter(({ record: { value } }) => {
    bytes += value?.length ?? 0;
    return bytes <= COMPARED_BYTES_MAX;
  });
  return within.length > 0 ? within : records.slice(0, 1);
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
      for (const fields of fieldsIn(domain, bodiesOf(domain, shape, records, schemas), known)) {
        const named = fields.size === 0 ? shape : { ...shape, fields };
        const bodies = plainBodies(domain, named, records, schemas);
        const forms = formsIn(domain, bodies, known);
        for (const shaped of Object.keys(forms).length === 0 ? [named] : [named, { ...named, ...forms }]) {
          for (const key of keysOf(kind, records)) {
            for (const time of timesOf(domain, bodies)) {
              found.push({
                ...shaped,
                ...(key === KEY_FORM_OF[kind] ? {} : { key }),
                ...(time === 'rfc3339' ? {} : { time }),
              });
            }
          }
        }
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
    Object.keys(options).length +
    (weights[options.kind ?? 'json'] ?? 0) +
    placesInside(options) / 2 +
    (hasEventId(options) ? EVENT_ID_WEIGHT : 0);
  // No settings at all come last: names that are found add to the events of now, or else are wrong.
  return [...found.sort((a, b) => weight(a) - weight(b)), {}];
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

/** What an id of the event is worth, which a setting that takes the event out of its envelope would lose. */
const EVENT_ID_WEIGHT = -2;

function hasEventId({ fields = new Map() }: SourceOptions): boolean {
  return [...fields].some(([place, ours]) => ours === 'eventId' && !place.startsWith(HEADER_PLACE));
}

/**
 * The names of fields that may differ: those that all records show, and those of the records that lack the id. A producer may
 * have been changed in between. The ids of events are left out then, because other records may have something else there.
 */
function fieldsIn(
  domain: DomainFields,
  bodies: readonly BodyOfRecord[],
  { values, fields = new Map() }: KnownOptions,
): Map<string, string>[] {
  const all = namesIn(domain, bodies, values);
  const given = fields.size === 0 ? [] : [namesIn(domain, bodies, values, fields)];
  const ids = Object.values(domain.eventTypes).map(({ entityIdField }) => entityIdField);
  const lacking = bodies.filter(({ body }) => !ids.some((id) => Object.hasOwn(body, id)));
  if (lacking.length === 0 || lacking.length === bodies.length) return [all, ...given];
  const others = [...namesIn(domain, lacking, values)].filter(([, ours]) => ours !== 'eventId');
  return [all, ...given, new Map(others)];
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
    if (isWrapping(body) || isConnectEnvelope(body)) continue;
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
