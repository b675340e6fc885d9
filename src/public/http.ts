export { type HttpTargetOptions, openHttpTarget } from '../adapters/http-delivery/index.ts';
export {
  parseSigningKeys,
  type SignatureFault,
  type SignatureHeaders,
  type SignatureVerdict,
  type SigningKey,
  sign,
  TOLERANCE_SECONDS,
  verify,
} from '../core/webhook-signature.ts';
