import { expect, it } from 'vitest';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { decoderOf } from '../../../src/apps/order-sync/decoder-of.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import { orderRecord } from './quarantine-place.ts';

/** The reason for which the decoder of these settings refuses the record; null if it takes it. */
function refusalOf(env: Readonly<Record<string, string>>, facts: Parameters<typeof orderRecord>[2] = {}) {
  const decoder = decoderOf(loadSettings('order-sync', { env }).values, systemClock);
  const topic = env.ORDER_TOPIC ?? 'order_events';
  const decoded = decoder.decode(orderRecord('a', 0, facts), { topic, partition: 0 }, 0);
  return decoded.kind === 'event' ? null : decoded.record.reason;
}

it.each<[env: Readonly<Record<string, string>>, facts: Parameters<typeof orderRecord>[2], reason: string]>([
  [{ ORDER_SYNC_MAX_RECORD_BYTES: '1024' }, { value: Buffer.alloc(2_000, 32) }, 'record_too_large'],
  [{ ORDER_SYNC_ACCEPT_MISSING_KEYS: 'false' }, { key: null }, 'key_missing'],
  [{ ORDER_SOURCE: 'cloudevents' }, { headers: [] }, 'source_mismatch'],
])('decoderOf judges records by the settings %j', (env, facts, reason) => {
  expect(refusalOf(env, facts)).toBe(reason);
  expect(refusalOf({}, {})).toBeNull();
});

it('decoderOf takes what the settings take', () => {
  expect(refusalOf({ ORDER_SYNC_ACCEPT_MISSING_KEYS: 'true' }, { key: null })).toBeNull();
  expect(refusalOf({ ORDER_TOPIC: 'orders-eu' })).toBeNull();
});
