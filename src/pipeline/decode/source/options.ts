/**
 * What the records of a topic are:
 * - `json`: the event as a JSON object, or a CloudEvent in either mode;
 * - `cloudevents`: CloudEvents alone, whose attributes stand in for fields that the body lacks;
 * - `connect-json`: what Kafka Connect's JsonConverter writes, with schema and payload or without;
 * - `debezium-outbox`: what Debezium's outbox event router writes, with the event's id in the header `id`;
 * - `debezium-table`: Debezium's change events of an outbox table;
 * - `schema-registry`: JSON behind the prefix of a schema registry's serializer, or Avro and Protobuf if the schemas are at
 *   hand.
 */
export const SOURCE_KINDS = [
  'json',
  'cloudevents',
  'connect-json',
  'debezium-outbox',
  'debezium-table',
  'schema-registry',
] as const;

export type SourceKind = (typeof SOURCE_KINDS)[number];

/**
 * How the key holds the entity's id: as its `text`; as `json` (or as text); as the bytes of a `number` or of a `uuid`.
 * `ignore` takes any key, and none.
 */
export const KEY_FORMS = ['text', 'json', 'number', 'uuid', 'ignore'] as const;

export type KeyForm = (typeof KEY_FORMS)[number];

/**
 * How the time of an event is written: by `rfc3339`; as a number of one of four units since 1970; as `jackson` writes times
 * without further settings; or as a text that may lack its zone and then is in UTC (`local-utc`). Whatever the form is, a
 * time by RFC 3339 is always understood.
 */
export const TIME_FORMS = [
  'rfc3339',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
  'jackson',
  'local-utc',
] as const;

export type TimeForm = (typeof TIME_FORMS)[number];

/** How the records of a topic become plain events. */
export interface SourceOptions {
  /** Default: `json`. */
  readonly kind?: SourceKind;
  /** Default: the form that the kind of source writes (`KEY_FORM_OF`). */
  readonly key?: KeyForm;
  /** Default: `rfc3339`. */
  readonly time?: TimeForm;
  /** The member of the value that holds the event. Default: the value is the event. */
  readonly body?: string;
  /** The names of fields in the records, and the names by which the domain knows them. Default: they are the same. */
  readonly fields?: ReadonlyMap<string, string>;
  /** The type of events that name none. Default: they are refused. */
  readonly type?: string;
  /** How the body holds the entity's id: as a `text`, or as the digits of a whole `number`. Default: `text`. */
  readonly id?: IdForm;
  /** Values of fields that may have some values only, and the values by which the domain knows them. Default: the same. */
  readonly values?: ReadonlyMap<string, string>;
}

export const ID_FORMS = ['text', 'number'] as const;

export type IdForm = (typeof ID_FORMS)[number];

/** The form of keys that each kind of source writes by its own defaults. */
export const KEY_FORM_OF: Readonly<Record<SourceKind, KeyForm>> = {
  json: 'text',
  cloudevents: 'text',
  'connect-json': 'json',
  'debezium-outbox': 'json',
  // The key of a change event is the primary key of the row.
  'debezium-table': 'ignore',
  'schema-registry': 'json',
};

/** Whether these options ask for nothing that the decoder does not do anyway. */
export function isPlainSource({
  kind = 'json',
  key = KEY_FORM_OF[kind],
  time = 'rfc3339',
  body,
  fields,
  type,
  id = 'text',
  values,
}: SourceOptions): boolean {
  return (
    kind === 'json' &&
    key === 'text' &&
    time === 'rfc3339' &&
    id === 'text' &&
    [body, type].every((name) => name === undefined) &&
    [fields, values].every((names) => (names?.size ?? 0) === 0)
  );
}
