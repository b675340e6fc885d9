import { describe, expect, it } from 'vitest';
import { keyTextOf, quarantineJson, shownRecordJson } from '../../../src/apps/order-sync/quarantine-json.ts';
import { orders } from '../../../src/orders/index.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import type { QuarantinedRecord, StoredQuarantine } from '../../../src/ports/quarantine.ts';
import { decoder, orderRecord } from './quarantine-place.ts';

const NOW_MS = Date.UTC(2026, 0, 2);

/** An order's event that is refused because of its status, as the store keeps it. */
function refused(facts: Partial<LogRecord> = {}, more: Partial<StoredQuarantine> = {}): StoredQuarantine {
  const record = orderRecord('a', 7, { value: Buffer.from('[]'), ...facts });
  const decoded = decoder.decode(record, { topic: 'order_events', partition: 2 }, NOW_MS);
  if (decoded.kind === 'event') throw new Error('The record is an event.');
  const kept: QuarantinedRecord = decoded.record;
  return { ...kept, settlement: null, ...more };
}

const shown = (record: StoredQuarantine) => shownRecordJson(orders, record, decoder, NOW_MS);

describe('a quarantined record as JSON', () => {
  it('shows on lists its key and its place, and no other content', () => {
    const record = refused();
    expect(quarantineJson(record)).toEqual({
      topic: 'order_events',
      partition: 2,
      offset: '7',
      reason: record.reason,
      detail: record.detail,
      keyText: 'a',
      quarantinedAt: '2026-01-02T00:00:00.000Z',
      valueLength: 2,
      valueHash: record.valueHash,
      settled: null,
    });
    const settlement = {
      settledAs: 'discarded',
      decidedBy: 'ana',
      reason: 'a test',
      decidedAtMs: 0,
    } as const;
    expect(quarantineJson({ ...record, settlement })).toMatchObject({
      settled: { as: 'discarded', by: 'ana', reason: 'a test', at: '1970-01-01T00:00:00.000Z' },
    });
  });

  it('shows the key as a text if its bytes are UTF-8, and no more than 255', () => {
    expect(keyTextOf({ key: Buffer.alloc(255, 'k') })).toBe('k'.repeat(255));
    for (const key of [null, Buffer.alloc(256, 'k'), Buffer.from([0xff])])
      expect(keyTextOf({ key })).toBeNull();
  });

  it('shows the content in base64, and as a text if it is UTF-8, beside the verdict of today', async () => {
    const record = refused({
      headers: [
        [Buffer.from([0xff, 0xfe]), null],
        ['ce_id', Buffer.from('e')],
      ],
    });
    expect(await shown(record)).toMatchObject({
      isWhole: true,
      key: { base64: 'YQ==', text: 'a' },
      value: { base64: 'W10=', text: '[]' },
      headers: [
        { name: { base64: '//4=' }, value: null },
        { name: 'ce_id', value: { base64: 'ZQ==', text: 'e' } },
      ],
      today: { passes: false, reason: record.reason, detail: record.detail },
    });
  });

  it('says which event a record would become that passes today', async () => {
    const { value } = orderRecord('a', 7);
    const passing = refused({}, { value, valueLength: value?.length ?? 0 });
    expect(await shown(passing)).toMatchObject({
      today: { passes: true, orderId: 'a', eventType: 'ORDER', eventId: 'e-7' },
    });
  });

  it('says that a record was cut, and that headers cannot be read', async () => {
    expect(await shown(refused({}, { valueLength: 3 }))).toMatchObject({
      isWhole: false,
      today: { passes: false, reason: 'record_too_large' },
    });
    expect(await shown(refused({}, { headers: Buffer.from('{') }))).toMatchObject({
      isWhole: true,
      headers: null,
      today: { passes: false, reason: 'header_invalid' },
    });
  });
});
