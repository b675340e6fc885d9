/**
 * A delivery target that takes signed POSTs. Files that the topic target has too do the same there. These have no twin,
 * because appending to a topic is one call of a producer:
 *
 * - A request has a connection, a deadline and an answer: `connections.ts`, `connection-limit.ts`, `under-way.ts`,
 *   `attempt.ts`, `answer.ts`, `retry-after.ts`, `fault.ts`, `advice.ts`, `reading.ts`, `traceparent.ts`, `request-spans.ts`.
 * - It is signed, authorized and sent on a way of its own: `sender.ts`, `reach.ts`, `authorization.ts`, `oauth.ts`,
 *   `way.ts`, `tls-files.ts`, `own-certificate.ts`, `url.ts`. Its body may be another than the contract's: `body.ts`.
 * - A target may announce that it takes several states in one request: `delivery-batch.ts`, `delivery-batch-offer.ts`.
 * - A target may tell which states it holds: `holdings.ts`, `holdings-answers.ts`.
 */

export { locationIn, wantedScheme } from './advice.ts';
export { type Answered, answeredDelivery, answerText, firstOf } from './answer.ts';
export { type Body, type BodyOptions, bodyMaker, type CloudEventOptions } from './body.ts';
export {
  CERTIFICATE_MEANINGS,
  CertificateFault,
  codeOf,
  describeFault,
  isInvalidCertificate,
  isOfProxy,
  isUnknownAuthority,
  proxyLogin,
} from './fault.ts';
export { type HttpHoldingsOptions, openHttpHoldings } from './holdings.ts';
export { type OAuthClient, TokenFault } from './oauth.ts';
export type { HttpTargetOptions, ReachOptions, SettingNames } from './options.ts';
export { type Reach, reach } from './reach.ts';
export { retryAfterMs } from './retry-after.ts';
export { openHttpTarget } from './target.ts';
export { asksForCertificate } from './way.ts';
