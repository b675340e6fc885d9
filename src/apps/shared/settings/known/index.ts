import { checkApiKeys, checkBearerKey, checkHost, checkWebhookSecret } from '../checks.ts';
import {
  boolean,
  choice,
  duration,
  integer,
  list,
  type SettingTable,
  secret,
  text,
  url,
  type ValuesOf,
} from '../kinds.ts';
import { databaseSettings } from './database.ts';
import { KAFKA_SETTINGS } from './kafka.ts';
import { START_SETTINGS } from './start.ts';

/**
 * Every setting of every program, in one place: the programs share one environment, so each of them has to
 * know its siblings' names to tell a misspelt name from another program's setting. A new setting is a new row
 * here and a row in docs/settings.md (a test holds the two together).
 */

export const COMMON_SETTINGS = {
  config: text({
    env: 'TRIBUTARY_CONFIG',
    flag: 'config',
    help: 'JSON file of settings, an object whose names are these variables.',
  }),
  dataDirectory: text({
    env: 'TRIBUTARY_DATA_DIR',
    flag: 'data-dir',
    default: '.tributary',
    help: 'Folder of the embedded log and of the SQLite files.',
  }),
  ...KAFKA_SETTINGS,
  orderTopic: text({
    env: 'ORDER_TOPIC',
    flag: 'order-topic',
    default: 'order_events',
    help: 'Topic of the order events.',
  }),
  paymentTopic: text({
    env: 'PAYMENT_TOPIC',
    flag: 'payment-topic',
    default: 'payment_events',
    help: 'Topic of the payment events.',
  }),
  logLevel: choice({
    env: 'LOG_LEVEL',
    flag: 'log-level',
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    default: 'info',
    help: 'The least important log lines that are written: trace, debug, info, warn, error, fatal or silent.',
  }),
  noColor: text({ env: 'NO_COLOR', help: 'Any value turns colours off.' }),
  forceColor: text({
    env: 'FORCE_COLOR',
    help: 'Any value but 0 turns colours on, also without a terminal.',
  }),
} as const satisfies SettingTable;

export const EVENT_PRODUCER_SETTINGS = {
  source: text({
    env: 'EVENT_PRODUCER_SOURCE',
    flag: 'source',
    default: '/tributary/event-producer',
    help: 'What the events name as their source (ce_source).',
  }),
  partitions: integer({
    env: 'EVENT_PRODUCER_PARTITIONS',
    flag: 'partitions',
    default: 4,
    min: 1,
    max: 1_000,
    help: 'Partitions of the topics that the program makes.',
  }),
  batchEvents: integer({
    env: 'EVENT_PRODUCER_BATCH_EVENTS',
    flag: 'batch-events',
    default: 4_000,
    min: 1,
    max: 100_000,
    help: 'The most events that are published in one piece.',
  }),
} as const satisfies SettingTable;

