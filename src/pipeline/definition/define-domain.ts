import type { Domain, EventType, JsonObject } from '../../core/domain.ts';
import type { EventSchema, JsonSchema } from './body-types.ts';
import { checkDefinition, checkDomain } from './check-domain.ts';
import type { DomainDefinition, DomainEvent, EventDefinition } from './definition.ts';
import { isStandardSchema, pointerOf, type StandardSchema } from './standard-schema.ts';

/**
 * Makes a domain of its definition, with the types of events and state inferred from it. Throws `domain_invalid` at once if the
 * definition cannot work; the message has one line for each fault, with its place in the definition.
 */
export function defineDomain<const Schemas extends Readonly<Record<string, EventSchema>>, State>(
  definition: DomainDefinition<Schemas, State>,
): Domain<State, DomainEvent<Schemas>> {
  checkDefinition(definition as unknown as DomainDefinition<Record<string, EventSchema>, unknown>);
  type Event = DomainEvent<Schemas>;
  const { name, noun, foldVersion, initialState, evolve, view } = definition;
  const handlers = evolve as unknown as Readonly<Record<string, (state: State, body: unknown) => State>>;
  const domain: Domain<State, Event> = {
    name,
    ...(noun === undefined ? {} : { noun }),
    ...(foldVersion === undefined ? {} : { foldVersion }),
    eventTypes: Object.fromEntries(
      Object.entries(
        definition.events as unknown as Readonly<Record<string, EventDefinition<EventSchema>>>,
      ).map(([type, event]) => [type, eventTypeOf(type, event, definition) as unknown as EventType<Event>]),
    ),
    initialState,
    evolve: (state, event) => handlers[event.type as string]?.(state, event.body) as State,
    view,
  };
  checkDomain(domain);
  return domain;
}

interface TypedBody {
  readonly type: string;
  readonly body: unknown;
}

type Shared = Pick<DomainDefinition<never, unknown>, 'topic' | 'entityIdField' | 'occurredAtField'>;

function eventTypeOf(
  type: string,
  event: EventDefinition<EventSchema>,
  shared: Shared,
): EventType<TypedBody> {
  const { meaningfulFields } = event;
  const entityIdField = event.entityIdField ?? shared.entityIdField ?? '';
  const occurredAtField = event.occurredAtField ?? shared.occurredAtField ?? '';
  const schema = event.schema as EventSchema;
  return {
    topic: event.topic ?? shared.topic ?? '',
    entityIdField,
    occurredAtField,
    ...(meaningfulFields === undefined ? {} : { meaningfulFields }),
    stage: ({ body }) => numberFor(event.stage, body, 1),
    cautionRank: ({ body }) => numberFor(event.cautionRank, body, 0),
    ...(isStandardSchema(schema)
      ? judgedBy(schema, type, { entityIdField, occurredAtField })
      : {
          schema: completed(schema, type, { entityIdField, occurredAtField }),
          toEvent: (body: JsonObject) => ({ type, body }),
        }),
  };
}

function numberFor(
  given: number | ((body: never) => number) | undefined,
  body: unknown,
  fallback: number,
): number {
  return typeof given === 'function' ? given(body as never) : (given ?? fallback);
}

/** The two fields that every body has besides its type. */
interface FieldNames {
  readonly entityIdField: string;
  readonly occurredAtField: string;
}

/** The JSON Schema with the fields that every body has. What it says about them itself stays. */
function completed(schema: JsonSchema, type: string, { entityIdField, occurredAtField }: FieldNames): object {
  const given = schema.properties ?? {};
  const own = {
    eventType: { const: type },
    [entityIdField]: { type: 'string' },
    [occurredAtField]: { type: 'string' },
  };
  return {
    ...schema,
    type: 'object',
    properties: { ...own, ...given },
    required: [...new Set([...Object.keys(own), ...(schema.required ?? [])])],
  };
}

/** The library judges the body, and its output is what the fold gets. A body that was just judged is not judged again. */
function judgedBy(
  schema: StandardSchema,
  type: string,
  fields: FieldNames,
): Pick<EventType<TypedBody>, 'schema' | 'fault' | 'toEvent'> {
  let last: { readonly body: JsonObject; readonly event: TypedBody } | null = null;
  const judge = (body: JsonObject) => {
    const result = schema['~standard'].validate(body);
    if (result instanceof Promise) throw new TypeError(`The schema of ${type} answers later, by a promise.`);
    return result;
  };
  return {
    schema: completed({}, type, fields),
    fault(body) {
      const result = judge(body);
      const [issue] = result.issues ?? [];
      if (issue !== undefined) return { pointer: pointerOf(issue) };
      if (result.issues === undefined) last = { body, event: { type, body: result.value } };
      return null;
    },
    toEvent(body) {
      const known = last;
      last = null;
      if (known !== null && known.body === body) return known.event;
      const result = judge(body);
      if (result.issues !== undefined)
        throw new Error(
          `The schema of ${type} does not accept this body: ${pointerOf(result.issues[0] ?? { message: '' })}`,
        );
      return { type, body: result.value };
    },
  };
}
