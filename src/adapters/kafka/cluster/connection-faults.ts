import { isIP } from 'node:net';
import { ResponseError } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import { explain, protocolErrorOf, responseOf } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';

/** The address to connect to, and its origin. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** The number of the broker for which the cluster itself names this address. Null for an address of KAFKA_BROKERS. */
  readonly advertisedAs: number | null;
}

/** Says why there is no connection, and which setting to correct. */
export function connectionFault(
  destination: Destination,
  error: unknown,
  options: ResolvedOptions,
): TributaryError {
  const { host, port, advertisedAs } = destination;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const remedy = remedyOf(destination, error, options);
  // A refused login comes from the broker itself. Every other error may come from a wrong address.
  const isAddress = advertisedAs !== null && !isRefusedLogin(error) && !options.brokers.includes(place);
  const origin = isAddress
    ? ` This address comes from the cluster: the brokers at KAFKA_BROKERS (${options.brokers.join(', ')}) name it for broker ` +
      `${advertisedAs}. If it is wrong, or cannot be reached from here, correct advertised.listeners of that broker.`
    : '';
  return new TributaryError(
    'log_unreachable',
    `No connection to Kafka at ${place}: ${sentence(reasonOf(error))}${origin}${remedy === '' ? '' : ` ${remedy}`}`,
    { cause: error },
  );
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The innermost cause. The errors around it only repeat the address. */
function reasonOf(error: unknown): string {
  const ours = findCause(error, (cause) => cause instanceof TributaryError);
  if (ours !== undefined) return (ours as Error).message;
  const code = codeOf(error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host name is not known (${code})`;
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)';
  if (isRefusedLogin(error)) return `the login is refused (${explainLast(error)})`;
  return explainLast(error);
}

function explainLast(error: unknown): string {
  const causes = causesOf(error);
  const last = causes.findLast((cause) => cause instanceof Error && cause.message !== '') as
    | Error
    | undefined;
  return last === undefined ? explain(error) : last.message;
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

function remedyOf(destination: Destination, error: unknown, options: ResolvedOptions): string {
  const { tls, login } = options;
  const code = codeOf(error) ?? '';
  const text = `${explain(error)} ${explainLast(error)}`;
  if (findCause(error, (cause) => cause instanceof TributaryError) !== undefined) return '';
  if (tls !== undefined) {
    if (UNKNOWN_AUTHORITY.has(code)) {
      return tls.ca === undefined
        ? "The broker's certificate is not signed by an authority that this system knows: set KAFKA_TLS_CA_FILE to the PEM file of the authority that signed it."
        : "The broker's certificate is not signed by an authority in the file that KAFKA_TLS_CA_FILE names: name the PEM file of the authority that signed it.";
    }
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      return `The broker's certificate is for other names: name the broker in KAFKA_BROKERS (and in its advertised.listeners) as its certificate does${isIP(destination.host) === 0 ? '' : ', which is mostly not by an IP address'}, or issue a certificate for ${destination.host}.`;
    }
    if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
      return "The broker's certificate is not valid now: renew it, and check the clocks of both machines.";
    }
    if (
      /ALERT_CERTIFICATE_REQUIRED|certificate required|ALERT_HANDSHAKE_FAILURE|BAD_CERTIFICATE/i.test(
        `${code} ${text}`,
      )
    ) {
      return tls.cert === undefined
        ? 'The broker wants a certificate of this client: name it by KAFKA_TLS_CERT_FILE and its key by KAFKA_TLS_KEY_FILE.'
        : 'The broker does not accept the certificate in the file that KAFKA_TLS_CERT_FILE names: use one that has not expired, signed by an authority in the truststore of the broker.';
    }
    if (
      /UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|UNSUPPORTED_CERTIFICATE/i.test(
        code,
      )
    ) {
      return 'The broker does not accept the certificate in the file that KAFKA_TLS_CERT_FILE names: use one that has not expired, signed by an authority in the truststore of the broker.';
    }
    if (
      /does not support TLS|supports TLS|WRONG_VERSION_NUMBER|before secure TLS|packet length too long/i.test(
        `${code} ${text}`,
      )
    ) {
      return 'The broker does not speak TLS on this port, or only versions of TLS that are not accepted here: name its TLS port in KAFKA_BROKERS. With KAFKA_TLS=true nothing is sent without TLS.';
    }
  }
  if (tls === undefined && /Broker requires TLS/.test(text)) {
    return 'The broker speaks TLS on this port: set KAFKA_TLS=true.';
  }
  const offered = responseOf<{ mechanisms?: readonly string[] }>(saslAnswerOf(error))?.mechanisms;
  if (protocolErrorOf(saslAnswerOf(error)) === 'UNSUPPORTED_SASL_MECHANISM') {
    const which = offered === undefined || offered.length === 0 ? '' : `: it accepts ${offered.join(', ')}`;
    return `The broker does not accept the login by ${login?.mechanism}${which}. Correct KAFKA_SASL_MECHANISM.`;
  }
  if (isRefusedLogin(error)) {
    return login?.mechanism === 'OAUTHBEARER'
      ? 'Correct the token (KAFKA_SASL_OAUTH_TOKEN_FILE), or the client that KAFKA_SASL_OAUTH_CLIENT_ID names.'
      : 'Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or KAFKA_SASL_MECHANISM: a broker may know a user by another mechanism only.';
  }
  return '';
}

/**
 * Says what it mostly means that a broker closes a connection before it answers anything. The broker itself gives no
 * reason, for instance for a missing login.
 */
export function closedFault(
  { host, port }: Pick<Destination, 'host' | 'port'>,
  error: unknown,
  { tls, login }: ResolvedOptions,
): TributaryError {
  const missing = [
    ...(login === undefined ? ['a login (set KAFKA_SASL_MECHANISM and the settings that it needs)'] : []),
    ...(tls === undefined ? ['TLS (set KAFKA_TLS=true)'] : []),
    ...(tls !== undefined && tls.cert === undefined
      ? ['a certificate of this client (set KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE)']
      : []),
  ];
  const remedy =
    missing.length === 0
      ? "The broker's own log says why."
      : `A broker does so without an answer if it requires ${missing.join(', or ')}. The broker's own log says why.`;
  return new TributaryError(
    'log_unreachable',
    `Kafka at ${host}:${port} closed the connection before it answered anything (${explainLast(error)}). ${remedy}`,
    { cause: error },
  );
}

function isRefusedLogin(error: unknown): boolean {
  const answer = protocolErrorOf(saslAnswerOf(error));
  return answer === 'SASL_AUTHENTICATION_FAILED' || answer === 'ILLEGAL_SASL_STATE';
}

function saslAnswerOf(error: unknown): unknown {
  return findCause(error, (cause) => cause instanceof ResponseError);
}

function codeOf(error: unknown): string | undefined {
  const found = findCause(error, (cause) => {
    const { code } = cause as { code?: unknown };
    return typeof code === 'string' && !code.startsWith('PLT_KFK_');
  });
  return (found as { code?: string } | undefined)?.code;
}

function findCause(error: unknown, isWanted: (cause: object) => boolean): unknown {
  return causesOf(error).find((cause) => isWanted(cause));
}

/** The error, its cause, the cause of that, and so on; of an error with several errors the first. At most eight. */
function causesOf(error: unknown): object[] {
  const causes: object[] = [];
  let next: unknown = error;
  while (typeof next === 'object' && next !== null && causes.length < 8) {
    causes.push(next);
    const { cause, errors } = next as { cause?: unknown; errors?: readonly unknown[] };
    next = cause ?? errors?.[0];
  }
  return causes;
}