export const ORDER_SYNC_SETTINGS = {
  ...databaseSettings(
    'DATABASE',
    'order-sync.sqlite',
    'Database of journal, view, deliveries and checkpoints.',
  ),
  group: text({
    env: 'ORDER_SYNC_GROUP',
    flag: 'group',
    default: 'order-sync',
    help: 'Consumer group; the instances of one group share the partitions.',
  }),
  targetUrl: url({
    env: 'ORDER_SYNC_TARGET_URL',
    flag: 'target-url',
    protocols: ['http:', 'https:'],
    example: 'http://localhost:3001/api/orders',
    default: 'http://localhost:3001/api/orders',
    help: 'Where the states of orders are sent.',
  }),
  targetSecret: secret({
    env: 'ORDER_SYNC_TARGET_SECRET',
    help: 'Signs deliveries (whsec_ and base64); required unless the target is on loopback.',
    check: checkWebhookSecret,
  }),
  targetApiKey: secret({
    env: 'ORDER_SYNC_TARGET_API_KEY',
    help: 'Sent when the target is asked for what it holds, as a bearer key.',
    check: checkBearerKey,
  }),
  targetCaFile: text({
    env: 'ORDER_SYNC_TARGET_CA_FILE',
    flag: 'target-ca-file',
    help: "PEM file of the authorities that sign the target's certificate, if not the system's.",
  }),
  targetsFile: text({
    env: 'ORDER_SYNC_TARGETS_FILE',
    flag: 'targets-file',
    help: 'JSON file of more targets beside order-mgt; docs/operations.md says how it looks.',
  }),
  port: integer({
    env: 'ORDER_SYNC_PORT',
    alsoEnv: 'PORT',
    flag: 'port',
    default: 3000,
    min: 0,
    max: 65_535,
    help: 'Port of the HTTP API; 0 takes a free one.',
  }),
  host: text({
    env: 'ORDER_SYNC_HOST',
    flag: 'host',
    default: '127.0.0.1',
    help: 'Address that the HTTP API listens on.',
  }),
  knownHosts: list({
    env: 'ORDER_SYNC_KNOWN_HOSTS',
    flag: 'known-hosts',
    default: [],
    defaultText: 'not set',
    help: 'Further host names that the HTTP API is called by; without keys it answers localhost and loopback addresses only.',
    check: checkHost,
  }),
  apiKeys: secret({
    env: 'ORDER_SYNC_API_KEYS',
    help: 'Who may use the HTTP API (entries of order-sync keys make); required when listening outside loopback.',
    check: checkApiKeys('order-sync'),
  }),
  lanes: integer({
    env: 'ORDER_SYNC_LANES',
    flag: 'lanes',
    default: 4,
    min: 1,
    max: 64,
    help: 'How many batches are committed side by side.',
  }),
  batchEvents: integer({
    env: 'ORDER_SYNC_BATCH_EVENTS',
    flag: 'batch-events',
    default: 8_000,
    min: 1,
    max: 100_000,
    help: 'The most events of one transaction.',
  }),
  deliver: boolean({
    env: 'ORDER_SYNC_DELIVER',
    flag: 'deliver',
    default: true,
    help: 'Whether this instance sends what is due.',
  }),
  maxRecordBytes: integer({
    env: 'ORDER_SYNC_MAX_RECORD_BYTES',
    flag: 'max-record-bytes',
    default: 1_048_576,
    min: 1_024,
    // The journal's column holds 16 MiB; quarantine and packets need some room beside the body.
    max: 8_388_608,
    help: 'A larger record is quarantined by its hash and its first bytes.',
  }),
  acceptsMissingKeys: boolean({
    env: 'ORDER_SYNC_ACCEPT_MISSING_KEYS',
    flag: 'accept-missing-keys',
    default: false,
    help: 'Whether records without a key are events all the same, instead of quarantined.',
  }),
  cacheEvents: integer({
    env: 'ORDER_SYNC_CACHE_EVENTS',
    flag: 'cache-events',
    default: 200_000,
    min: 0,
    max: 10_000_000,
    help: 'How many journaled events of recent orders are kept in memory.',
  }),
  sessionTimeoutMs: duration({
    env: 'ORDER_SYNC_SESSION_TIMEOUT_MS',
    flag: 'session-timeout-ms',
    default: 10_000,
    min: 1_000,
    max: 300_000,
    help: 'After this silence an instance loses its partitions to the others.',
  }),
  partitions: integer({
    env: 'ORDER_SYNC_PARTITIONS',
    flag: 'partitions',
    default: 4,
    min: 1,
    max: 1_000,
    help: 'Partitions of the topics that are made on the embedded log.',
  }),
  deliveryConcurrency: integer({
    env: 'ORDER_SYNC_DELIVERY_CONCURRENCY',
    flag: 'delivery-concurrency',
    default: 512,
    min: 1,
    max: 4_096,
    help: 'The most requests under way at once; without slow ones half of them, and 64 at first.',
  }),
  deliveryRatePerSecond: integer({
    env: 'ORDER_SYNC_DELIVERY_RATE_PER_SECOND',
    flag: 'delivery-rate-per-second',
    default: 0,
    min: 0,
    max: 1_000_000,
    help: 'The most states that are sent in a second; 0 for no limit.',
  }),
  deliveryDeadlineMs: duration({
    env: 'ORDER_SYNC_DELIVERY_DEADLINE_MS',
    flag: 'delivery-deadline-ms',
    default: 15_000,
    min: 100,
    max: 300_000,
    help: 'How long one attempt may take in all.',
  }),
  deliveryMaxAttempts: integer({
    env: 'ORDER_SYNC_DELIVERY_MAX_ATTEMPTS',
    flag: 'delivery-max-attempts',
    default: 24,
    min: 1,
    max: 1_000,
    help: 'After this many failed attempts a delivery is dead; trouble of the whole target is not counted.',
  }),
  deliveryBackoffBaseMs: duration({
    env: 'ORDER_SYNC_DELIVERY_BACKOFF_BASE_MS',
    flag: 'delivery-backoff-base-ms',
    default: 5_000,
    min: 1,
    max: 3_600_000,
    help: 'Limit of the wait after the first failed attempt; it doubles with each.',
  }),
  deliveryBackoffCapMs: duration({
    env: 'ORDER_SYNC_DELIVERY_BACKOFF_CAP_MS',
    flag: 'delivery-backoff-cap-ms',
    default: 21_600_000,
    min: 1,
    max: 86_400_000,
    help: 'The longest wait between two attempts.',
  }),
  redriveRate: integer({
    env: 'ORDER_SYNC_REDRIVE_RATE',
    flag: 'redrive-rate',
    default: 500,
    min: 1,
    max: 100_000,
    help: 'How many deliveries a redrive job, or a sweep, makes due again a second.',
  }),
  reconcileEveryMs: duration({
    env: 'ORDER_SYNC_RECONCILE_EVERY_MS',
    flag: 'reconcile-every-ms',
    default: 3_600_000,
    min: 0,
    max: 604_800_000,
    help: 'How often each target is compared with what was delivered to it, and healed; 0 for never.',
  }),
} as const satisfies SettingTable;

