import type { JsonObject } from '../../core/domain.ts';
import { parseKeepingNumbers } from '../../core/json-exact.ts';
import { asBuffer } from '../decode/bytes.ts';
import { keyText } from '../decode/source/key-text.ts';
import {
  KEY_FORM_OF,
  KEY_FORMS,
  type KeyForm,
  type SourceKind,
  type SourceOptions,
  TIME_FORMS,
  type TimeForm,
} from '../decode/source/options.ts';
import { timeText } from '../decode/source/time-text.ts';
import { type DomainFields, FITS_A_SETTING } from './fields.ts';
import type { SampledRecord } from './sample.ts';
import { meantBy, otherTypesOf, typeMeantBy, writtenAlike } from './spelling.ts';
import { isTypeName, nameAnother, wordsOf } from './words.ts';

/* The forms in which records hold keys, times, ids, types and statuses. */

/** The options of now that no look at records finds: what a number stands for as a status, for example. */
export type KnownOptions = Pick<SourceOptions, 'values' | 'fields'> & {
  /** The type of the events that the topic is set for. */
  readonly likelyType?: string;
};

/**
 * The forms of keys that may be told apart. The form that the source writes by itself comes first, and the one that takes any
 * key last.
 */
export function keysOf(kind: SourceKind, records: readonly SampledRecord[]): readonly KeyForm[] {
  const own = KEY_FORM_OF[kind];
  const isOther = (key: KeyForm) =>
    key === 'ignore' ||
    records.some(({ record }) => {
      if (record.key === null) return false;
      const bytes = asBuffer(record.key);
      return !keyText(bytes, key).equals(keyText(bytes, own));
    });
  return [own, ...KEY_FORMS.filter((key) => key !== own && isOther(key))];
}

/** The forms of times by which some time in these bodies is understood, and that of now. */
export function timesOf(domain: DomainFields, bodies: readonly JsonObject[]): readonly TimeForm[] {
  const fields = new Set(Object.values(domain.eventTypes).map(({ occurredAtField }) => occurredAtField));
  const texts = bodies.flatMap((body) => {
    const exact = parseKeepingNumbers(JSON.stringify([...fields].map((field) => body[field] ?? null)), 'all');
    return Array.isArray(exact) ? exact : [];
  });
  return TIME_FORMS.filter(
    (form) => form === 'rfc3339' || texts.some((value) => timeText(value, form) !== null),
  );
}

/** The type, the form of the id and the values that the domain knows otherwise. */
export function formsIn(
  domain: DomainFields,
  bodies: readonly JsonObject[],
  given: KnownOptions,
): Pick<SourceOptions, 'type' | 'id' | 'values'> {
  const types = Object.entries(domain.eventTypes).sort(
    ([a], [b]) => Number(b === given.likelyType) - Number(a === given.likelyType),
  );
  const known = new Map<string, readonly string[]>([['eventType', types.map(([name]) => name)]]);
  const others = otherTypesOf(domain);
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
      const meant =
        field === 'eventType' ? typeMeantBy(theirs, ours) : meantBy(theirs, ours, others.get(field));
      if (meant !== undefined) seen.set(theirs, meant);
    }
    // A producer writes all values in one way, also those that the sample lacks.
    for (const [theirs, value] of [...seen, ...writtenAlike(seen, ours)]) values.set(theirs, value);
  }
  const idFields = new Set(types.map(([, { entityIdField }]) => entityIdField));
  const hasNumber = bodies.some((body) => [...idFields].some((field) => typeof body[field] === 'number'));
  const untyped = bodies.filter(({ eventType = null }) => eventType === null || eventType === TYPE_OF_DAPR);
  const isOther = untyped.some(isTypeOfAnother);
  const isType = (schema: object, missing = '') =>
    untyped.length > 0 && !isOther && untyped.every((body) => hasAll(body, schema, missing));
  const type =
    types.find(([, { schema }]) => isType(schema)) ??
    // A refusal of the time tells more than one of the type.
    types.find(([, { schema, occurredAtField }]) => isType(schema, occurredAtField));
  const hasDapr = untyped.some(({ eventType }) => eventType === TYPE_OF_DAPR);
  if (type !== undefined && hasDapr) values.set(TYPE_OF_DAPR, type[0]);
  return {
    ...(type === undefined || untyped.every(({ eventType }) => eventType === TYPE_OF_DAPR)
      ? {}
      : { type: type[0] }),
    ...(hasNumber ? { id: 'number' as const } : {}),
    ...(values.size === 0 ? {} : { values }),
  };
}

/** Whether the body says that it is of another thing than the entity, such as a customer. */
function isTypeOfAnother(body: JsonObject): boolean {
  return Object.entries(body).some(
    ([name, value]) => typeof value === 'string' && isTypeName(name) && nameAnother(wordsOf(value)),
  );
}

/** The type that Dapr gives to each event whose producer names none. */
const TYPE_OF_DAPR = 'com.dapr.event.sent';

/** Whether the body has all the fields that the type needs besides its name and the one that may be missing. */
function hasAll(body: JsonObject, schema: object, missing: string): boolean {
  return requiredOf(schema).every(
    (field) => field === 'eventType' || field === missing || Object.hasOwn(body, field),
  );
}

export function requiredOf(schema: object): readonly string[] {
  return (schema as { readonly required?: readonly string[] }).required ?? [];
}
