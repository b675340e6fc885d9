export type { KafkaTargetOptions } from './options.ts';
export { openKafkaTarget } from './target.ts';
