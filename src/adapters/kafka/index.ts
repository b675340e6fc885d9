export { openKafkaLog } from './event-log.ts';
export type { KafkaLogOptions } from './options.ts';
