import type { FromSchema, JSONSchema } from 'json-schema-to-ts';
import type { ACCESS_SCHEMA, SETTINGS_SCHEMA } from '../../../src/apps/order-sync/http/access-schemas.ts';
import type { EVENT_TYPES_SCHEMA, TRIED_SCHEMA } from '../../../src/apps/order-sync/http/event-schemas.ts';
import type {
  HOLD_LIST_SCHEMA,
  PARTITION_LIST_SCHEMA,
  RESUMED_LIST_SCHEMA,
} from '../../../src/apps/order-sync/http/hold-schemas.ts';
import type {
  DIFF_SCHEMA,
  EVENTS_SCHEMA,
  EXPLANATION_SCHEMA,
  ORDER_SCHEMA,
  ORDERS_SCHEMA,
  STATE_SCHEMA,
  WHAT_IF_SCHEMA,
} from '../../../src/apps/order-sync/http/order-schemas.ts';
import type { RECORD_SCHEMA } from '../../../src/apps/order-sync/http/record-schemas.ts';
import type {
  AUDIT_PAGE_SCHEMA,
  DELIVERIES_SCHEMA,
  DELIVERY_SCHEMA,
  DISCARDED_SCHEMA,
  JOB_PAGE_SCHEMA,
  JOB_SCHEMA,
  PIPELINE_SCHEMA,
  QUARANTINE_PAGE_SCHEMA,
  REBUILD_SCHEMA,
  SHOWN_RECORDS_SCHEMA,
} from '../../../src/apps/order-sync/http/schemas.ts';
import type { SERIES_SCHEMA } from '../../../src/apps/order-sync/http/series-schemas.ts';
import type { STATUS_SCHEMA } from '../../../src/apps/order-sync/http/status-schemas.ts';
import type { CHANGES_SCHEMA, NOTE_SCHEMA } from '../../../src/apps/order-sync/http/stream-schemas.ts';

/*
 * The answers of the API, as types made of the schemas by which the routes describe them. A member that the server renames
 * is then an error of the console's types.
 */

/** Without the index signature that a schema adds for unknown members, so that a misspelt member is an error. */
export type Closed<Value> = Value extends readonly (infer Item)[]
  ? Closed<Item>[]
  : Value extends object
    ? keyof Named<Value> extends never
      ? Value
      : { [Key in keyof Named<Value>]: Closed<Value[Key & keyof Value]> }
    : Value;

type Named<Value> = { [Key in keyof Value as string extends Key ? never : Key]: Value[Key] };

export type Answer<Schema extends JSONSchema> = Closed<FromSchema<Schema>>;

/** A schema without `required` makes each member optional, although the server always sends it. */
type Whole<Value> = Value extends readonly (infer Item)[]
  ? Whole<Item>[]
  : Value extends object
    ? { [Key in keyof Value]-?: Whole<Exclude<Value[Key], undefined>> }
    : Value;

export interface Page<Row> {
  readonly data: readonly Row[];
  readonly page: { readonly next: string | null; readonly hasMore: boolean };
}

export type Status = Answer<typeof STATUS_SCHEMA>;
export type Attention = Status['attention'][number];
export type PartitionStatus = Status['partitions'][number];
export type Outbox = Status['outbox'][number];

/** A value of a row. A column of JSON may have an object or an array. */
export type Value = string | number | boolean | null | object;
export type Row = Readonly<Record<string, Value>>;

export type ListedOrder = Answer<typeof ORDERS_SCHEMA>['data'][number];
export type Order = Answer<typeof ORDER_SCHEMA>;
export type Explanation = Omit<Answer<typeof EXPLANATION_SCHEMA>, 'deliveries'> & {
  readonly deliveries: readonly DeliveryWithAttempts[];
};
export type OrderEvent = Answer<typeof EVENTS_SCHEMA>['data'][number];
export type OrderState = Answer<typeof STATE_SCHEMA>;
export type OrderDiff = Answer<typeof DIFF_SCHEMA>;
export type WhatIf = Answer<typeof WHAT_IF_SCHEMA>;

export type Delivery = Answer<typeof DELIVERIES_SCHEMA>['data'][number];
export type DeliveryWithAttempts = Answer<typeof DELIVERY_SCHEMA>;
export type Attempt = DeliveryWithAttempts['attemptLog'][number];

export type Job = Answer<typeof JOB_SCHEMA> & {
  readonly parameters?: Readonly<Record<string, unknown>> | null;
  readonly filter?: Readonly<Record<string, string | number>> | null;
};
export type JobPage = Answer<typeof JOB_PAGE_SCHEMA>;
export type Decision = Answer<typeof AUDIT_PAGE_SCHEMA>['data'][number];

export type Quarantined = Whole<Answer<typeof QUARANTINE_PAGE_SCHEMA>['data'][number]>;
export type QuarantinedRecord = Whole<Answer<typeof SHOWN_RECORDS_SCHEMA>['data'][number]>;
export type Discarded = Answer<typeof DISCARDED_SCHEMA>;

export type Partition = Whole<Answer<typeof PARTITION_LIST_SCHEMA>['data'][number]>;
export type PartitionList = Answer<typeof PARTITION_LIST_SCHEMA>;
export type Hold = Answer<typeof HOLD_LIST_SCHEMA>['data'][number];
export type HoldPart = Hold['part'];
export type Resumed = Answer<typeof RESUMED_LIST_SCHEMA>['data'][number];

export type Pipeline = Answer<typeof PIPELINE_SCHEMA>;
export type ViewState = Answer<typeof REBUILD_SCHEMA>;

export type Access = Answer<typeof ACCESS_SCHEMA>;
export type Settings = Answer<typeof SETTINGS_SCHEMA>;
export type Setting = Settings['entries'][number];
export type EventSchema = Answer<typeof EVENT_TYPES_SCHEMA>['data'][number];
export type Tried = Answer<typeof TRIED_SCHEMA>;

/** Counts are the increase in one step; quantiles are in milliseconds. */
export type Series = Answer<typeof SERIES_SCHEMA>;
export type Quantiles = NonNullable<Series['points'][number]['journaledMs']>;

/** One record of the log, as it is. */
export type LogRecord = Answer<typeof RECORD_SCHEMA>;
export type Bytes = NonNullable<LogRecord['value']>;

/** The data of the stream's messages. */
export type Changes = Answer<typeof CHANGES_SCHEMA>;
export type Note = Answer<typeof NOTE_SCHEMA>;
