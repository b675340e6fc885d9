export type { TopicTargetOptions } from './options.ts';
export { openTopicTarget } from './target.ts';
