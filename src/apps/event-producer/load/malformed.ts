import type { NewRecord } from '../../../ports/event-log.ts';
import type { LoadFrame } from './lifecycle.ts';
import type { SeededRandom } from './seeded-random.ts';

/** The faults of malformed records. A record with one of these has to end in quarantine. */
export const MALFORMATIONS = [
  'truncated_json',
  'invalid_utf8',
  'byte_order_mark',
  'nul_byte',
  'depth_bomb',
  'duplicate_member',
  'huge_integer',
  'lone_surrogate',
  'array_body',
  'text_body',
  'empty_value',
  'null_value',
  'null_key',
  'key_mismatch',
  'unknown_event_type',
  'wrong_topic',
  'unknown_status',
  'missing_status',
  'missing_time',
  'missing_order_id',
  'number_as_order_id',
  'long_order_id',
  'impossible_date',
  'time_without_zone',
  'negative_revision',
] as const;

export type Malformation = (typeof MALFORMATIONS)[number];

/** Makes a record for `orderId` that has exactly this fault. `timestamp` is the time of the event in it. */
export function makeMalformed(
  malformation: Malformation,
  frame: LoadFrame,
  orderId: string,
  timestamp: string,
  random: SeededRandom,
): NewRecord {
  const right = {
    eventType: 'PAYMENT',
    orderId,
    paymentStatus: 'PAYMENT_AUTHORIZED',
    timestamp,
    // A body that is whole has a nonce, so that each malformed record can be told from the others.
    nonce: random.uuid(),
  };
  const record = (value: Uint8Array | string | null, key: string | null = orderId): NewRecord => ({
    topic: frame.paymentTopic,
    key: key === null ? null : Buffer.from(key),
    value: typeof value === 'string' ? Buffer.from(value) : value,
    headers: [],
  });
  const withFields = (fields: Record<string, unknown>) => record(JSON.stringify({ ...right, ...fields }));
  const text = JSON.stringify(right);

  switch (malformation) {
    case 'truncated_json':
      return record(text.slice(0, 1 + random.below(text.length - 1)));
    case 'invalid_utf8':
      return record(
        Buffer.concat([Buffer.from(text.slice(0, -2)), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      );
    case 'byte_order_mark':
      return record(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]));
    case 'nul_byte':
      return record(`${text.slice(0, -1)}\u0000}`);
    case 'depth_bomb':
      return record(`${text.slice(0, -1)},"deep":${'['.repeat(5_000)}${']'.repeat(5_000)}}`);
    case 'duplicate_member':
      return record(`${text.slice(0, -1)},"paymentStatus":"AUTHORIZATION_REVIEW_DECLINED"}`);
    case 'huge_integer':
      return record(`${text.slice(0, -1)},"revision":9007199254740993}`);
    case 'lone_surrogate':
      return record(`${text.slice(0, -1)},"note":"\\ud800"}`);
    case 'array_body':
      return record(`[${text}]`);
    case 'text_body':
      return record(JSON.stringify(text));
    case 'empty_value':
      return record('');
    case 'null_value':
      return record(null);
    case 'null_key':
      return record(text, null);
    case 'key_mismatch':
      return record(text, `${orderId}-other`);
    case 'unknown_event_type':
      return withFields({ eventType: 'REFUND' });
    case 'wrong_topic':
      return { ...record(text), topic: frame.orderTopic };
    case 'unknown_status':
      return withFields({ paymentStatus: 'PAYMENT_PERHAPS' });
    case 'missing_status':
      return withFields({ paymentStatus: undefined });
    case 'missing_time':
      return withFields({ timestamp: undefined });
    case 'missing_order_id':
      return withFields({ orderId: undefined });
    case 'number_as_order_id':
      return withFields({ orderId: 12_345 });
    case 'long_order_id':
      return record(JSON.stringify({ ...right, orderId: 'x'.repeat(256) }), 'x'.repeat(256));
    case 'impossible_date':
      return withFields({ timestamp: '2024-02-30T10:00:00.000Z' });
    case 'time_without_zone':
      return withFields({ timestamp: timestamp.slice(0, -1) });
    case 'negative_revision':
      return withFields({ revision: -1 });
  }
}
