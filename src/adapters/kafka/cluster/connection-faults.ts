import { isIP } from 'node:net';
import { ResponseError } from '@platformatic/kafka';
import { TributaryError } from '../../../core/errors.ts';
import { explain, protocolErrorOf, responseOf } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';

/** Where a connection was to lead, and who named the address. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  /** Null for an address of KAFKA_BROKERS; else the number of the broker that the cluster itself names so. */
  readonly advertisedAs: number | null;
}

/** Why there is no connection, with the setting that helps. */
export function connectionFault(
  destination: Destination,
  error: unknown,
  options: ResolvedOptions,
): TributaryError {
  const { host, port, advertisedAs } = destination;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const remedy = remedyOf(destination, error, options);
  // The broker's own refusals concern the login, wherever it listens; all else may come of a wrong address.
  const isAddress = advertisedAs !== null && !isRefusedLogin(error) && !options.brokers.includes(place);
  const origin = isAddress
    ? ` Nobody set this address here: the brokers at KAFKA_BROKERS (${options.brokers.join(', ')}) name it as that of broker ` +
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

/** The innermost cause says it best: what is around it repeats the address. */
function reasonOf(error: unknown): string {
  const ours = findCause(error, (cause) => cause instanceof TributaryError);
  if (ours !== undefined) return (ours as Error).message;
  const code = codeOf(error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name is not known (${code})`;
  if (code === 'ECONNREFUSED') return 'nobody listens there (ECONNREFUSED)';
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
        ? "The broker's certificate is not signed by an authority that this system knows: name the PEM file of the one that signed it by KAFKA_TLS_CA_FILE."
        : "The broker's certificate is not signed by an authority in the file that KAFKA_TLS_CA_FILE names: name the PEM file of the one that signed it.";
    }
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      return `The broker's certificate is for other names: name the broker in KAFKA_BROKERS (and in its advertised.listeners) as its certificate does${isIP(destination.host) === 0 ? '' : ', which is mostly not by an IP address'}, or have one made for ${destination.host}.`;
    }
    if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
      return "The broker's certificate is not valid now: have it renewed, and see that the clocks of both machines are right.";
    }
    if (
      /ALERT_CERTIFICATE_REQUIRED|certificate required|ALERT_HANDSHAKE_FAILURE|BAD_CERTIFICATE/i.test(
        `${code} ${text}`,
      )
    ) {
      return tls.cert === undefined
        ? 'The broker wants a certificate of this client: name it by KAFKA_TLS_CERT_FILE and its key by KAFKA_TLS_KEY_FILE.'
        : 'The broker does not take the certificate in the file that KAFKA_TLS_CERT_FILE names: use one that an authority in its truststore has signed, and that has not expired.';
    }
    if (
      /UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|UNSUPPORTED_CERTIFICATE/i.test(
        code,
      )
    ) {
      return 'The broker does not take the certificate in the file that KAFKA_TLS_CERT_FILE names: use one that an authority in its truststore has signed, and that has not expired.';
    }
    if (
      /does not support TLS|supports TLS|WRONG_VERSION_NUMBER|before secure TLS|packet length too long/i.test(
        `${code} ${text}`,
      )
    ) {
      return 'The broker does not speak TLS on this port, or no version of it that is taken here: name its TLS port in KAFKA_BROKERS. With KAFKA_TLS=true nothing is sent without TLS.';
    }
  }
  if (tls === undefined && /Broker requires TLS/.test(text)) {
    return 'The broker speaks TLS on this port: set KAFKA_TLS=true.';
  }
  const offered = responseOf<{ mechanisms?: readonly string[] }>(saslAnswerOf(error))?.mechanisms;
  if (protocolErrorOf(saslAnswerOf(error)) === 'UNSUPPORTED_SASL_MECHANISM') {
    const which = offered === undefined || offered.length === 0 ? '' : `: it takes ${offered.join(', ')}`;
    return `The broker does not take the login by ${login?.mechanism}${which}. Correct KAFKA_SASL_MECHANISM.`;
  }
  if (isRefusedLogin(error)) {
    return login?.mechanism === 'OAUTHBEARER'
      ? 'Correct the token (KAFKA_SASL_OAUTH_TOKEN_FILE), or the client that KAFKA_SASL_OAUTH_CLIENT_ID names.'
      : 'Correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or KAFKA_SASL_MECHANISM: a user may be known by another mechanism only.';
  }
  return '';
}

/**
 * What is behind a connection that a broker closed before it answered anything. It gives no reason, as for a login that
 * is missing.
 */
export function closedFault(
  { host, port }: Pick<Destination, 'host' | 'port'>,
  error: unknown,
  { tls, login }: ResolvedOptions,
): TributaryError {
  const missing = [
    ...(login === undefined ? ['a login (set KAFKA_SASL_MECHANISM and what belongs to it)'] : []),
    ...(tls === undefined ? ['TLS (set KAFKA_TLS=true)'] : []),
    ...(tls !== undefined && tls.cert === undefined
      ? ['a certificate of this client (set KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE)']
      : []),
  ];
  const remedy =
    missing.length === 0
      ? "The broker's own log says why."
      : `A broker does so, without a word, if it wants ${missing.join(', or ')}; its own log says why.`;
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

/** The error, its cause, that one's cause; of several errors the first. At most eight, in case that they go round. */
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
