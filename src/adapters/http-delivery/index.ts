export type { HttpTargetOptions } from './options.ts';
export { openHttpTarget } from './target.ts';
