export type { KafkaLogin } from './cluster/login.ts';
export { tokenFromEndpoint, tokenFromFile } from './cluster/oauth-token.ts';
export { openKafkaLog } from './event-log.ts';
export type { KafkaLogOptions } from './options.ts';
