/*
 * The answers of routes whose schemas the API does not export yet. Each type goes to types.ts as soon as there is a schema
 * that it can be made of.
 */

export interface Access {
  readonly keyNeeded: boolean;
  readonly keyName: string | null;
  readonly scopes: readonly string[];
  readonly tryIt?: boolean;
}

export interface Setting {
  readonly name: string;
  readonly value: string | number | boolean | null;
  readonly source: string;
  readonly from?: string | null;
}

export interface Settings {
  readonly program: string;
  readonly version: string;
  readonly node: string;
  readonly commit: string | null;
  readonly entries: readonly Setting[];
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Counts are the increase in one step; quantiles are in milliseconds. */
export interface SeriesPoint {
  readonly at: string;
  readonly records: number;
  readonly journaled: number;
  readonly duplicates: number;
  readonly refused: number;
  readonly due: number;
  readonly delivered: number;
  readonly failed: number;
  readonly lagMessages: number | null;
  readonly lagSeconds: number | null;
  readonly outboxPending: number | null;
  readonly journaledMs: Quantiles | null;
  readonly deliveredMs: Quantiles | null;
}

export interface Series {
  readonly stepSeconds: number;
  readonly points: readonly SeriesPoint[];
}

export interface EventSchema {
  readonly eventType: string;
  readonly topic: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

export interface Bytes {
  readonly base64: string;
  readonly text: string | null;
}

/** One record of the log, as it is. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly timestamp: string | number | null;
  readonly key: Bytes | null;
  readonly value: Bytes | null;
  readonly headers: readonly ({ readonly name: string } & Bytes)[];
  readonly valueLength?: number;
  readonly truncated?: boolean;
}

export interface Published {
  readonly published: readonly {
    readonly eventId: string;
    readonly topic: string;
    readonly orderId: string;
  }[];
}

/** What a message `changes` of the stream says of one event. */
export interface StreamedEvent {
  readonly orderId: string;
  readonly eventType: string;
  readonly eventId: string;
  readonly occurredAt: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export interface Changes {
  readonly at: string;
  readonly records: number;
  readonly refused: number;
  readonly orders: readonly StreamedEvent[];
  readonly more: number;
}
