/**
 * A domain is one definition object: the form of its events, their fold into a state, and the columns of that state. The
 * pipeline knows a domain by this type alone. All its functions are pure: they use no clock and no I/O.
 */
export interface Domain<State, Event> {
  /** Names the domain in log lines. Letters, digits and underscores. */
  readonly name: string;
  /** What people call an entity, in the singular and in lower case: `order`. Default: `entity`. */
  readonly noun?: string;
  /** The member of answers and log lines that holds an entity's id. Default: `entityId`. */
  readonly idMember?: string;
  /** The event types, by the value of `eventType` in the body. */
  readonly eventTypes: Readonly<Record<string, EventType<Event>>>;
  readonly initialState: State;
  /**
   * The number of the fold. Default: 1. Raise it whenever `evolve`, `toEvent` or the shape of the state changes. The store
   * keeps states of entities with thousands of events, and a program goes on only from states with its own number.
   */
  readonly foldVersion?: number;
  /** Returns the state after one more event, in canonical sequence. Must not change `state`. */
  evolve(state: State, event: Event): State;
  readonly view: View<State>;
  /** How a table of another program is taken over with its rows. Without it, none is taken over. */
  readonly adoption?: Adoption<State, Event>;
}

export interface EventType<Event> {
  /** The topic of these events. A setting may give the topic another name. */
  readonly topic: string;
  /** JSON Schema (draft-07) of the body. Fields that it does not name stay in the journal, and are ignored. */
  readonly schema: object;
  /** The field of the body with the entity's id (a string). */
  readonly entityIdField: string;
  /** The field of the body with the time of the event (RFC 3339 with zone). */
  readonly occurredAtField: string;
  /** Two events without an event id are the same if these fields are equal. Default: if their whole bodies are. */
  readonly meaningfulFields?: readonly string[];
  /**
   * Says what is wrong with a body that is valid by `schema`; null if nothing is. It is for rules that JSON Schema cannot say,
   * and its body goes to quarantine.
   */
  fault?(body: JsonObject): BodyFault | null;
  /** Turns a body, which is valid by `schema`, into the domain's event: the values that the fold needs. */
  toEvent(body: JsonObject): Event;
  /** The stage of the entity's life to which the event belongs, from 1. Used if the event has no revision. */
  stage(event: Event): number;
  /** At equal position and time the event with the higher rank comes last. */
  cautionRank(event: Event): number;
}

/** Where a body breaks a rule of its type. The value itself is never named, because it may be a secret. */
export interface BodyFault {
  /** A JSON Pointer into the body. Empty: the body as a whole. */
  readonly pointer: string;
}

export interface View<State> {
  readonly table: string;
  /** The column with the entity's id. */
  readonly keyColumn: string;
  readonly columns: readonly ViewColumn[];
  /** Returns the values of `columns`, in their sequence. */
  row(state: State): ViewRow;
  /** Whether the state qualifies for delivery. */
  isReady(state: State): boolean;
  /** The boolean column that has what `isReady` answers. Without it, rows cannot be listed by whether they are ready. */
  readonly readyColumn?: string;
  /**
   * Says why a row is not ready; null if it is. It is asked of rows that the program made and of rows that somebody
   * altered, so it must not throw on any values. Without it, explanations say only that the row is not ready.
   */
  whyNotReady?(row: ViewRow): NotReady | null;
}

/** Why a row is not ready, in words for people. */
export interface NotReady {
  /** A stable word for the event that is awaited, such as `review`; null if no event is awaited. */
  readonly waitsFor: string | null;
  /**
   * The column that shows the reason: the event that set it says since when the row waits. Null if the first event of
   * the entity says so.
   */
  readonly column: string | null;
  /** The reason, as the beginning of a sentence: `its review is pending`. */
  readonly because: string;
  /** What would change it, as the end of a sentence: `the acceptance that would settle it has not arrived`. */
  readonly missing: string;
}

export type ViewColumn = ColumnName & ColumnType;

interface ColumnName {
  readonly name: string;
}

/**
 * What a column holds. Except for flags and integers, a value is a text in its one canonical form, so two values are equal
 * if and only if their texts are. `view-values.ts` makes these texts. Every column may be null.
 *
 * - `text`: well-formed text of at most `maxLength` characters; default 255.
 * - `boolean`: true or false.
 * - `integer`: a safe integer.
 * - `decimal`: a text such as `12.30`, with exactly `scale` digits behind the point, and at most `precision` digits in all.
 * - `timestamp`: a moment in UTC with six digits of its second, such as `2026-11-30T07:46:58.120000Z`. The years are 0001 to
 *   9999, and no second is a leap second.
 * - `json`: the canonical JSON (RFC 8785) of a value that is not null, of at most `maxLength` characters; default 65,535.
 */
type ColumnType =
  | { readonly type: 'text' | 'json'; readonly maxLength?: number }
  | { readonly type: 'boolean' | 'integer' | 'timestamp'; readonly maxLength?: undefined }
  | {
      readonly type: 'decimal';
      /** 1 to 65. */
      readonly precision: number;
      /** 0 to 30, and at most `precision`. */
      readonly scale: number;
      readonly maxLength?: undefined;
    };

export type ViewValue = string | number | boolean | null;
export type ViewRow = readonly ViewValue[];

/** Turns the rows of a table that is older than the journal into baseline events. */
export interface Adoption<State, Event> {
  /** The value of `event_type` of baseline events. No topic may have events of this type. */
  readonly eventType: string;
  /**
   * Returns the events whose fold gives this row: at least one, so that the journal has every entity. Throws an Error that
   * says what it does not understand.
   */
  baseline(entityId: string, row: ViewRow): readonly BaselineEvent[];
  /** Turns the body of a baseline event into the domain's event. */
  toEvent(body: JsonObject): Event;
  /** Returns the state that the other program has delivered, by this row; null if it has delivered none. */
  deliveredRow(row: ViewRow): ViewRow | null;
  /** Exists for the type checker alone: it binds the adoption to the state of its domain. */
  readonly state?: State;
}

/** One part of an adopted row, as the first event at its stage. */
export interface BaselineEvent {
  /** Names the event inside its entity, e.g. `baseline:payment_status`. */
  readonly eventId: string;
  readonly stage: number;
  readonly body: JsonObject;
}

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export type JsonObject = { [name: string]: JsonValue };
