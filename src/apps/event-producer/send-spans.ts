import { TributaryError } from '../../core/errors.ts';
import type { TraceContext } from '../../core/trace-context.ts';
import type { NewRecord, RecordHeader } from '../../ports/event-log.ts';
import type { Span, Tracing } from '../../ports/tracing.ts';
import type { OutgoingEvent } from './publish.ts';

/**
 * Sends the events' records within one span for each topic, which belongs to the caller's span if there is one. Each record
 * carries the context of its topic's span. Does nothing but the sending while nobody records spans.
 */
export async function sendTraced<Result>(
  tracing: Tracing,
  events: readonly OutgoingEvent[],
  send: (records: readonly NewRecord[]) => Promise<Result>,
): Promise<Result> {
  const records = events.map(({ record }) => record);
  if (!tracing.isOn || records.length === 0) return send(records);
  const spans = new Map<string, Span>();
  const headers = new Map<string, readonly RecordHeader[]>();
  for (const [topic, ofTopic] of Map.groupBy(events, ({ record }) => record.topic)) {
    const span = beginSend(tracing, topic, ofTopic);
    spans.set(topic, span);
    headers.set(topic, headersOf(span.context));
  }
  let errorType: string | null = 'defect';
  try {
    const result = await send(records.map((record) => withHeaders(record, headers.get(record.topic) ?? [])));
    errorType = null;
    return result;
  } catch (error) {
    if (error instanceof TributaryError) errorType = error.code;
    throw error;
  } finally {
    for (const span of spans.values()) span.end(errorType);
  }
}

function beginSend(tracing: Tracing, topic: string, events: readonly OutgoingEvent[]): Span {
  const [only] = events.length === 1 ? events : [];
  return tracing.begin({
    name: `send ${topic}`,
    kind: 'producer',
    attributes: {
      'messaging.system.name': tracing.messagingSystem,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      ...(only === undefined ? { 'messaging.batch.message_count': events.length } : {}),
      ...(typeof only?.eventId === 'string' ? { 'messaging.message.id': only.eventId } : {}),
      ...(typeof only?.orderId === 'string' ? { 'kafka.message.key': only.orderId } : {}),
    },
  });
}

function headersOf(context: TraceContext | null): RecordHeader[] {
  if (context === null) return [];
  const { traceParent, traceState } = context;
  const parent: RecordHeader = ['traceparent', Buffer.from(traceParent)];
  return traceState === undefined ? [parent] : [parent, ['tracestate', Buffer.from(traceState)]];
}

/** A record that has a trace already keeps it. */
function withHeaders(record: NewRecord, more: readonly RecordHeader[]): NewRecord {
  if (more.length === 0 || record.headers.some(([name]) => name === 'traceparent')) return record;
  return { ...record, headers: [...record.headers, ...more] };
}
