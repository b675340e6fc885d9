export { type Answered, answeredDelivery, answerText } from './answer.ts';
export { codeOf, describeFault } from './fault.ts';
export { type HttpHoldingsOptions, openHttpHoldings } from './holdings.ts';
export type { HttpTargetOptions } from './options.ts';
export { openHttpTarget } from './target.ts';