export const ORDER_MGT_SETTINGS = {
  ...databaseSettings('ORDER_MGT_DATABASE', 'order-mgt.sqlite', 'Database of the orders that were received.'),
  batchMax: integer({
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

/** The settings of each program, without the common ones. */
export const PROGRAM_SETTINGS = {
  'event-producer': EVENT_PRODUCER_SETTINGS,
  'order-sync': ORDER_SYNC_SETTINGS,
  'order-mgt': ORDER_MGT_SETTINGS,
  tributary: START_SETTINGS,
} as const satisfies Readonly<Record<string, SettingTable>>;

export type ProgramName = keyof typeof PROGRAM_SETTINGS;

/** What every program has; `openEventLog` and the logger take this. */
export type CommonSettings = ValuesOf<typeof COMMON_SETTINGS>;

/** All values of one program: the common ones and its own. */
export type SettingsOf<Program extends ProgramName> = CommonSettings &
  ValuesOf<(typeof PROGRAM_SETTINGS)[Program]>;

/** A variable whose name starts so is ours, and has to be known. */
export const OWN_PREFIXES = [
  'ORDER_SYNC_',
  'ORDER_MGT_',
  'EVENT_PRODUCER_',
  'TRIBUTARY_',
  'KAFKA_',
  // A misspelt one of these must not end in a connection without TLS.
  'DATABASE_TLS',
  'DATABASE_TSL',
  'DATABASE_SSL',
] as const;

/** Names with our prefixes that belong to Kafka's own start scripts and may be in the same environment. */
export const FOREIGN_VARIABLES: readonly string[] = [
  'KAFKA_HOME',
  'KAFKA_OPTS',
  'KAFKA_HEAP_OPTS',
  'KAFKA_JVM_PERFORMANCE_OPTS',
  'KAFKA_GC_LOG_OPTS',
  'KAFKA_LOG4J_OPTS',
  'KAFKA_JMX_OPTS',
  'KAFKA_DEBUG',
];
