import type { Domain, View } from '../../core/domain.ts';
import type { BodyOf, EventSchema } from './body-types.ts';

/** A domain as `defineDomain` takes it. `Schemas` are the schemas of the event types, by their names. */
export interface DomainDefinition<Schemas extends Readonly<Record<string, EventSchema>>, State> {
  /** Names the domain in log lines, its consumer group and its file. Letters, digits and underscores. */
  readonly name: string;
  /** What people call an entity, in the singular and in lower case: `article`. Default: `entity`. */
  readonly noun?: string;
  /** The topic of all event types that name none. */
  readonly topic?: string;
  /** The field of the bodies with the entity's id (a string), for all event types that name none. */
  readonly entityIdField?: string;
  /** The field of the bodies with the time of the event (RFC 3339 with zone), for all event types that name none. */
  readonly occurredAtField?: string;
  /** The event types, by the value of `eventType` in the body. */
  readonly events: { readonly [Name in keyof Schemas]: EventDefinition<Schemas[Name]> };
  readonly initialState: State;
  /** Raise it whenever `evolve`, a schema or the shape of the state changes. Default: 1. */
  readonly foldVersion?: number;
  /**
   * For each event type a function that returns the state after one more event. It must not change the state that it gets, and
   * depends on its two arguments alone.
   */
  readonly evolve: Evolve<Schemas, State>;
  readonly view: View<NoInfer<State>>;
}

export type Evolve<Schemas, State> = {
  readonly [Name in keyof Schemas]: (state: NoInfer<State>, body: BodyOf<Schemas[Name]>) => NoInfer<State>;
};

export interface EventDefinition<Schema extends EventSchema> {
  readonly topic?: string;
  /**
   * JSON Schema (draft-07), or a schema of a library that implements Standard Schema (zod, valibot, ArkType). The fields with
   * the type, the id and the time are added to a JSON Schema that does not name them. Fields that no schema names stay in the
   * journal.
   */
  readonly schema: Schema;
  readonly entityIdField?: string;
  readonly occurredAtField?: string;
  /** Two events without an event id are the same if these fields are equal. Default: if their whole bodies are. */
  readonly meaningfulFields?: readonly string[];
  /** The stage of the entity's life to which the event belongs, from 1. A `revision` in the body replaces it. Default: 1. */
  readonly stage?: number | ((body: BodyOf<Schema>) => number);
  /** At the same stage and time the event with the higher rank comes last, and so decides. Default: 0. */
  readonly cautionRank?: number | ((body: BodyOf<Schema>) => number);
}

/** An event of a defined domain: its type, and its body as the schema gives it. */
export type DomainEvent<Schemas> = {
  readonly [Name in keyof Schemas]: { readonly type: Name; readonly body: BodyOf<Schemas[Name]> };
}[keyof Schemas];

/** The state of a domain: `StateOf<typeof stockLedger>`. */
export type StateOf<Defined> = Defined extends Domain<infer State, infer _Event> ? State : never;

/** The events of a domain, as its fold gets them. */
export type EventOf<Defined> = Defined extends Domain<infer _State, infer Event> ? Event : never;
