import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { orders } from '../../../src/orders/index.ts';
import { createDecoder } from '../../../src/pipeline/decode/decoder.ts';
import type { LogRecord } from '../../../src/ports/event-log.ts';
import type { QuarantinedRecord } from '../../../src/ports/quarantine.ts';
import type { Store } from '../../../src/ports/store.ts';

/** The decoder of order-sync with its default settings. */
export const decoder = createDecoder(orders, {
  topicNames: { order_events: 'order_events', payment_events: 'payment_events' },
});

export function orderRecord(orderId: string, offset: number, facts: Partial<LogRecord> = {}): LogRecord {
  const body = { eventType: 'ORDER', orderId, orderStatus: 'CREATED', timestamp: '2026-01-01T00:00:00Z' };
  return {
    offset: BigInt(offset),
    timestampMs: 0,
    key: Buffer.from(orderId),
    value: Buffer.from(JSON.stringify(body)),
    headers: [['ce_id', Buffer.from(`e-${offset}`)]],
    ...facts,
  };
}

/** A data directory of order-sync whose store holds these records of order_events/0 in quarantine. */
export async function quarantineOf(
  records: readonly LogRecord[],
): Promise<{ folder: string; store: Store; quarantined: readonly QuarantinedRecord[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-quarantine-'));
  const file = join(folder, 'order-sync.sqlite');
  const opened = openSqliteStore({ file, clock: systemClock, targets: ['order-mgt'] });
  onTestFinished(async () => {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  });
  const { table, keyColumn, columns } = orders.view;
  const view = { table, keyColumn, columns };
  const { store } = await opened.migrate({ view, targets: ['order-mgt'], adopt: null, nowMs: 0 });
  const quarantined = records.map((record) => {
    const decoded = decoder.decode(record, { topic: 'order_events', partition: 0 }, Date.UTC(2026, 0, 1));
    if (decoded.kind === 'event') throw new Error(`Record ${record.offset} is an event.`);
    return decoded.record;
  });
  await store.commit({ moves: [], quarantined, entityIds: [], mode: 'locking', plan: async () => [] });
  return { folder, store, quarantined };
}
