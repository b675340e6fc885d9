export { type EmbeddedLog, openEmbeddedLog } from './event-log.ts';
export type { EmbeddedLogLogger, EmbeddedLogOptions } from './options.ts';
