/**
 * The kinds of malformed records. Each kind changes one thing in a good record. The oracle decides by content which
 * records are malformed; the test of the workload checks that both agree.
 */
import type { RawRecord, Topics } from '../oracle.ts';
import type { Random } from './random.ts';

export interface MalformedKind {
  readonly name: string;
  spoil(good: RawRecord, topics: Topics, random: Random): RawRecord;
}

/** The limit that the checks give order-sync as a setting. A larger record is malformed in the workload. */
export const MAX_RECORD_BYTES = 65_536;

const text = (good: RawRecord) => String(good.value);

/** Changes the JSON text of a record. Throws if the change leaves the text as it was. */
function rewritten(good: RawRecord, change: (json: string) => string): RawRecord {
  const before = text(good);
  const after = change(before);
  if (after === before) throw new Error('The fault left the record as it was');
  return { ...good, value: Buffer.from(after) };
}

/** Adds a member at the beginning of the record's object. */
const withMember = (good: RawRecord, member: string) =>
  rewritten(good, (json) => json.replace('{', `{${member},`));

/** Gives a field of the record another value, or adds the field. */
function withField(good: RawRecord, name: string, value: string): RawRecord {
  const body = JSON.parse(text(good)) as Record<string, unknown>;
  if (!(name in body)) return withMember(good, `"${name}":${value}`);
  const members = Object.entries(body).map(([field, given]) => {
    return `${JSON.stringify(field)}:${field === name ? value : JSON.stringify(given)}`;
  });
  return { ...good, value: Buffer.from(`{${members.join(',')}}`) };
}

function withOrderId(good: RawRecord, orderId: string): RawRecord {
  return { ...withField(good, 'orderId', JSON.stringify(orderId)), key: Buffer.from(orderId) };
}

const statusField = (good: RawRecord, topics: Topics) =>
  good.topic === topics.order ? 'orderStatus' : 'paymentStatus';

const kind = (name: string, spoil: MalformedKind['spoil']): MalformedKind => ({ name, spoil });

export const MALFORMED_KINDS: readonly MalformedKind[] = [
  kind('tombstone', (good) => ({ ...good, value: null })),
  kind('empty_value', (good) => ({ ...good, value: Buffer.alloc(0) })),
  kind('null_key', (good) => ({ ...good, key: null })),
  kind('key_of_another_order', (good) => ({
    ...good,
    key: Buffer.concat([good.key ?? Buffer.alloc(0), Buffer.from('x')]),
  })),
  kind('duplicate_header', (good) => ({
    ...good,
    headers: [
      ...good.headers.filter(([name]) => name !== 'ce_id'),
      ['ce_id', Buffer.from('a')],
      ['ce_id', Buffer.from('b')],
    ],
  })),
  kind('wrong_topic', (good, topics) => ({
    ...good,
    topic: good.topic === topics.order ? topics.payment : topics.order,
  })),
  kind('unknown_event_type', (good) => withField(good, 'eventType', '"REFUND"')),
  kind('event_type_of_every_object', (good) => withField(good, 'eventType', '"constructor"')),
  kind('unknown_status', (good, topics) => withField(good, statusField(good, topics), '"SHIPPED"')),
  kind('status_of_every_object', (good, topics) => withField(good, statusField(good, topics), '"toString"')),
  kind('missing_status', (good, topics) =>
    rewritten(good, (json) => json.replace(statusField(good, topics), 'state')),
  ),
  kind('not_utf8', (good) => ({
    ...good,
    value: Buffer.concat([
      Buffer.from('{"note":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('",'),
      Buffer.from(text(good).slice(1)),
    ]),
  })),
  kind('byte_order_mark', (good) => rewritten(good, (json) => `\ufeff${json}`)),
  kind('nul_byte', (good) => rewritten(good, (json) => `${json}\0`)),
  kind('truncated', (good, _topics, random) =>
    rewritten(good, (json) => json.slice(0, 1 + random.below(json.length - 2))),
  ),
  kind('not_json', (good) => ({ ...good, value: Buffer.from('order shipped') })),
  kind('depth_bomb', (good) => withMember(good, `"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}`)),
  kind('name_twice', (good) => withMember(good, `"eventType":"ORDER"`)),
  kind('integer_beyond_2_53', (good) => withField(good, 'revision', '9007199254740993')),
  kind('number_overflow', (good) => withField(good, 'revision', '1e400')),
  kind('number_as_order_id', (good) => withField({ ...good, key: Buffer.from('12345') }, 'orderId', '12345')),
  kind('number_as_timestamp', (good) => withField(good, 'timestamp', '1743819990265')),
  kind('array_as_document', (good) => rewritten(good, (json) => `[${json}]`)),
  kind('object_as_status', (good, topics) =>
    withField(good, statusField(good, topics), '{"value":"CREATED"}'),
  ),
  kind('half_a_surrogate_pair', (good) => ({
    ...withField(good, 'orderId', '"half\\ud800"'),
    key: Buffer.from('half\ufffd'),
  })),
  kind('empty_order_id', (good) => withOrderId(good, '')),
  kind('order_id_of_256_bytes', (good) => withOrderId(good, `${'é'.repeat(127)}xy`)),
  kind('day_that_is_not', (good) => withField(good, 'timestamp', '"2024-02-30T00:00:00Z"')),
  kind('timestamp_without_zone', (good) => withField(good, 'timestamp', '"2025-04-05T02:26:30.265"')),
  kind('timestamp_in_words', (good) => withField(good, 'timestamp', '"yesterday"')),
  kind('revision_zero', (good) => withField(good, 'revision', '0')),
  kind('revision_negative', (good) => withField(good, 'revision', '-1')),
  kind('revision_in_quotes', (good) => withField(good, 'revision', '"1"')),
  kind('revision_and_a_half', (good) => withField(good, 'revision', '1.5')),
  kind('event_id_number', (good) => withField(good, 'eventId', '17')),
  kind('event_id_of_256_bytes', (good) => withField(good, 'eventId', `"${'x'.repeat(256)}"`)),
  kind('cloudevent_without_data', (good) => ({
    ...good,
    value: Buffer.from('{"specversion":"1.0","id":"1","source":"/shop","type":"order"}'),
    headers: [['content-type', Buffer.from('application/cloudevents+json')]],
  })),
];

/** Kinds with oversized records, in a list of their own, because a workload has only a few of them. */
export const OVERSIZED_KINDS: readonly MalformedKind[] = [
  kind('oversized_value', (good) => withMember(good, `"note":"${'x'.repeat(MAX_RECORD_BYTES + 1_000)}"`)),
  kind('huge_headers', (good) => ({
    ...good,
    headers: [...good.headers, ['x-note', Buffer.alloc(MAX_RECORD_BYTES + 1_000, 'x')]],
  })),
];
