/**
 * A delivery target that is a compacted topic of either event log. `record.ts` has no twin: it makes the record of a state,
 * where the HTTP target makes a request.
 */

export type { TopicTargetOptions } from './options.ts';
export { openTopicTarget } from './target.ts';
