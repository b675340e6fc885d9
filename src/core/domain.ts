/**
 * A domain is one definition object: what its events look like, how they fold into a state, and which columns
 * that state shows. The engine knows a domain only by this type. Everything in it is pure: no clock, no I/O.
 */
export interface Domain<State, Event> {
  /** Names the domain in logs; letters, digits and underscores. */
  readonly name: string;
  /** By the value of the body's `eventType`. */
  readonly eventTypes: Readonly<Record<string, EventType<Event>>>;
  readonly initialState: State;
  /**
   * The number of the fold; 1 if it is not given. Raise it whenever `evolve`, `toEvent` or the shape of the state
   * changes: the store keeps states of entities with thousands of events, and a program goes on only from states of
   * its own number.
   */
  readonly foldVersion?: number;
  /** The state after one more event, in canonical sequence. Must not change `state`. */
  evolve(state: State, event: Event): State;
  readonly view: View<State>;
  /** Given if tables that another program made may be taken over with their rows. */
  readonly adoption?: Adoption<State, Event>;
}

export interface EventType<Event> {
  /** The topic that carries it; a setting may give the topic another name. */
  readonly topic: string;
  /** JSON Schema (draft-07) of the body. Fields that it does not name are kept in the journal, and ignored. */
  readonly schema: object;
  /** The body's field that holds the entity's id (a string). */
  readonly entityIdField: string;
  /** The body's field that holds the moment of the event (RFC 3339 with zone). */
  readonly occurredAtField: string;
  /** The fields that tell one event from another if the source gives no event id. */
  readonly meaningfulFields: readonly string[];
  /** The body, already valid by `schema`, as the domain's event: only what the fold reads. */
  toEvent(body: JsonObject): Event;
  /** The stage of the entity's life that the event belongs to, from 1. Used if there is no revision. */
  stage(event: Event): number;
  /** At equal stage and time the higher rank comes last. */
  cautionRank(event: Event): number;
}

export interface View<State> {
  readonly table: string;
  /** The column that holds the entity's id. */
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
  /** The values of `columns`, in their sequence. */
  row(state: State): ViewRow;
  /** Whether the state qualifies for delivery. */
  isReady(state: State): boolean;
}

export interface ViewColumn {
  readonly name: string;
  readonly type: 'text' | 'boolean' | 'integer';
  /** Of a text, in characters; 255 if it is not given. */
  readonly maxLength?: number;
}

export type ViewValue = string | number | boolean | null;
export type ViewRow = readonly ViewValue[];

/** How rows of a view that was made before there was a journal become baseline events. */
export interface Adoption<State, Event> {
  /** The value of `event_type` for baseline events; no topic may carry it. */
  readonly eventType: string;
  /**
   * The events whose fold is this row: at least one, so that the journal knows of every row. Throws a plain
   * Error that says what is unknown.
   */
  baseline(entityId: string, row: ViewRow): readonly BaselineEvent[];
  /** The event in a baseline body. */
  toEvent(body: JsonObject): Event;
  /** The state that the other program had delivered, if the row says that it had. */
  deliveredRow(row: ViewRow): ViewRow | null;
  /** Only for the type: ties the adoption to its domain's state. */
  readonly state?: State;
}

/** What one part of an adopted row says, as the first thing that happened at its stage. */
export interface BaselineEvent {
  /** Names the event inside its entity, e.g. `baseline:payment_status`. */
  readonly eventId: string;
  readonly stage: number;
  readonly body: JsonObject;
}

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export type JsonObject = { [name: string]: JsonValue };
