export { openHttpTarget } from './http-target.ts';
export type { HttpTargetOptions } from './options.ts';
