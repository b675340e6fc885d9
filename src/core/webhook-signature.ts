import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import { TributaryError } from './errors.ts';

/**
 * Signatures of webhooks, for senders and receivers.
 *
 * HMAC-SHA-256 signs the text `id.timestamp.body`. While a secret is being replaced, the sender signs with the old and the
 * new one, and the receiver accepts either. Source: Standard Webhooks 1.0.0, "Signature scheme".
 */

/** A decoded secret. Printing it does not show it. */
export type SigningKey = KeyObject;

/** The values of the three headers; undefined for a missing header. */
export interface SignatureHeaders {
  readonly id: string | undefined;
  /** Unix seconds. */
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
}

export type SignatureVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: SignatureFault; readonly detail: string };

export type SignatureFault =
  | 'signature_missing'
  | 'timestamp_invalid'
  | 'timestamp_outside_tolerance'
  | 'signature_invalid';

/** The most seconds between a timestamp and the receiver's clock, in either direction. */
export const TOLERANCE_SECONDS = 5 * 60;

const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
/** The most signatures that are compared. A sender that replaces a secret has two. */
const SIGNATURES_MAX = 10;

/**
 * Decodes the secrets of a setting: `whsec_` and base64 of 24 to 64 bytes. While a secret is being replaced, there are
 * several between blanks. Throws `setting_invalid`, which names a wrong secret by `where` and its number, and does not
 * quote it.
 */
export function parseSigningKeys(secrets: string | readonly string[], where: string): SigningKey[] {
  const list = (typeof secrets === 'string' ? [secrets] : secrets).flatMap((item) => item.split(/\s+/));
  return list
    .filter((secret) => secret !== '')
    .map((secret, index, all) =>
      parseSigningKey(secret, all.length === 1 ? where : `${where} (no. ${index + 1})`),
    );
}

function parseSigningKey(secret: string, where: string): SigningKey {
  const remedy =
    'give whsec_ and the base64 of 24 to 64 random bytes; make one by: echo "whsec_$(openssl rand -base64 32)"';
  const match = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret);
  if (match === null) {
    throw new TributaryError('setting_invalid', `${where} is not a signing secret: ${remedy}.`);
  }
  const bytes = Buffer.from(match[1] ?? '', 'base64');
  if (bytes.length < SECRET_BYTES_MIN || bytes.length > SECRET_BYTES_MAX) {
    throw new TributaryError('setting_invalid', `${where} holds ${bytes.length} bytes: ${remedy}.`);
  }
  return createSecretKey(bytes);
}

/** Makes the header `webhook-signature`: one signature for each key, in their sequence. */
export function sign(
  keys: readonly SigningKey[],
  id: string,
  timestampSeconds: number,
  body: string | Uint8Array,
): string {
  return keys.map((key) => `v1,${quickDigest(key, `${id}.${timestampSeconds}.`, body)}`).join(' ');
}

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

/** The first blocks of the two hashes of an HMAC. The outer one has room for the result of the inner one. */
interface Pads {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

const padsOf = new WeakMap<SigningKey, Pads>();

/**
 * Computes the same as `digest`, in base64, by two single calls of a hash. Every delivery is signed, and a new Hmac object
 * for each takes several times as long. Source: RFC 2104, 2.
 */
function quickDigest(key: SigningKey, start: string, body: string | Uint8Array): string {
  let pads = padsOf.get(key);
  if (pads === undefined) {
    pads = makePads(key);
    padsOf.set(key, pads);
  }
  const bytes = Buffer.concat([
    pads.inner,
    Buffer.from(start),
    typeof body === 'string' ? Buffer.from(body) : body,
  ]);
  hash('sha256', bytes, 'buffer').copy(pads.outer, BLOCK_BYTES);
  return hash('sha256', pads.outer, 'base64');
}

/** A key has at most 64 bytes, so it is not hashed first. */
function makePads(key: SigningKey): Pads {
  const bytes = key.export();
  const inner = Buffer.alloc(BLOCK_BYTES, 0x36);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);
  for (const [index, byte] of bytes.entries()) {
    inner.writeUInt8(byte ^ 0x36, index);
    outer.writeUInt8(byte ^ 0x5c, index);
  }
  return { inner, outer };
}

/** Whether one of the keys signed this body with this id, at a time that is near enough. Needs the bytes as received. */
export function verify(
  keys: readonly SigningKey[],
  headers: SignatureHeaders,
  body: string | Uint8Array,
  nowMs: number,
): SignatureVerdict {
  const { id, timestamp, signature } = headers;
  if (!id || !timestamp || !signature) {
    const missing = !id ? 'webhook-id' : !timestamp ? 'webhook-timestamp' : 'webhook-signature';
    return refuse('signature_missing', `The header ${missing} is missing; every request has to be signed.`);
  }
  if (!/^\d{1,12}$/.test(timestamp)) {
    return refuse('timestamp_invalid', 'The header webhook-timestamp has to hold Unix seconds.');
  }
  const ageSeconds = Math.floor(nowMs / 1_000) - Number(timestamp);
  if (Math.abs(ageSeconds) > TOLERANCE_SECONDS) {
    const where = ageSeconds > 0 ? 'behind' : 'ahead of';
    return refuse(
      'timestamp_outside_tolerance',
      `The webhook-timestamp is ${Math.abs(ageSeconds)} s ${where} the clock here, which says ` +
        `${new Date(nowMs).toISOString()}; at most ${TOLERANCE_SECONDS} s are accepted. If the request is new, one of ` +
        'the two clocks is wrong.',
    );
  }
  return isSignedBy(keys, { id, timestamp, signature }, body)
    ? { ok: true }
    : refuse('signature_invalid', 'No signature in webhook-signature fits the body and a secret known here.');
}

function isSignedBy(
  keys: readonly SigningKey[],
  headers: { readonly id: string; readonly timestamp: string; readonly signature: string },
  body: string | Uint8Array,
): boolean {
  const given = headers.signature
    .split(' ', SIGNATURES_MAX)
    .filter((item) => item.startsWith('v1,'))
    .map((item) => Buffer.from(item.slice(3), 'base64'));
  // Compares every pair, each in constant time, so that the time does not tell how near a wrong signature is.
  let isFound = false;
  for (const key of keys) {
    const expected = digest(key, headers.id, headers.timestamp, body);
    for (const candidate of given) {
      if (candidate.length === expected.length && timingSafeEqual(candidate, expected)) isFound = true;
    }
  }
  return isFound;
}

function digest(key: SigningKey, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

function refuse(reason: SignatureFault, detail: string): SignatureVerdict {
  return { ok: false, reason, detail };
}
