// Records the spans of a program of Tributary. Load it before the program:
//
//   NODE_OPTIONS="--import ./examples/tracing/otel.mjs" TRACES_FILE=spans.jsonl npm start
//
// This file writes each span as one line of JSON. To send spans to a collector, install `@opentelemetry/sdk-node` and
// `@opentelemetry/exporter-trace-otlp-http`, and put an `OTLPTraceExporter` in the place of the exporter below, in a
// `BatchSpanProcessor`. Do not switch on an instrumentation of undici beside it: each delivery would have two spans, and
// two headers `traceparent`.

import { appendFileSync } from 'node:fs';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const file = process.env.TRACES_FILE ?? 'spans.jsonl';

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId, spanId } = span.spanContext();
      const line = {
        traceId,
        spanId,
        parentSpanId: span.parentSpanContext?.spanId,
        name: span.name,
        attributes: span.attributes,
        links: span.links.map((link) => link.context.spanId),
      };
      appendFileSync(file, `${JSON.stringify(line)}\n`);
    }
    done({ code: 0 });
  },
  async shutdown() {},
};

trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
