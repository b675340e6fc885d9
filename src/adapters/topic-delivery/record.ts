import type { TraceContext } from '../../core/trace-context.ts';
import type { Delivery } from '../../ports/delivery-target.ts';
import type { NewRecord } from '../../ports/event-log.ts';

export interface RecordFacts {
  readonly topic: string;
  readonly source: string;
  readonly type: string;
  readonly nowMs: number;
  /** Whether the record has no value, because the state does not qualify any more. */
  readonly isTombstone: boolean;
  /** The trace that the record carries; undefined without one. */
  readonly trace: TraceContext | undefined;
}

/**
 * Makes a record from a state. The entity's id is the key, so that compaction keeps the latest state. The delivery's id
 * is the same on every attempt, so that readers recognise a repetition. Source: CloudEvents 1.0.2, Kafka Protocol Binding,
 * 3.2.
 */
export function recordOf(delivery: Delivery, facts: RecordFacts): NewRecord {
  const { deliveryId, entityId, body } = delivery;
  const { topic, source, type, nowMs, isTombstone, trace } = facts;
  const headers: Record<string, string> = {
    'webhook-id': deliveryId,
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: deliveryId,
    ce_source: source,
    ce_type: type,
    ce_time: new Date(nowMs).toISOString(),
    ce_subject: entityId,
    ce_partitionkey: entityId,
  };
  if (trace !== undefined) headers.traceparent = trace.traceParent;
  if (trace?.traceState !== undefined) headers.tracestate = trace.traceState;
  return {
    topic,
    key: Buffer.from(entityId),
    value: isTombstone ? null : Buffer.from(JSON.stringify(body)),
    headers: Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]),
  };
}
