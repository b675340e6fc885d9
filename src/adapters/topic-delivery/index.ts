/**
 * A delivery target that is a compacted topic of either event log. `record.ts` and `append-spans.ts` have no twin: they make and
 * trace the record of a state, where the HTTP target makes and traces a request.
 */

export type { TopicTargetOptions } from './options.ts';
export { openTopicTarget } from './target.ts';
