import type { EntityWords } from '../../../../core/entity-words.ts';
import type { StreamedEvent } from '../../../../pipeline/ask/stream/change-reader.ts';
import type { StreamMessage } from '../../../../pipeline/ask/stream/messages.ts';
import { deliveryJson } from '../../delivery-json.ts';
import { jsonOf } from '../json.ts';

/** Messages that go to several clients are written as bytes once. */
const frames = new WeakMap<StreamMessage, Buffer>();

/** The message as a server-sent event. Source: WHATWG HTML, "Server-sent events". */
export function frameOf(message: StreamMessage, words: EntityWords): Buffer {
  const known = frames.get(message);
  if (known !== undefined) return known;
  const frame = Buffer.from(textOf(message, words));
  frames.set(message, frame);
  return frame;
}

function textOf(message: StreamMessage, words: EntityWords): string {
  // Clients keep the id of an event without data, and show nothing.
  if (message.kind === 'position') return `id: ${message.position}\n\n`;
  const id = 'position' in message ? `id: ${message.position}\n` : '';
  return `event: ${message.kind}\n${id}data: ${jsonOf(dataOf(message, words))}\n\n`;
}

function dataOf(message: Exclude<StreamMessage, { kind: 'position' }>, words: EntityWords): object {
  switch (message.kind) {
    case 'status':
      return message.report;
    case 'changes': {
      const { atMs, records, events, more } = message;
      const listed = events.map((event) => eventJson(event, words));
      return { at: moment(atMs), records, [words.listMember]: listed, more };
    }
    case 'delivery':
      return deliveryJson(message.delivery);
    case 'reset':
      return { reason: message.reason };
    case 'note':
      return { at: moment(message.atMs), problem: message.problem };
  }
}

function eventJson(
  { entityId, occurredAtMs, offset, ...event }: StreamedEvent,
  { idMember }: EntityWords,
): object {
  const { eventType, eventId, topic, partition } = event;
  const occurredAt = moment(occurredAtMs);
  return { [idMember]: entityId, eventType, eventId, occurredAt, topic, partition, offset: String(offset) };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}
