import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { answerText } from './answer.ts';
import type { SettingNames } from './options.ts';
import { httpDateMs } from './verdict.ts';

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

/** Which setting a person should look at after such an answer, in one sentence; null if no setting of ours can help. */
export function adviceOn(status: number | null, { url, secret }: SettingNames): string | null {
  switch (status) {
    case 401:
    case 403:
      return `Look at ${secret}, at the user and the password in ${url}, and at both clocks.`;
    case 404:
    case 405:
      return `Look at the path of ${url}.`;
    case 407:
      return `A proxy in between wants credentials: look at the host of ${url}.`;
    case 413:
      return 'Look at the body limits of the target and of its proxies, and at how many states it takes in a delivery batch.';
    default:
      return status !== null && status >= 300 && status < 400 ? `Set ${url} to where the target is.` : null;
  }
}

/** The same after a request without an answer, by the code of its error. */
export function adviceOnFault(code: string, { url, caFile }: SettingNames): string | null {
  if (UNKNOWN_AUTHORITY.has(code)) return `Look at ${caFile}.`;
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

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The member `code` of a problem document. Source: RFC 9457, 3.2. */
function problemCodeIn(text: string): string | null {
  return /"code"\s*:\s*"([a-z][a-z0-9_]{0,63})"/.exec(text)?.[1] ?? null;
}

/** The header `Location` without user, password, query and fragment, which may contain secrets; null if there is none. */
function locationIn({ location }: IncomingHttpHeaders): string | null {
  if (location === undefined) return null;
  const bare = location.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/?#]*@/i, '$1//').replace(/[?#].*$/s, '');
  return answerText(Buffer.from(bare.slice(0, LOCATION_CHARACTERS_MAX)));
}

function clocksIn({ date }: IncomingHttpHeaders, nowMs: number): string {
  const theirMs = date === undefined ? null : httpDateMs(date, nowMs);
  if (theirMs === null) return '';
  const seconds = Math.round((nowMs - theirMs) / 1_000);
  if (Math.abs(seconds) < CLOCKS_APART_SECONDS) return '';
  const where = seconds > 0 ? 'ahead of' : 'behind';
  return `; this machine's clock is ${Math.abs(seconds)} s ${where} the target's`;
}
