export { type HttpHoldingsOptions, openHttpHoldings } from './holdings.ts';
export type { HttpTargetOptions } from './options.ts';
export { openHttpTarget } from './target.ts';
