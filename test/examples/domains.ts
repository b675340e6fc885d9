import { accounts } from '../../examples/bank-account/domain.ts';
import { devices } from '../../examples/device/domain.ts';
import { shipments } from '../../examples/shipment/domain.ts';
import { stockLedger } from '../../examples/stock-ledger/domain.ts';
import { subscriptions } from '../../examples/subscription/domain.ts';
import type { Domain, ViewRow } from '../../src/core/domain.ts';

/** A domain of the examples, with events of one entity in the sequence in which they happened, and the row that they give. */
export interface ExampleCase {
  readonly domain: Domain<unknown, unknown>;
  readonly idField: string;
  readonly samples: readonly Record<string, unknown>[];
  readonly row: ViewRow;
  readonly isReady: boolean;
}

const at = (hour: number) => `2026-03-01T${String(hour).padStart(2, '0')}:00:00Z`;

export const CASES: readonly ExampleCase[] = [
  {
    domain: stockLedger,
    idField: 'articleId',
    samples: [
      { eventType: 'STOCK_MOVED', articleId: 'bolt', quantity: 100, at: at(8) },
      { eventType: 'STOCK_COUNTED', articleId: 'bolt', quantity: 65, at: at(9) },
      { eventType: 'STOCK_MOVED', articleId: 'bolt', quantity: -60, at: at(10) },
    ],
    row: [5, 1, true],
    isReady: true,
  },
  {
    domain: subscriptions,
    idField: 'id',
    samples: [
      { eventType: 'SUBSCRIBED', id: 'S1', plan: 'team', seats: 5, at: at(8), revision: 1 },
      // The clock of this event is wrong, and its revision is right.
      { eventType: 'PLAN_CHANGED', id: 'S1', plan: 'company', at: at(7), revision: 2 },
      { eventType: 'CANCELLED', id: 'S1', at: at(10), revision: 3 },
    ],
    row: ['company', 5, at(10)],
    isReady: true,
  },
  {
    domain: shipments,
    idField: 'shipmentId',
    samples: [
      { eventType: 'PACKED', shipmentId: 'P1', place: 'Basel', at: at(8) },
      { eventType: 'SCANNED', shipmentId: 'P1', place: 'Olten', at: at(9) },
      // The scanner's clock runs ahead.
      { eventType: 'SCANNED', shipmentId: 'P1', place: 'Bern', at: at(23) },
      { eventType: 'DELIVERED', shipmentId: 'P1', place: 'Thun', at: at(11) },
    ],
    row: ['Thun', 2, true],
    isReady: true,
  },
  {
    domain: accounts,
    idField: 'iban',
    samples: [
      { eventType: 'DEPOSITED', iban: 'CH1', amount: '0.10', bookedAt: at(8) },
      { eventType: 'DEPOSITED', iban: 'CH1', amount: '0.20', bookedAt: at(9) },
      { eventType: 'WITHDRAWN', iban: 'CH1', amount: '999999999999.99', bookedAt: at(10) },
    ],
    row: ['-999999999999.69', true],
    isReady: true,
  },
  {
    domain: devices,
    idField: 'deviceId',
    samples: [
      { eventType: 'REPORTED', deviceId: 'D1', status: 'ok', milliCelsius: 21_500, at: at(8) },
      { eventType: 'REPORTED', deviceId: 'D1', status: 'degraded', milliCelsius: 80_000, at: at(9) },
      { eventType: 'WENT_OFFLINE', deviceId: 'D1', at: at(10) },
    ],
    row: ['offline', 80_000, '2026-03-01T09:00:00.000000Z'],
    isReady: true,
  },
];
