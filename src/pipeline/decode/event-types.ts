import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Domain, EventType, JsonObject } from '../../core/domain.ts';
import { messageOf, TributaryError } from '../../core/errors.ts';
import { quoted } from '../../core/text.ts';
import { type QuarantineReason, Rejection } from './reasons.ts';

/** An event type of the domain, with its topic by the settings, and its schema compiled. */
export interface CompiledType<Event> {
  readonly name: string;
  readonly definition: EventType<Event>;
  readonly topic: string;
  /** Describes how the body violates the schema; null if it does not. */
  check(body: JsonObject): Rejection | null;
}

/** Compiles the domain's event types, by name. Throws `domain_invalid` if the definition cannot work. */
export function compileTypes<State, Event>(
  domain: Domain<State, Event>,
  topicNames: Readonly<Record<string, string>>,
): Map<string, CompiledType<Event>> {
  if (!/^[A-Za-z0-9_]+$/.test(domain.name)) {
    throw invalidDomain(domain.name, 'its name may hold letters, digits and underscores only');
  }
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
    const check = (body: JsonObject) => (validate(body) ? null : toRejection(validate.errors?.[0]));
    types.set(name, { name, definition, topic, check });
  }
  if (types.size === 0) throw invalidDomain(domain.name, 'it has no event types');
  return types;
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

const REASONS_BY_KEYWORD: Readonly<Record<string, QuarantineReason>> = {
  required: 'field_missing',
  type: 'field_type_wrong',
  enum: 'value_unknown',
  const: 'value_unknown',
};

/** Names the place and the rule of a violation, and never the value, which may be a secret. */
function toRejection(error: ErrorObject | undefined): Rejection {
  if (error === undefined) return new Rejection('schema_invalid', 'The body is not valid.');
  const where = error.instancePath === '' ? 'The body' : `The field ${quoted(error.instancePath)}`;
  const reason = REASONS_BY_KEYWORD[error.keyword] ?? 'schema_invalid';
  return new Rejection(reason, `${where} ${error.message ?? 'is not valid'}.`);
}
