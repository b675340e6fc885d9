import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Domain, EventType, JsonObject, JsonValue } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { columnFault } from '../../core/view-values.ts';
import { jsonKind, similarName } from './forms/kinds.ts';
import { timeThatIsNoText } from './forms/times.ts';
import { type QuarantineReason, Rejection } from './reasons.ts';

/** An event type of the domain, with its topic by the settings, and its schema compiled. */
export interface CompiledType<Event> {
  readonly name: string;
  readonly definition: EventType<Event>;
  readonly topic: string;
  /** Describes how the body violates the schema; null if it does not. */
  check(body: JsonObject): Rejection | null;
  /** Whether the program reads this field of the body, so that it has to understand every number in it. */
  reads(field: string): boolean;
  /** The optional fields of the schema that may not be null. Null in one of them means that the field is absent. */
  readonly absentIfNull: readonly string[];
}

/** Compiles the domain's event types, by name. Throws `domain_invalid` if the definition cannot work. */
export function compileTypes<State, Event>(
  domain: Domain<State, Event>,
  topicNames: Readonly<Record<string, string>>,
): Map<string, CompiledType<Event>> {
  if (!/^[A-Za-z0-9_]+$/.test(domain.name)) {
    throw invalidDomain(domain.name, 'its name may hold letters, digits and underscores only');
  }
  const fault = domain.view.columns.map(columnFault).find((found) => found !== null);
  if (fault !== undefined) throw invalidDomain(domain.name, fault);
  const types = new Map<string, CompiledType<Event>>();
  for (const [name, definition] of Object.entries(domain.eventTypes)) {
    if (name === domain.adoption?.eventType) {
      throw invalidDomain(domain.name, `the event type ${quoted(name)} is that of adopted rows too`);
    }
    const topic = Object.hasOwn(topicNames, definition.topic) ? topicNames[definition.topic] : undefined;
    if (topic === undefined) {
      throw invalidDomain(domain.name, `no topic is named for ${quoted(definition.topic)}`);
    }
    let validate: ValidateFunction;
    try {
      validate = validatorOf(definition.schema);
    } catch (error) {
      throw invalidDomain(domain.name, `the schema of ${quoted(name)} is not valid: ${messageOf(error)}`);
    }
    const check = (body: JsonObject) =>
      validate(body) ? ownFault(definition, body) : toRejection(validate.errors?.[0], body, definition);
    const reads = readFields(definition);
    types.set(name, { name, definition, topic, check, reads, absentIfNull: absentIfNull(definition.schema) });
  }
  if (types.size === 0) throw invalidDomain(domain.name, 'it has no event types');
  return types;
}

/** Asks the type itself, whose code may throw. */
function ownFault<Event>(definition: EventType<Event>, body: JsonObject): Rejection | null {
  if (definition.fault === undefined) return null;
  try {
    const fault = definition.fault(body);
    if (fault === null) return null;
    const where = fault.pointer === '' ? 'The body' : `The field ${quoted(fault.pointer)}`;
    return new Rejection('schema_invalid', `${where} is not valid by the schema of its type.`);
  } catch {
    return new Rejection('event_not_understood', 'The schema of its type throws.');
  }
}

/** A process makes several decoders of one domain, and compiling a schema takes milliseconds. */
const VALIDATORS = new WeakMap<object, ValidateFunction>();

function validatorOf(schema: object): ValidateFunction {
  const validator = VALIDATORS.get(schema) ?? new Ajv({ strict: true }).compile(schema);
  VALIDATORS.set(schema, validator);
  return validator;
}

function invalidDomain(name: string, problem: string): TributaryError {
  return new TributaryError(
    'domain_invalid',
    `The domain ${quoted(name)} cannot be used: ${problem}. Correct its definition.`,
  );
}

/** The keywords of a schema under which no field is read but those that `properties` names. */
const PLAIN_KEYWORDS: ReadonlySet<string> = new Set([
  '$id',
  '$schema',
  'title',
  'description',
  'type',
  'required',
  'properties',
  'maxProperties',
  'minProperties',
]);

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object | boolean>>;
  readonly required?: readonly string[];
}

type FieldNames = Pick<
  EventType<unknown>,
  'schema' | 'entityIdField' | 'occurredAtField' | 'meaningfulFields'
>;

