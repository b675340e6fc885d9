import { boolean, integer, type SettingTable } from '../kinds.ts';

/** The settings that `npm start` adds to those of the programs that it runs. Two servers need two flags for their ports. */
export const START_SETTINGS = {
  orderSyncPort: integer({
    env: 'ORDER_SYNC_PORT',
    alsoEnv: 'PORT',
    flag: 'order-sync-port',
    default: 3000,
    min: 0,
    max: 65_535,
    help: "The port of order-sync's HTTP API. 0 takes a free one.",
  }),
  orderMgtPort: integer({
    env: 'ORDER_MGT_PORT',
    flag: 'order-mgt-port',
    default: 3001,
    min: 0,
    max: 65_535,
    help: "The port of order-mgt's HTTP API. 0 takes a free one.",
  }),
  demo: boolean({
    env: 'TRIBUTARY_DEMO',
    flag: 'demo',
    default: true,
    help: 'Whether a new data directory gets a few demonstration orders.',
  }),
} as const satisfies SettingTable;
