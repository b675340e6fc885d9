import type { JsonObject } from '../../core/domain.ts';
import { orders } from '../../orders/index.ts';
import { createDecoder } from '../../pipeline/decode/decoder.ts';
import type { NewRecord } from '../../ports/event-log.ts';
import type { Line } from './ndjson.ts';
import { cloudEventHeaders, type OutgoingEvent, type TopicsByEventType } from './publish.ts';

export interface LineOptions {
  readonly topics: TopicsByEventType;
  readonly source: string;
  /** Whether lines that are no valid events are sent too, unchanged. */
  readonly isRaw: boolean;
}

const NO_KEY = Buffer.from('none');

export type LineResult =
  | { readonly kind: 'event'; readonly event: OutgoingEvent }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Makes a function that turns a line into an event whose value is the line, byte for byte. order-sync's own decoder judges
 * the record that would be sent.
 *
 * An event with an `eventId` gets CloudEvents headers. An event without one gets none, because its id is made from its
 * content: so a file that is sent twice changes nothing, while a new id would make it two events.
 */
export function createLineReader(options: LineOptions): (line: Line) => LineResult {
  const { topics, source, isRaw } = options;
  const decoder = createDecoder(orders, {
    topicNames: Object.fromEntries(
      Object.entries(orders.eventTypes).map(([name, type]) => [type.topic, topics.get(name) ?? type.topic]),
    ),
  });
  const fallbackTopic = topics.get('ORDER') ?? '';

  return (line) => {
    if (line.isTooLong) return { kind: 'refused', reason: 'it is longer than a record may be' };
    const body = parseObject(line.bytes);
    const eventType = textOf(body, 'eventType');
    const orderId = textOf(body, 'orderId');
    const record: NewRecord = {
      topic: (eventType === null ? undefined : topics.get(eventType)) ?? fallbackTopic,
      key: orderId === null ? null : Buffer.from(orderId),
      value: line.bytes,
      headers: [],
    };
    // A line without an order id would be refused for its missing key. With another key the decoder names the fault in the body.
    const judged = { ...record, key: record.key ?? NO_KEY, offset: 0n, timestampMs: 0 };
    const decoded = decoder.decode(judged, { topic: record.topic, partition: 0 }, 0);
    if (decoded.kind === 'event') {
      const headers = headersOf(body, source);
      const { eventId, entityId } = decoded.event;
      return {
        kind: 'event',
        event: { record: { ...record, headers }, eventId, orderId: entityId, eventType },
      };
    }
    if (isRaw) return { kind: 'event', event: { record, eventId: null, orderId, eventType } };
    return { kind: 'refused', reason: decoded.record.detail };
  };
}

function headersOf(body: JsonObject | null, source: string): NewRecord['headers'] {
  const id = textOf(body, 'eventId');
  const type = textOf(body, 'eventType');
  const time = textOf(body, 'timestamp');
  const subject = textOf(body, 'orderId');
  if (id === null || type === null || time === null || subject === null) return [];
  return cloudEventHeaders({ id, source, type, time, subject });
}

function parseObject(bytes: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
    );
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}

function textOf(body: JsonObject | null, name: string): string | null {
  if (body === null || !Object.hasOwn(body, name)) return null;
  const value = body[name];
  return typeof value === 'string' && value.isWellFormed() ? value : null;
}
