import { choice, type SettingTable, text, type ValuesOf } from '../kinds.ts';
import { KAFKA_SETTINGS } from './kafka.ts';

/** The settings that every program has. */
export const COMMON_SETTINGS = {
  config: text({
    env: 'TRIBUTARY_CONFIG',
    flag: 'config',
    help: 'JSON file of settings: one object whose names are these variables.',
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
    help: 'The lowest level of the log lines that are written: trace, debug, info, warn, error, fatal or silent.',
  }),
  noColor: text({ env: 'NO_COLOR', help: 'Any value turns colours off.' }),
  forceColor: text({
    env: 'FORCE_COLOR',
    help: 'Any value but 0 turns colours on, also without a terminal.',
  }),
} as const satisfies SettingTable;

/** The values that every program has. */
export type CommonSettings = ValuesOf<typeof COMMON_SETTINGS>;
