import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { NO_CONSOLE } from '../../../../src/apps/order-sync/console/console-pages.ts';
import { knownEventTypes } from '../../../../src/apps/order-sync/event-types.ts';
import type { ServerParts } from '../../../../src/apps/order-sync/http/server-parts.ts';
import { ProblemCounts } from '../../../../src/apps/shared/http/metrics.ts';
import { SYNCED_ORDERS } from '../../../../src/apps/shared/settings/synced.ts';
import { Meters } from '../../../../src/pipeline/status/meters.ts';
import { NO_STORE_LOOPS } from '../../../../src/pipeline/store-loops.ts';
import { decoder } from '../quarantine-place.ts';

/** The orders, with their own events on this topic. */
export const ordersOn = (orderTopic: string) => ({
  synced: SYNCED_ORDERS,
  orderTopic,
  paymentTopic: 'payment_events',
  topicNames: [],
});

/** Parts of a server for tests that use few of them. The log has no topic, and nothing runs. */
export const UNUSED_PARTS: Omit<ServerParts, 'store'> = {
  synced: SYNCED_ORDERS,
  problems: new ProblemCounts(),
  metrics: { contentType: 'text/plain; version=0.0.4', text: async () => '' },
  decoder,
  log: {
    describe: async () => [],
    partitionCounts: async () => new Map(),
    peek: async () => [],
    readRecords: async () => ({ kind: 'unreadable', problem: 'does not exist' }),
  },
  topics: ['order_events', 'payment_events'],
  targets: ['order-mgt'],
  migrated: () => null,
  clock: systemClock,
  ask: () => null,
  logger: () => {},
  access: 'open',
  guard: { host: '127.0.0.1', hosts: [], setting: 'ORDER_SYNC_KNOWN_HOSTS' },
  console: NO_CONSOLE,
  settingEntries: [],
  eventTypes: knownEventTypes(ordersOn('order_events')),
  trial: null,
  group: 'order-sync',
  series: () => [],
  onJob: () => {},
  onHolds: async () => {},
  targetsThatTell: ['order-mgt'],
  readiness: async () => ({ ok: true }),
  status: () => ({
    ingest: null,
    holds: [],
    meters: new Meters(systemClock).status(),
    ...NO_STORE_LOOPS,
    defects: { count: 0, latest: [] },
  }),
  report: async () => {
    throw new Error('This server has no status.');
  },
};
