export { openKafkaLog } from './event-log.ts';
export type { KafkaLogin } from './login.ts';
export { tokenFromEndpoint, tokenFromFile } from './oauth-token.ts';
export type { KafkaLogOptions } from './options.ts';
