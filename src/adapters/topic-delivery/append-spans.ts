import type { TraceContext } from '../../core/trace-context.ts';
import type { Delivery } from '../../ports/delivery-target.ts';
import { NO_TRACING, SPAN_LINKS_MAX } from '../../ports/tracing.ts';
import type { TopicTargetOptions } from './options.ts';

/** The trace of one append: what its records carry, and its span if spans are recorded. */
export interface AppendTrace {
  traceOf(delivery: Delivery): TraceContext | undefined;
  end(errorType: string | null): void;
}

/**
 * Traces the append of these states as the HTTP target traces a request: one state continues the trace of its event; of
 * several states each keeps its own, and the append has a trace of its own with links to them.
 */
export function beginAppend(
  { topic, tracing = NO_TRACING }: Pick<TopicTargetOptions, 'topic' | 'tracing'>,
  deliveries: readonly Delivery[],
): AppendTrace {
  if (!tracing.isOn) return UNRECORDED;
  const only = deliveries.length === 1 ? deliveries[0] : undefined;
  const count =
    only === undefined
      ? { 'messaging.batch.message_count': deliveries.length }
      : { 'messaging.message.id': only.deliveryId };
  const span = tracing.begin({
    name: `send ${topic}`,
    kind: 'producer',
    parent: only?.trace ?? null,
    links: only === undefined ? deliveries.flatMap(({ trace }) => trace ?? []).slice(0, SPAN_LINKS_MAX) : [],
    attributes: {
      'messaging.system.name': tracing.messagingSystem,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      ...count,
    },
  });
  const own = span.context ?? undefined;
  return {
    traceOf: (delivery) => (only === undefined ? (delivery.trace ?? own) : (own ?? delivery.trace)),
    end: (errorType) => span.end(errorType),
  };
}

const UNRECORDED: AppendTrace = { traceOf: ({ trace }) => trace, end: () => {} };
