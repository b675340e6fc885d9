import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { answerText, firstOf } from './answer.ts';
import { CERTIFICATE_MEANINGS, isOfProxy, isUnknownAuthority } from './fault.ts';
import type { SettingNames } from './options.ts';
import { httpDateMs } from './retry-after.ts';

/** A smaller difference says nothing: the answer was under way for a while, and `Date` has whole seconds. */
const CLOCKS_APART_SECONDS = 30;
const LOCATION_CHARACTERS_MAX = 200;

/** An answer with another status than 2xx. */
interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The first bytes of its body, as text. */
  readonly text: string;
}

/**
 * Describes an answer in one sentence. It repeats only the code of a problem document, because the rest of the answer
 * may quote the state.
 */
export function describeAnswer(place: string, { status, headers, text }: Answer, nowMs: number): string {
  const name = STATUS_CODES[status];
  const code = problemCodeIn(text);
  const parts = [`${place} answered ${name === undefined ? status : `${status} ${name}`}`];
  if (code !== null) parts.push(` (${code})`);
  if (status >= 300 && status < 400) {
    const location = locationIn(headers);
    parts.push(location === null ? '' : ` to ${location}`, '; redirects are not followed');
  }
  if (status === 401) parts.push(clocksIn(headers, nowMs));
  return `${parts.join('')}.`;
}

/**
 * Which setting a person should look at after such an answer, in one sentence; null if no setting of ours can help. `scheme`:
 * the scheme of authorization that the answer wants, if it names one.
 */
export function adviceOn(
  status: number | null,
  { url, secret, apiKey, headers, oauth, proxy }: SettingNames,
  scheme: string | null = null,
): string | null {
  switch (status) {
    case 401:
    case 403:
      if (scheme === 'bearer') return `It wants a bearer token: look at ${apiKey}, or at ${oauth}.`;
      if (scheme === 'basic') return `It wants a user and a password: write them into ${url}.`;
      if (scheme !== null) return `It wants authorization by ${scheme}: look at ${headers}.`;
      return `Look at ${secret}, at the user and the password in ${url}, at ${apiKey}, and at both clocks.`;
    case 404:
    case 405:
      return `Look at the path of ${url}.`;
    case 407:
      return `A proxy in between wants a user and a password, or others: look at the URL of the proxy, ${proxy}.`;
    case 413:
      return 'Look at the body limits of the target and of its proxies, and at how many states it takes in a delivery batch.';
    default:
      return status !== null && status >= 300 && status < 400 ? `Set ${url} to where the target is.` : null;
  }
}

/** The same after a request without an answer, by the code of its error. */
export function adviceOnFault(code: string, { url, caFile, certFile, proxy }: SettingNames): string | null {
  if (isUnknownAuthority(code)) return `Look at ${caFile}.`;
  if (Object.hasOwn(CERTIFICATE_MEANINGS, code)) return `Look at ${certFile}.`;
  if (code === 'PROXY_WANTS_LOGIN')
    return `Look at the user and the password in the URL of the proxy: ${proxy}.`;
  if (isOfProxy(code)) return `Look at ${proxy}.`;
  return WRONG_PLACE.has(code) || code.startsWith('HPE_') ? `Look at ${url}.` : null;
}

/** A wrong host, port or scheme is a likely cause of these. */
const WRONG_PLACE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
  'HTTPParserError',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'EPROTO',
]);

/**
 * The scheme of authorization that an answer wants, in small letters; null if it names none. If it names several, the one
 * that order-sync can do counts. Source: RFC 9110, 11.6.1.
 */
export function wantedScheme(headers: IncomingHttpHeaders): string | null {
  const wanted = headers['www-authenticate'];
  if (wanted === undefined) return null;
  const challenges = Array.isArray(wanted) ? (wanted as readonly string[]) : [wanted];
  const schemes = challenges.flatMap((challenge) =>
    [...challenge.matchAll(/(?:^|,)\s*([a-z][a-z0-9-]{0,31})(?=\s+[^=\s,]|\s*$|\s*,)/gi)].map(
      ([, scheme = '']) => scheme.toLowerCase(),
    ),
  );
  return ['bearer', 'basic'].find((known) => schemes.includes(known)) ?? schemes[0] ?? null;
}

/** The member `code` of a problem document. Source: RFC 9457, 3.2. */
function problemCodeIn(text: string): string | null {
  return /"code"\s*:\s*"([a-z][a-z0-9_]{0,63})"/.exec(text)?.[1] ?? null;
}

/** The header `Location` without user, password, query and fragment, which may contain secrets; null if there is none. */
export function locationIn(headers: IncomingHttpHeaders): string | null {
  const location = firstOf(headers.location);
  if (location === undefined) return null;
  const bare = location.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/?#]*@/i, '$1//').replace(/[?#].*$/s, '');
  return answerText(Buffer.from(bare.slice(0, LOCATION_CHARACTERS_MAX)));
}

function clocksIn(headers: IncomingHttpHeaders, nowMs: number): string {
  const date = firstOf(headers.date);
  const theirMs = date === undefined ? null : httpDateMs(date, nowMs);
  if (theirMs === null) return '';
  const seconds = Math.round((nowMs - theirMs) / 1_000);
  if (Math.abs(seconds) < CLOCKS_APART_SECONDS) return '';
  const where = seconds > 0 ? 'ahead of' : 'behind';
  return `; this machine's clock is ${Math.abs(seconds)} s ${where} the target's`;
}
