import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openTelemetryTracing } from '../../../src/adapters/opentelemetry/index.ts';
import type { TraceContext } from '../../../src/core/trace-context.ts';
import { NO_TRACING, SPAN_LINKS_MAX, type SpanStart } from '../../../src/ports/tracing.ts';
import { recordSpans } from '../../helpers/spans.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PRODUCER: TraceContext = {
  traceParent: `00-${TRACE}-b7ad6b7169203331-01`,
  traceState: 'rojo=00f067aa0ba902b7',
};
const SEND: SpanStart = {
  name: 'send t',
  kind: 'producer',
  attributes: { 'messaging.batch.message_count': 2 },
};

describe('tracing without an SDK', () => {
  it('tracing is off, and begins spans that have no context', () => {
    const tracing = openTelemetryTracing('kafka');
    expect(tracing.isOn).toBe(false);
    const span = tracing.begin(SEND);
    expect(span.context).toBeNull();
    span.end('failed');
  });

  it('the default of every part is off', () => {
    expect(NO_TRACING.isOn).toBe(false);
    expect(NO_TRACING.begin(SEND).context).toBeNull();
  });
});

describe('tracing with an SDK', () => {
  it('tracing is on from the moment at which an SDK registers itself, and off when it is removed', () => {
    const tracing = openTelemetryTracing('kafka');
    recordSpans();
    expect(tracing.isOn).toBe(true);
    trace.disable();
    expect(tracing.isOn).toBe(false);
  });

  it('tracing is on for an SDK that registered itself by another copy of the API', () => {
    recordSpans();
    const key = Symbol.for('opentelemetry.js.api.1');
    const registered = (globalThis as unknown as Record<symbol, { trace: unknown }>)[key];
    const ours = registered?.trace;
    onTestFinished(() => {
      if (registered !== undefined) registered.trace = ours;
    });
    if (registered !== undefined) registered.trace = { getTracer: () => trace.getTracer('other') };
    expect(openTelemetryTracing('kafka').isOn).toBe(true);
  });

  it('records a span with its name, kind, attributes, links, times and scope', () => {
    const spans = recordSpans();
    const tracing = openTelemetryTracing('kafka');
    tracing
      .begin({ ...SEND, kind: 'consumer', parent: null, links: [PRODUCER], beganAtMs: 1_760_000_000_500 })
      .end(null, { 'http.response.status_code': 200 });
    const [span] = spans.all();
    expect(span).toMatchObject({
      name: 'send t',
      kind: SpanKind.CONSUMER,
      attributes: { 'messaging.batch.message_count': 2, 'http.response.status_code': 200 },
      startTime: [1_760_000_000, 500_000_000],
      status: { code: SpanStatusCode.UNSET },
      links: [{ context: { traceId: TRACE, spanId: 'b7ad6b7169203331', isRemote: true, traceFlags: 1 } }],
      instrumentationScope: { name: 'tributary' },
    });
    expect(span?.links[0]?.context.traceState?.serialize()).toBe('rojo=00f067aa0ba902b7');
    expect(span?.parentSpanContext).toBeUndefined();
  });

  it('continues the context of a parent, with its tracestate', () => {
    const spans = recordSpans();
    const span = openTelemetryTracing('kafka').begin({ ...SEND, parent: PRODUCER });
    span.end(null);
    const [recorded] = spans.all();
    expect(recorded?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: 'b7ad6b7169203331' });
    expect(span.context).toEqual({
      traceParent: `00-${TRACE}-${recorded?.spanContext().spanId}-01`,
      traceState: 'rojo=00f067aa0ba902b7',
    });
  });

  it('without a parent, a span belongs to the span that is active', () => {
    const spans = recordSpans();
    const tracing = openTelemetryTracing('kafka');
    const outer = trace.getTracer('user').startSpan('request');
    context.with(trace.setSpan(context.active(), outer), () => tracing.begin(SEND).end(null));
    outer.end();
    context.with(trace.setSpan(context.active(), outer), () =>
      tracing.begin({ ...SEND, parent: null }).end(null),
    );
    const [inner, , root] = spans.all();
    expect(inner?.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(root?.parentSpanContext).toBeUndefined();
  });

  it('a failure is the status and the attribute error.type', () => {
    const spans = recordSpans();
    openTelemetryTracing('kafka').begin(SEND).end('log_append_failed');
    expect(spans.all()[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'log_append_failed' },
    });
  });

  it('records at most 128 links', () => {
    const spans = recordSpans();
    const links = Array.from({ length: SPAN_LINKS_MAX + 1 }, () => PRODUCER);
    openTelemetryTracing('kafka')
      .begin({ ...SEND, links })
      .end(null);
    expect(spans.all()[0]?.links).toHaveLength(SPAN_LINKS_MAX);
  });

  it('a span that the sampler leaves out has a context that is marked as not sampled', () => {
    recordSpans(new AlwaysOffSampler());
    const { context: left } = openTelemetryTracing('kafka').begin({ ...SEND, parent: PRODUCER });
    expect(left?.traceParent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  it('an SDK that throws does not stop the work', () => {
    recordSpans();
    trace.disable();
    trace.setGlobalTracerProvider({
      getTracer: () => {
        throw new Error('a fault of the SDK');
      },
    });
    const span = openTelemetryTracing('kafka').begin(SEND);
    expect(span.context).toBeNull();
    span.end(null);
  });
});
