import type { TraceContext } from '../core/trace-context.ts';

/**
 * Records spans of the work of this program. By default nobody records any: then `isOn` is false, and callers neither
 * describe nor start spans, so that tracing costs nothing.
 */
export interface Tracing {
  /** Whether spans are recorded. May change while the program runs, so it is asked for each piece of work. */
  readonly isOn: boolean;
  /** The attribute `messaging.system.name` of spans about the event log. */
  readonly messagingSystem: string;
  /** Begins a span. The caller ends it, whatever happens. Never throws. */
  begin(span: SpanStart): Span;
}

export interface SpanStart {
  readonly name: string;
  readonly kind: 'producer' | 'consumer' | 'client';
  readonly attributes: SpanAttributes;
  /**
   * The context that the span continues. Null begins a new trace. Without it the span belongs to the work that the caller
   * does, if that has a span.
   */
  readonly parent?: TraceContext | null;
  /** Other contexts that the work follows from. At most `SPAN_LINKS_MAX` are recorded. */
  readonly links?: readonly TraceContext[];
  /** When the work began, by the wall clock. Default: now. */
  readonly beganAtMs?: number;
}

export interface Span {
  /** The context for what this work sends on; null if there is none. */
  readonly context: TraceContext | null;
  /**
   * Ends the span. `errorType` names the kind of failure, as the attribute `error.type`; null means that the work succeeded.
   */
  end(errorType: string | null, attributes?: SpanAttributes): void;
}

/** The names are those of the OpenTelemetry semantic conventions 1.45. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** The most links of one span: the default limit of the SDKs. */
export const SPAN_LINKS_MAX = 128;

const NO_SPAN: Span = { context: null, end: () => {} };

/** Records nothing. */
export const NO_TRACING: Tracing = { isOn: false, messagingSystem: '', begin: () => NO_SPAN };
