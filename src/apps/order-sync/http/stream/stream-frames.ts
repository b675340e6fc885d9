import type { StreamedEvent } from '../../../../pipeline/ask/stream/change-reader.ts';
import type { StreamMessage } from '../../../../pipeline/ask/stream/messages.ts';
import { deliveryJson } from '../../delivery-json.ts';
import { jsonOf } from '../json.ts';

/** Messages that go to several clients are written as bytes once. */
const frames = new WeakMap<StreamMessage, Buffer>();

/** The message as a server-sent event. Source: WHATWG HTML, "Server-sent events". */
export function frameOf(message: StreamMessage): Buffer {
  const known = frames.get(message);
  if (known !== undefined) return known;
  const frame = Buffer.from(textOf(message));
  frames.set(message, frame);
  return frame;
}

function textOf(message: StreamMessage): string {
  // Clients keep the id of an event without data, and show nothing.
  if (message.kind === 'position') return `id: ${message.position}\n\n`;
  const id = 'position' in message ? `id: ${message.position}\n` : '';
  return `event: ${message.kind}\n${id}data: ${jsonOf(dataOf(message))}\n\n`;
}

function dataOf(message: Exclude<StreamMessage, { kind: 'position' }>): object {
  switch (message.kind) {
    case 'status':
      return message.report;
    case 'changes': {
      const { atMs, records, events, more } = message;
      return { at: moment(atMs), records, orders: events.map(eventJson), more };
    }
    case 'delivery':
      return deliveryJson(message.delivery);
    case 'reset':
      return { reason: message.reason };
    case 'note':
      return { at: moment(message.atMs), problem: message.problem };
  }
}

function eventJson({ entityId, occurredAtMs, offset, ...event }: StreamedEvent): object {
  const { eventType, eventId, topic, partition } = event;
  const occurredAt = moment(occurredAtMs);
  return { orderId: entityId, eventType, eventId, occurredAt, topic, partition, offset: String(offset) };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}
