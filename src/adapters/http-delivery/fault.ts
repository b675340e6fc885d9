/**
 * Describes a failed request in one sentence. It explains known codes, and names only `place` (scheme, host and port):
 * messages of libraries may quote addresses that contain secrets.
 */
export function describeFault(error: unknown, place: string): string {
  const code = codeOf(error);
  const meaning = MEANINGS[code.startsWith('HPE_') ? 'HTTPParserError' : code];
  if (meaning !== undefined) return `${place}: ${meaning} (${code}).`;
  return `${place}: the request failed (${code}).`;
}

/** The code of an error, or of the first of its causes that has a code. */
export function codeOf(error: unknown): string {
  let current = error;
  // A host with several IP addresses fails with one error that contains one error for each address.
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    const { code } = current as { code?: unknown };
    if (typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code)) return code;
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return error instanceof Error && /^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'unknown error';
}

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
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the target's certificate is signed by an unknown authority; give its file in the settings",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the target's certificate is signed by an unknown authority; give its file in the settings",
  ERR_TLS_CERT_ALTNAME_INVALID: "the target's certificate is for another host name",
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; correct the scheme of the target URL',
  EPROTO: 'TLS could not be agreed on',
};
