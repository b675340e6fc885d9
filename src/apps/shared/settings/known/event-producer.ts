import { integer, type SettingTable, text } from '../kinds.ts';
import { SOURCE_SETTINGS } from './source.ts';

/** The settings of event-producer alone. */
export const EVENT_PRODUCER_SETTINGS = {
  source: text({
    env: 'EVENT_PRODUCER_SOURCE',
    flag: 'source',
    default: '/tributary/event-producer',
    help: 'The source that the events name (ce_source).',
  }),
  partitions: integer({
    env: 'EVENT_PRODUCER_PARTITIONS',
    flag: 'partitions',
    default: 4,
    min: 1,
    max: 1_000,
    help: 'The number of partitions of the topics that the program makes.',
  }),
  batchEvents: integer({
    env: 'EVENT_PRODUCER_BATCH_EVENTS',
    flag: 'batch-events',
    default: 4_000,
    min: 1,
    max: 100_000,
    help: 'The most events that are appended to the log in one request.',
  }),
  ...SOURCE_SETTINGS,
} as const satisfies SettingTable;
