import type { RawRecord, Topics } from '../oracle.ts';
import type { PlannedEvent } from './order-stories.ts';
import type { Random } from './random.ts';

/**
 * Encodes an event, each time in another form with the same meaning by the contract: other spaces, another sequence of
 * fields, escapes, or a CloudEvent in binary or structured mode.
 */
export function encode(event: PlannedEvent, topics: Topics, random: Random): RawRecord {
  const json = writeBody(event, random);
  const key = Buffer.from(event.orderId);
  const topic = topics[event.topic];
  if (event.cloudEventId === null) return { topic, key, value: Buffer.from(json), headers: [] };
  if (random.chance(0.2)) {
    const id = JSON.stringify(event.cloudEventId);
    const envelope = `{"specversion":"1.0","id":${id},"source":"/shop","type":"shop.${event.topic}","data":${json}}`;
    const headers = [['content-type', Buffer.from('application/cloudevents+json')]] as const;
    return { topic, key, value: Buffer.from(envelope), headers };
  }
  const headers: [string, Buffer][] = [
    ['ce_specversion', Buffer.from('1.0')],
    ['ce_id', Buffer.from(event.cloudEventId)],
    ['ce_source', Buffer.from('/shop')],
    ['ce_type', Buffer.from(`shop.${event.topic}`)],
    ['content-type', Buffer.from('application/json')],
  ];
  return { topic, key, value: Buffer.from(json), headers };
}

/** Encodes an event without spaces, unknown fields and headers. Malformed records are made from this form. */
export function encodePlainly(event: PlannedEvent, topics: Topics): RawRecord {
  const members = event.fields.slice(0, 4).map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return {
    topic: topics[event.topic],
    key: Buffer.from(event.orderId),
    value: Buffer.from(`{${members.join(',')}}`),
    headers: [],
  };
}

function writeBody(event: PlannedEvent, random: Random): string {
  const style = random.below(10);
  if (style < 6) return `{${event.fields.map(([name, json]) => `"${name}":${json}`).join(',')}}`;
  const fields = style === 6 ? event.fields : random.shuffled(event.fields);
  if (style === 9) {
    const escaped = fields.map(([name, json]) => `"${escapeFirst(name)}":${json}`);
    return `{${escaped.join(',')}}`;
  }
  const lines = fields.map(([name, json]) => `    "${name}" : ${json}`);
  return `{\n${lines.join(',  \r\n')}\n}\n`;
}

/** Writes the first letter of a name as an escape, which gives other bytes for the same name. */
function escapeFirst(name: string): string {
  return `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`;
}
