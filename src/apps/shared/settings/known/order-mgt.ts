import { checkApiKeys, checkHost, checkWebhookSecret } from '../checks.ts';
import { integer, list, type SettingTable, secret, text } from '../kinds.ts';
import { databaseSettings } from './database.ts';

/** The settings of order-mgt alone. */
export const ORDER_MGT_SETTINGS = {
  ...databaseSettings('ORDER_MGT_DATABASE', 'order-mgt.sqlite', 'Database of the orders that were received.'),
  deliveryBatchMax: integer({
    env: 'ORDER_MGT_BATCH_MAX',
    flag: 'batch-max',
    default: 500,
    min: 0,
    max: 1_000,
    help: 'The most states that are taken in one request; 0 takes them one by one only.',
  }),
  port: integer({
    env: 'ORDER_MGT_PORT',
    alsoEnv: 'PORT',
    flag: 'port',
    default: 3001,
    min: 0,
    max: 65_535,
    help: 'Port of the HTTP API; 0 takes a free one.',
  }),
  host: text({
    env: 'ORDER_MGT_HOST',
    flag: 'host',
    default: '127.0.0.1',
    help: 'Address that the HTTP API listens on.',
  }),
  knownHosts: list({
    env: 'ORDER_MGT_KNOWN_HOSTS',
    flag: 'known-hosts',
    default: [],
    defaultText: 'not set',
    help: 'Further host names that the HTTP API is called by; without keys and secret it answers localhost and loopback addresses only.',
    check: checkHost,
  }),
  secret: secret({
    env: 'ORDER_MGT_SECRET',
    help: 'Verifies deliveries (whsec_ and base64); required when listening outside loopback.',
    check: checkWebhookSecret,
  }),
  apiKeys: secret({
    env: 'ORDER_MGT_API_KEYS',
    help: 'Who may read (entries of order-mgt keys make); without them nobody may when listening outside loopback.',
    check: checkApiKeys('order-mgt'),
  }),
} as const satisfies SettingTable;
