export { type EmbeddedLog, openEmbeddedLog } from './event-log.ts';
export type { EmbeddedLogOptions } from './options.ts';
