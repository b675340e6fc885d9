import * as v from 'valibot';
import { defineDomain, timestampText } from '../../src/public/index.ts';

const at = v.pipe(v.string(), v.isoTimestamp());
const status = v.picklist(['ok', 'degraded', 'failed']);

/** The last known state of devices: each report replaces the one before, in whatever sequence they arrive. */
export const devices = defineDomain({
  name: 'devices',
  noun: 'device',
  topic: 'telemetry',
  entityIdField: 'deviceId',
  occurredAtField: 'at',
  events: {
    REPORTED: { schema: v.object({ at, status, milliCelsius: v.pipe(v.number(), v.safeInteger()) }) },
    WENT_OFFLINE: { schema: v.object({ at }), cautionRank: 1 },
  },
  initialState: { status: 'unknown', milliCelsius: null as number | null, seenAt: null as string | null },
  evolve: {
    REPORTED: (_, { at, ...report }) => ({ ...report, seenAt: timestampText(at) }),
    WENT_OFFLINE: (device) => ({ ...device, status: 'offline' }),
  },
  view: {
    table: 'devices',
    keyColumn: 'device_id',
    columns: [
      { name: 'status', type: 'text', maxLength: 20 },
      { name: 'milli_celsius', type: 'integer' },
      { name: 'last_seen_at', type: 'timestamp' },
    ],
    row: ({ status, milliCelsius, seenAt }) => [status, milliCelsius, seenAt],
    isReady: ({ status }) => status === 'failed' || status === 'offline',
  },
});
