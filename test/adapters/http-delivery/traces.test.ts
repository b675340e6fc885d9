import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import type { HttpTargetOptions } from '../../../src/adapters/http-delivery/index.ts';
import { RequestSpans } from '../../../src/adapters/http-delivery/request-spans.ts';
import { openTelemetryTracing } from '../../../src/adapters/opentelemetry/index.ts';
import type { TraceContext } from '../../../src/core/trace-context.ts';
import type { Delivery, DeliveryOutcome } from '../../../src/ports/delivery-target.ts';
import { newDelivery } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { recordSpans, traceParentOf } from '../../helpers/spans.ts';
import { never, serverOf, targetAt } from './place.ts';
import { answers, type ReceivedRequest, type Script } from './scripted-server.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const FIRST: TraceContext = { traceParent: `00-${TRACE}-b7ad6b7169203331-01`, traceState: 'rojo=1' };
const SECOND: TraceContext = { traceParent: `00-${TRACE}-00f067aa0ba902b7-00` };

async function open(script: Script, options: Partial<HttpTargetOptions> = {}) {
  const server = await serverOf(script);
  const url = `${server.url.replace('//', '//user:password@')}?key=secret`;
  const target = targetAt(url, { tracing: openTelemetryTracing('kafka'), ...options });
  return { server, target };
}

function numbered(number: number, trace?: TraceContext): Delivery {
  const entityId = `order-${number}`;
  const delivery = { deliveryId: `msg_${entityId}`, entityId, body: { order_id: entityId, version: 3 } };
  return newDelivery(trace === undefined ? delivery : { ...delivery, trace });
}

/** Announces delivery batches, and takes every state of one. */
const takesBatches: Script = (response) => {
  response.setHeader('webhook-batch', '100;path="/batch"');
  const results = [1, 2, 3].map((number) => ({ id: `msg_order-${number}`, status: 200 }));
  response.end(JSON.stringify({ results }));
};

it.each([
  ['https://shop.example/orders', 443],
  ['http://shop.example/orders', 80],
  ['https://shop.example:8443/orders', 8_443],
])('the span of a request to %s names the port %i', async (url, port) => {
  const spans = recordSpans();
  const { end } = new RequestSpans(new URL(url), openTelemetryTracing('kafka')).begin([newDelivery()]);
  end({ verdict: 'delivered', status: 200, error: null } as DeliveryOutcome);
  expect(spans.all().map(({ attributes }) => attributes['server.port'])).toEqual([port]);
});

describe('the trace of a request without an SDK', () => {
  it('a request carries the trace of its event, unchanged', async () => {
    const { server, target } = await open(answers(200));
    await outcomesOf(target, [numbered(1, FIRST)], never);
    await outcomesOf(target, [numbered(2, SECOND)], never);
    const [first, second] = server.received.map(({ headers }) => headers);
    expect(first).toMatchObject({ traceparent: FIRST.traceParent, tracestate: 'rojo=1' });
    expect(second).toMatchObject({ traceparent: SECOND.traceParent });
    expect(second).not.toHaveProperty('tracestate');
  });

  it('a state whose event has no trace gets a new one, marked as not recorded', async () => {
    const { server, target } = await open(answers(200));
    await outcomesOf(target, [numbered(1)], never);
    await outcomesOf(target, [numbered(2)], never);
    const [first, second] = server.received.map(({ headers }) => headers.traceparent);
    expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(second).not.toBe(first);
  });

  it('each state of a delivery batch carries its own, and the request a new one', async () => {
    const { server, target } = await open(takesBatches);
    await outcomesOf(target, [numbered(0)], never);
    await outcomesOf(target, [numbered(1, FIRST), numbered(2), numbered(3, SECOND)], never);
    const { headers, body } = server.received[1] as ReceivedRequest;
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(headers.traceparent).not.toContain(TRACE);
    expect(JSON.parse(body)).toEqual({
      deliveries: [
        { id: 'msg_order-1', state: numbered(1).body, traceparent: FIRST.traceParent, tracestate: 'rojo=1' },
        { id: 'msg_order-2', state: numbered(2).body },
        { id: 'msg_order-3', state: numbered(3).body, traceparent: SECOND.traceParent },
      ],
    });
  });
});

describe('the span of a request', () => {
  it('a span continues the trace of the event, and its context is what the target gets', async () => {
    const spans = recordSpans();
    const { server, target } = await open(answers(200));
    await outcomesOf(target, [numbered(1, FIRST)], never);
    const [span] = spans.named('POST');
    const { port } = new URL(server.url);
    expect(span).toMatchObject({
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': Number(port),
        'tributary.delivery.id': 'msg_order-1',
      },
    });
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: 'b7ad6b7169203331' });
    expect(server.received[0]?.headers).toMatchObject({
      traceparent: traceParentOf(span),
      tracestate: 'rojo=1',
    });
  });

  it('a span shows neither the user, the password nor the query of the URL', async () => {
    const spans = recordSpans();
    const { target } = await open(answers(200));
    await outcomesOf(target, [numbered(1)], never);
    expect(JSON.stringify(spans.named('POST')[0]?.attributes)).not.toMatch(/user|password|secret/);
  });

  it.each([
    ['500', answers(500), '500'],
    ['no answer', ((response) => response.destroy()) satisfies Script, 'no_answer'],
  ])('a span fails after %s', async (_, script, errorType) => {
    const spans = recordSpans();
    const { target } = await open(script);
    await outcomesOf(target, [{ ...numbered(1), attempt: 3 }], never);
    const [span] = spans.named('POST');
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes).toMatchObject({ 'error.type': errorType, 'http.request.resend_count': 2 });
  });

  it('a delivery batch has a trace of its own, with links to those of its states', async () => {
    const spans = recordSpans();
    const { server, target } = await open(takesBatches);
    await outcomesOf(target, [numbered(0)], never);
    await outcomesOf(target, [numbered(1, FIRST), numbered(2), numbered(3, SECOND)], never);
    const span = spans.named('POST')[1];
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.links.map(({ context }) => context.spanId)).toEqual([
      'b7ad6b7169203331',
      '00f067aa0ba902b7',
    ]);
    expect(span?.attributes['tributary.delivery_batch.size']).toBe(3);
    expect(server.received[1]?.headers.traceparent).toBe(traceParentOf(span));
    expect(server.received[1]?.body).toContain(FIRST.traceParent);
  });
});