/** The fields that the schema, the domain or the decoder reads. All of them, if the schema may read any. */
function readFields({
  schema,
  entityIdField,
  occurredAtField,
  meaningfulFields = [],
}: FieldNames): (field: string) => boolean {
  if (Object.keys(schema).some((keyword) => !PLAIN_KEYWORDS.has(keyword))) return () => true;
  const named = Object.keys((schema as ObjectSchema).properties ?? {});
  const read = new Set([
    ...named,
    ...meaningfulFields,
    entityIdField,
    occurredAtField,
    'eventType',
    'eventId',
    'revision',
  ]);
  return (field) => read.has(field);
}

const ABSENT_IF_NULL = new WeakMap<object, readonly string[]>();

function absentIfNull(schema: object): readonly string[] {
  const known = ABSENT_IF_NULL.get(schema);
  if (known !== undefined) return known;
  const { properties = {}, required = [] } = schema as ObjectSchema;
  const fields = Object.entries(properties)
    .filter(([field, own]) => !required.includes(field) && refusesNull(own))
    .map(([field]) => field);
  ABSENT_IF_NULL.set(schema, fields);
  return fields;
}

/** Whether null violates the schema of a field. False for a schema that cannot be used without the rest. */
function refusesNull(schema: object | boolean): boolean {
  try {
    return typeof schema === 'object' && !new Ajv({ strict: false }).validate(schema, null);
  } catch {
    return false;
  }
}

/** The body without the optional fields that are null. */
export function withoutNulls(
  body: JsonObject,
  { absentIfNull: fields }: { readonly absentIfNull: readonly string[] },
): JsonObject {
  if (fields.length === 0 || !fields.some((field) => body[field] === null)) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([field, value]) => value !== null || !fields.includes(field)),
  );
}

const REASONS_BY_KEYWORD: Readonly<Record<string, QuarantineReason>> = {
  required: 'field_missing',
  type: 'field_type_wrong',
  enum: 'value_unknown',
  const: 'value_unknown',
};

/** Names the place and the rule of a violation and the kind of the value, never the value, which may be a secret. */
function toRejection(
  error: ErrorObject | undefined,
  body: JsonObject,
  { occurredAtField }: FieldNames,
): Rejection {
  if (error === undefined) return new Rejection('schema_invalid', 'The body is not valid.');
  const { instancePath, keyword, params } = error;
  const where = instancePath === '' ? 'The body' : `The field ${quoted(instancePath)}`;
  const reason = REASONS_BY_KEYWORD[keyword] ?? 'schema_invalid';
  const value = valueAt(body, instancePath);
  if (keyword === 'required')
    return new Rejection(reason, missing(where, String(params.missingProperty), value));
  if (keyword === 'type') {
    if (instancePath === `/${occurredAtField}` && typeof value !== 'string')
      return timeThatIsNoText(value ?? null, occurredAtField);
    return new Rejection(reason, `${where} is ${jsonKind(value)}, and must be ${String(params.type)}.`);
  }
  if (keyword === 'enum' || keyword === 'const') {
    const allowed: readonly JsonValue[] = keyword === 'enum' ? params.allowedValues : [params.allowedValue];
    return new Rejection(reason, `${where} is ${unlisted(value, allowed)}.`);
  }
  return new Rejection(reason, `${where} ${error.message ?? 'is not valid'}.`);
}

function missing(where: string, field: string, value: JsonValue | undefined): string {
  const similar =
    typeof value === 'object' && value !== null ? similarName(Object.keys(value), field) : undefined;
  return `${where} has no field ${field}${similar === undefined ? '' : ` (there is ${similar})`}.`;
}

/** The most allowed values that a detail lists. */
const LISTED_MAX = 20;

function unlisted(value: JsonValue | undefined, allowed: readonly JsonValue[]): string {
  const texts = allowed
    .slice(0, LISTED_MAX)
    .map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  const list = `${texts.join(', ')}${allowed.length > LISTED_MAX ? ', …' : ''}`;
  const kind = jsonKind(value);
  if (typeof value !== 'string') return `${kind}, and none of ${list}`;
  const similar = texts.find((text) => text.toLowerCase() === value.trim().toLowerCase());
  if (similar === undefined) return `${kind}, and none of ${list}`;
  return `${similar} in other capitals or with white space around it, and has to be one of ${list} exactly`;
}

/** The value at a JSON Pointer; undefined if there is none. */
function valueAt(body: JsonObject, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = body;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = Array.isArray(value) ? value[Number(name)] : value[name];
  }
  return value;
}
