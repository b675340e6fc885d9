import { STATUS_CODES } from 'node:http';
import { answerText } from './answer.ts';

/** A connection that the proxy in between did not make. The message says why, as the end of a sentence. */
export class ProxyFault extends Error {
  readonly code: 'PROXY_UNREACHABLE' | 'PROXY_WANTS_LOGIN' | 'PROXY_REFUSED';

  private constructor(code: ProxyFault['code'], message: string) {
    super(message);
    this.code = code;
  }

  static unreachable(origin: string, code: string): ProxyFault {
    const what = code.startsWith('HPE_') ? 'does not answer in HTTP' : 'cannot be reached';
    return new ProxyFault('PROXY_UNREACHABLE', `the proxy ${origin} ${what} (${code})`);
  }

  /** The proxy answered CONNECT with this status. `hasLogin`: whether it was sent a user and a password. */
  static refused(origin: string, status: number, hasLogin: boolean): ProxyFault {
    const answer = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
    const login = status === 407 ? `, ${proxyLogin(hasLogin)}` : '';
    return new ProxyFault(
      status === 407 ? 'PROXY_WANTS_LOGIN' : 'PROXY_REFUSED',
      `the proxy ${origin} made no way there: it answered CONNECT with ${answer}${login}`,
    );
  }
}

/** What 407 says of a proxy that was sent a user and a password, or none. */
export function proxyLogin(hasLogin: boolean): string {
  return hasLogin
    ? 'so it does not take the user and the password in its URL'
    : 'so it wants a user and a password in its URL';
}

/** The target did not take our certificate, or none. The message says so, as the end of a sentence. */
export class CertificateFault extends Error {
  readonly code: 'CERTIFICATE_WANTED' | 'CERTIFICATE_REFUSED';

  /** `shown`: describes the certificate that the target was shown; null if it was shown none. */
  constructor(shown: string | null, cause: Error) {
    const code = codeOf(cause);
    const what = isCut(code) ? 'it cut the connection, perhaps because it does' : 'it does';
    const refused = `${what} not take the certificate that it was shown: ${shown} (${code})`;
    super(shown === null ? WANTED : refused, { cause });
    this.code = shown === null ? 'CERTIFICATE_WANTED' : 'CERTIFICATE_REFUSED';
  }
}

/**
 * Describes a failed request in one sentence. It explains known codes, and names only `place` (scheme, host and port):
 * messages of libraries may quote addresses that contain secrets. `what` is asked.
 */
export function describeFault(error: unknown, place: string, what = 'target'): string {
  const worded = wordedFaultIn(error);
  if (worded !== null) return `${place}: ${worded.message}.`;
  const code = codeOf(error);
  const meaning = MEANINGS[code.startsWith('HPE_') ? 'HTTPParserError' : code]?.replaceAll('target', what);
  if (meaning !== undefined) return `${place}: ${meaning}${namesIn(error)} (${code}).`;
  return `${place}: the request failed (${code}).`;
}

/** The code of an error, or of the first of its causes that has a code. */
export function codeOf(error: unknown): string {
  let current = error;
  // A host with several IP addresses fails with one error that contains one error for each address.
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    const { code } = current as { code?: unknown };
    if (typeof code === 'string' && /^[A-Z0-9_/]{1,64}$/.test(code)) return code;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return error instanceof Error && /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'unknown error';
}

/** The names that a certificate has, if it lacks the one of the URL: they show whose server answers there. */
function namesIn(error: unknown): string {
  const { code, cert } = Object(error) as { code?: unknown; cert?: { subjectaltname?: unknown } };
  const names = cert?.subjectaltname;
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID' || typeof names !== 'string') return '';
  return `: ${answerText(Buffer.from(names.slice(0, 200)))}`;
}

function wordedFaultIn(error: unknown): ProxyFault | CertificateFault | null {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if (current instanceof ProxyFault || current instanceof CertificateFault) return current;
    current = current.cause;
  }
  return null;
}

/** Whether the code says that no known authority has signed the certificate. */
export function isUnknownAuthority(code: string): boolean {
  return UNKNOWN_AUTHORITY.has(code);
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Whether the code says that the target's certificate does not count, though a known authority has signed it. */
export function isInvalidCertificate(code: string): boolean {
  return INVALID_CERTIFICATE.has(code);
}

const INVALID_CERTIFICATE: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Whether the code says that the other end has closed the socket. */
export function isCut(code: string): boolean {
  return CUT_CODES.has(code);
}

const CUT_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** Whether the code is that of a `ProxyFault`. */
export function isOfProxy(code: string): boolean {
  return code.startsWith('PROXY_');
}

const WANTED = 'it wants a certificate of its clients; give one that it knows, with its key, in the settings';
const REFUSED =
  'it refuses the certificate that it was shown; give one that it knows, with its key, in the settings';

/** Codes by which the target says that it wants another certificate of ours, or one at all. */
export const CERTIFICATE_MEANINGS: Readonly<Record<string, string>> = {
  CERTIFICATE_WANTED: WANTED,
  CERTIFICATE_REFUSED: REFUSED,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTED,
  // With TLS 1.2, a missing certificate ends the handshake. Other causes are rare.
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': `TLS could not be agreed on, perhaps because ${WANTED}`,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: `TLS could not be agreed on, perhaps because ${WANTED}`,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: REFUSED,
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': REFUSED,
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED': REFUSED,
  'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN': REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: REFUSED,
};

const UNKNOWN_ISSUER =
  "the target's certificate is signed by an unknown authority, or the target does not send the certificates between; give the authority's file in the settings";

const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; start the target or correct the target URL',
  ECONNRESET: 'the connection was cut before the answer was complete',
  EPIPE: 'the connection was cut while the request was being sent',
  ETIMEDOUT: 'the network did not answer in time',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ENOTFOUND: 'the host name is not known; correct the target URL',
  EAI_AGAIN: 'the host name could not be looked up just now',
  UND_ERR_CONNECT_TIMEOUT: 'no connection could be made in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half way',
  UND_ERR_SOCKET: 'the connection was closed before the answer was complete',
  HTTPParserError: 'it did not answer in HTTP',
  UND_ERR_HEADERS_OVERFLOW: "the answer's headers are too large",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer is shorter or longer than it said',
  CERT_HAS_EXPIRED: "the target's certificate has expired",
  CERT_NOT_YET_VALID: "the target's certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the target's certificate is self-signed; give its authority's file in the settings",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the target's certificate is signed by an unknown authority; give its file in the settings",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_ISSUER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_ISSUER,
  ERR_TLS_CERT_ALTNAME_INVALID: "the target's certificate is for another host name",
  ...CERTIFICATE_MEANINGS,
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; correct the scheme of the target URL',
  EPROTO: 'TLS could not be agreed on',
};
