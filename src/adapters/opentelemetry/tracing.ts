import {
  type Context,
  context,
  createTraceState,
  diag,
  type Link,
  type Span as OpenTelemetrySpan,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import packageJson from '../../../package.json' with { type: 'json' };
import { type TraceContext, traceContextOf } from '../../core/trace-context.ts';
import { NO_TRACING, SPAN_LINKS_MAX, type Span, type SpanStart, type Tracing } from '../../ports/tracing.ts';

const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.45.0';

const KINDS = {
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
} as const;

/** The provider that the API gives as long as no SDK has registered itself. */
const NO_PROVIDER = new ProxyTracerProvider().getDelegate();

/**
 * Records spans by whatever SDK registered itself in this process, before or after this call. `messagingSystem` is the
 * attribute `messaging.system.name` of the spans about the log.
 */
export function openTelemetryTracing(messagingSystem: string): Tracing {
  return {
    messagingSystem,
    get isOn() {
      return isRegistered();
    },
    begin(start) {
      try {
        return new RecordedSpan(beginSpan(start));
      } catch (error) {
        // A fault of somebody's SDK must not stop the work that the span describes.
        diag.error(`Tributary could not begin the span ${start.name}`, error);
        return NO_TRACING.begin(start);
      }
    },
  };
}

/** Another copy of the API may have registered its own provider, which is none of our copy's classes. */
function isRegistered(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NO_PROVIDER;
}

function tracer(): Tracer {
  return trace.getTracerProvider().getTracer('tributary', packageJson.version, { schemaUrl: SCHEMA_URL });
}

function beginSpan({ name, kind, attributes, parent, links = [], beganAtMs }: SpanStart): OpenTelemetrySpan {
  const options = {
    kind: KINDS[kind],
    attributes,
    links: links.slice(0, SPAN_LINKS_MAX).map((link): Link => ({ context: spanContextOf(link) })),
    ...(beganAtMs === undefined ? {} : { startTime: beganAtMs }),
  };
  return tracer().startSpan(name, options, contextOf(parent));
}

function contextOf(parent: TraceContext | null | undefined): Context {
  if (parent === undefined) return context.active();
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent));
}

function spanContextOf({ traceParent, traceState }: TraceContext): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceParent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(traceState === undefined ? {} : { traceState: createTraceState(traceState) }),
  };
}

class RecordedSpan implements Span {
  readonly #span: OpenTelemetrySpan;

  constructor(span: OpenTelemetrySpan) {
    this.#span = span;
  }

  get context(): TraceContext | null {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
    return traceContextOf(`00-${traceId}-${spanId}-${flags}`, traceState?.serialize());
  }

  end(errorType: string | null, attributes: Parameters<Span['end']>[1] = {}): void {
    try {
      this.#span.setAttributes(attributes);
      if (errorType !== null) {
        this.#span.setAttribute('error.type', errorType);
        this.#span.setStatus({ code: SpanStatusCode.ERROR });
      }
      this.#span.end();
    } catch (error) {
      diag.error('Tributary could not end a span', error);
    }
  }
}
