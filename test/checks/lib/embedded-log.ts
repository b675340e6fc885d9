/** Opens the embedded log of a data directory while order-sync runs, to publish to it like `event-producer`. */
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { openEventLog } from '../../../src/apps/shared/parts/open-log.ts';
import { loadSettings } from '../../../src/apps/shared/settings/load.ts';
import type { RawRecord } from '../oracle.ts';

export interface EmbeddedLog {
  append(records: readonly RawRecord[]): Promise<void>;
  close(): Promise<void>;
}

const APPEND_RECORDS = 4_000;

export async function startEmbeddedLog(folder: string): Promise<EmbeddedLog> {
  const { values } = loadSettings('order-sync', { env: { TRIBUTARY_DATA_DIR: folder } });
  const log = await openEventLog(values, systemClock, () => {}, { clientId: 'check' });
  const producer = log.producer();
  return {
    async append(records) {
      for (let from = 0; from < records.length; from += APPEND_RECORDS)
        await producer.append(records.slice(from, from + APPEND_RECORDS));
    },
    async close() {
      await producer.close();
      await log.close();
    },
  };
}

const CREATED_MS = Date.UTC(2025, 0, 1);

/** Makes the two events that make an order ready, in the form of the original's events. */
export function readyOrder(orderId: string): RawRecord[] {
  const record = (topic: string, fields: object, afterMs: number): RawRecord => {
    const timestamp = new Date(CREATED_MS + afterMs).toISOString();
    const value = Buffer.from(JSON.stringify({ ...fields, orderId, timestamp }));
    return { topic, key: Buffer.from(orderId), value, headers: [] };
  };
  return [
    record('order_events', { eventType: 'ORDER', orderStatus: 'CREATED' }, 0),
    record('payment_events', { eventType: 'PAYMENT', paymentStatus: 'PAYMENT_AUTHORIZED' }, 1_000),
  ];
}
