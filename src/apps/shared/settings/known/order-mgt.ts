import { checkApiKeys, checkHost, checkWebhookSecret } from '../checks.ts';
import { integer, list, type SettingTable, secret, text } from '../kinds.ts';
import { databaseSettings } from './database.ts';

/** The settings of order-mgt alone. */
export const ORDER_MGT_SETTINGS = {
  ...databaseSettings('ORDER_MGT_DATABASE', 'order-mgt.sqlite', 'Database of the received orders.'),
  deliveryBatchMax: integer({
    env: 'ORDER_MGT_BATCH_MAX',
    flag: 'batch-max',
    default: 500,
    min: 0,
    max: 1_000,
    help: 'The most states of one delivery batch. 0 takes no delivery batches.',
  }),
  port: integer({
    env: 'ORDER_MGT_PORT',
    alsoEnv: 'PORT',
    flag: 'port',
    default: 3001,
    min: 0,
    max: 65_535,
    help: 'The port of the HTTP API. 0 takes a free one.',
  }),
  host: text({
    env: 'ORDER_MGT_HOST',
    flag: 'host',
    default: '127.0.0.1',
    help: 'The address that the HTTP API listens on.',
  }),
  knownHosts: list({
    env: 'ORDER_MGT_KNOWN_HOSTS',
    flag: 'known-hosts',
    default: [],
    defaultText: 'not set',
    help: 'Further host names by which callers may reach the HTTP API. Without keys and secret it answers only under localhost and loopback addresses.',
    check: checkHost,
  }),
  secret: secret({
    env: 'ORDER_MGT_SECRET',
    help: 'The secret that verifies deliveries (whsec_ and base64). Required outside loopback.',
    check: checkWebhookSecret,
  }),
  apiKeys: secret({
    env: 'ORDER_MGT_API_KEYS',
    help: 'Entries of the keys that may read, as "order-mgt keys make" prints them. Without them nobody may read outside loopback.',
    check: checkApiKeys('order-mgt'),
  }),
} as const satisfies SettingTable;
