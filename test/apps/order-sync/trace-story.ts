import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { makeBody } from '../../../src/apps/event-producer/codes.ts';
import { publish, toOutgoing, topicsOf } from '../../../src/apps/event-producer/publish.ts';
import { openParts } from '../../../src/apps/order-sync/open-parts.ts';
import { startOrderSync } from '../../../src/apps/order-sync/order-sync.ts';
import { openTracing } from '../../../src/apps/shared/parts/open-tracing.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { answers, startScriptedServer } from '../../adapters/http-delivery/scripted-server.ts';
import { recordSpans, traceParentOf } from '../../helpers/spans.ts';

const WAITING = { timeout: 30_000, interval: 10 };

/** Starts order-sync and a target in this process, and gives what publishes events to it. */
async function start(settings: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-traces-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const server = await startScriptedServer(answers(200));
  onTestFinished(() => server.close());
  const env = {
    TRIBUTARY_DATA_DIR: folder,
    ORDER_SYNC_PORT: '0',
    ORDER_SYNC_TARGET_URL: server.url,
    ORDER_SYNC_RECONCILE_EVERY_MS: '0',
    ...settings,
  };
  const { values } = loadSettings('order-sync', { env });
  const logger = () => {};
  const { log, close } = await openParts(values, systemClock, logger);
  onTestFinished(close);
  const topics = topicsOf(values);
  await log.createTopics([...topics.values()].map((topic) => ({ topic, partitions: 2 })));
  const sync = await startOrderSync(values, { clock: systemClock, logger, onFailure: () => {} });
  onTestFinished(() => sync.close());
  const producer = log.producer();
  const tracing = await openTracing(values);
  const event = (code: 'o' | 'pa', orderId: string) =>
    toOutgoing(makeBody(code, orderId, { timestampMs: Date.UTC(2025, 3, 5) }), {
      eventId: `${code}-${orderId}`,
      source: '/shop',
      topics,
    });
  return {
    received: server.received,
    topics,
    sync,
    publish: (...events: ReturnType<typeof event>[]) => publish(producer, events, tracing),
    event,
  };
}

/** The whole way of a trace, from the span in which a producer publishes to the request that the target gets. */
export function tellTraceStory(
  name: string,
  system: string,
  settings: () => Promise<Readonly<Record<string, string>>>,
) {
  it(`on ${name}, a trace goes from the producer through journal and ledger to the target`, async () => {
    const spans = recordSpans();
    const { publish, event, received, topics, sync } = await start(await settings());
    const [orders = '', payments = ''] = [topics.get('ORDER'), topics.get('PAYMENT')];

    const checkout = trace.getTracer('shop').startSpan('checkout');
    await inside(checkout, () => publish(event('o', 'a')));
    await vi.waitFor(() => expect(sync.status().ingest?.journaled).toBe(1), WAITING);
    await inside(checkout, () => publish(event('pa', 'a')));
    checkout.end();
    await vi.waitFor(() => expect(received).toHaveLength(1), WAITING);
    await vi.waitFor(() => expect(spans.named('POST')).toHaveLength(1), WAITING);
    // The same event again, in another trace, is a duplicate.
    await publish(event('pa', 'a'));
    await vi.waitFor(() => expect(sync.status().ingest?.duplicates).toBe(1), WAITING);
    await vi.waitFor(() => expect(spans.named(`process ${payments}`)).toHaveLength(2), WAITING);
    await sync.close();

    const traceId = checkout.spanContext().traceId;
    const [sent] = spans.named(`send ${orders}`);
    const [sentPayment, again] = spans.named(`send ${payments}`);
    const request = spans.named('POST')[0];
    expect(sent).toMatchObject({
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system.name': system,
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': orders,
        'messaging.message.id': 'o-a',
        'kafka.message.key': 'a',
      },
    });
    for (const span of [sent, sentPayment])
      expect(idsOf(span)).toEqual([traceId, checkout.spanContext().spanId]);
    // The payment made the order ready, so the delivery continues the payment's trace.
    expect(idsOf(request)).toEqual([traceId, sentPayment?.spanContext().spanId]);
    expect(received[0]?.headers.traceparent).toBe(traceParentOf(request));

    const [processed] = spans.named(`process ${payments}`);
    expect(processed).toMatchObject({
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system.name': system,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': payments,
        'messaging.destination.partition.id': expect.stringMatching(/^[01]$/),
        'messaging.consumer.group.name': expect.stringMatching(/^(order-sync|traces-[0-9a-f]+)$/),
        'messaging.batch.message_count': 1,
        'messaging.message.id': 'pa-a',
        'kafka.offset': 0,
        'kafka.message.key': 'a',
      },
    });
    expect(processed?.links.map(({ context }) => context.spanId)).toEqual([
      sentPayment?.spanContext().spanId,
    ]);
    expect(spans.named(`process ${payments}`)[1]?.links[0]?.context.traceId).toBe(
      again?.spanContext().traceId,
    );
    expect(again?.spanContext().traceId).not.toBe(traceId);
    const [polled] = spans.named(`poll ${payments}`);
    expect(polled).toMatchObject({
      kind: SpanKind.CLIENT,
      attributes: {
        'messaging.operation.name': 'poll',
        'messaging.operation.type': 'receive',
        'messaging.batch.message_count': 1,
      },
    });
    expect(received).toHaveLength(1);
  });
}

function inside<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  return context.with(trace.setSpan(context.active(), span), work);
}

/** The trace id of a span, and the span id of its parent. */
function idsOf(span: ReadableSpan | undefined): (string | undefined)[] {
  return [span?.spanContext().traceId, span?.parentSpanContext?.spanId];
}
