import { SpanKind } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { openTelemetryTracing } from '../../../src/adapters/opentelemetry/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openTopicTarget } from '../../../src/adapters/topic-delivery/index.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { newDelivery } from '../../contract/delivery-target.ts';
import { outcomesOf } from '../../contract/outcomes.ts';
import { recordSpans, traceParentOf } from '../../helpers/spans.ts';
import { FakeProducer, headerOf } from './fake-producer.ts';

const never = new AbortController().signal;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const traced = newDelivery({
  trace: { traceParent: `00-${TRACE}-b7ad6b7169203331-01`, traceState: 'rojo=1' },
});

function open() {
  const producer = new FakeProducer();
  const target = openTopicTarget({
    name: 'states',
    topic: 'order_states',
    producer,
    clock: systemClock,
    isReady: () => true,
    source: '/tributary/order-sync',
    type: 'order.state',
    tracing: openTelemetryTracing('kafka'),
  });
  const parents = () => producer.appended.map((record) => headerOf(record, 'traceparent'));
  return { producer, target, parents };
}

describe('the trace of a state on a topic', () => {
  it('without an SDK, a record carries the trace of its event unchanged, and nothing without one', async () => {
    const { producer, target, parents } = open();
    await outcomesOf(target, [traced, newDelivery({ entityId: 'b' })], never);
    expect(parents()).toEqual([`00-${TRACE}-b7ad6b7169203331-01`, undefined]);
    expect(headerOf(producer.appended[0], 'tracestate')).toBe('rojo=1');
    expect(producer.appended[1]?.headers.map(([name]) => name)).not.toContain('tracestate');
  });

  it('with an SDK, one state continues the trace of its event', async () => {
    const spans = recordSpans();
    const { target, parents } = open();
    await outcomesOf(target, [traced], never);
    const [span] = spans.named('send order_states');
    expect(span).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system.name': 'kafka',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'order_states',
        'messaging.message.id': 'msg_contract-1',
      },
    });
    expect(span?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(parents()).toEqual([traceParentOf(span)]);
  });

  it('with an SDK, each of several states keeps its own trace, and the append has links to them', async () => {
    const spans = recordSpans();
    const { target, parents } = open();
    await outcomesOf(target, [traced, newDelivery({ entityId: 'b' })], never);
    const [span] = spans.named('send order_states');
    expect(span?.links.map(({ context }) => context.spanId)).toEqual(['b7ad6b7169203331']);
    expect(span?.attributes['messaging.batch.message_count']).toBe(2);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe(TRACE);
    expect(parents()).toEqual([`00-${TRACE}-b7ad6b7169203331-01`, traceParentOf(span)]);
  });

  it('the span of an append that fails names the error', async () => {
    const spans = recordSpans();
    const { producer, target } = open();
    producer.onAppend = () => Promise.reject(new TributaryError('log_append_failed', 'Not appended.'));
    await outcomesOf(target, [traced], never);
    expect(spans.named('send order_states')[0]?.attributes['error.type']).toBe('log_append_failed');
  });
});
