import type { ServerParts } from '../../../../src/apps/order-sync/http/server-parts.ts';

/** The parts of a server that only the routes of holds and partitions use. The log has no topic. */
export const UNUSED_PARTS: Pick<ServerParts, 'log' | 'topics' | 'targets' | 'onHolds'> = {
  log: { describe: async () => [], partitionCounts: async () => new Map() },
  topics: ['order_events', 'payment_events'],
  targets: ['order-mgt'],
  onHolds: async () => {},
};
