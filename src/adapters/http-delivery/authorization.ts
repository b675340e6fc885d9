import { TributaryError } from '../../core/errors.ts';

/** A header's name and its value. */
export type Header = readonly [name: string, value: string];

/** Headers that order-sync or HTTP itself writes. */
const TAKEN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authorization',
  'te',
  'traceparent',
  'tracestate',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
]);

/** What is wrong with the name of a header of one's own; null if nothing is. Source: RFC 9110, 5.1 and 5.6.2. */
export function headerNameFault(name: string): string | null {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `${JSON.stringify(name)} is no name of a header`;
  if (TAKEN.has(name.toLowerCase())) return `${name} is written by order-sync itself: leave it out`;
  return null;
}

/** Whether a text can be a header's value: visible ASCII, blanks between. Source: RFC 9110, 5.5. */
export function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(value);
}

/**
 * Reads lines of the form `Name: value`. Empty lines count for nothing. Throws an `Error` that names the line by its number,
 * because its value may be a secret.
 */
export function parseHeaders(text: string): Header[] {
  const headers: Header[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim();
    const value = line.slice(colon + 1).trim();
    if (colon === -1)
      throw new Error(`line ${index + 1} has no colon: write "Name: value", one header a line`);
    const fault = headerNameFault(name);
    if (fault !== null) throw new Error(`line ${index + 1}: ${fault}`);
    if (!isHeaderValue(value))
      throw new Error(`line ${index + 1}: the value of ${name} has to be visible ASCII, and not empty`);
    if (headers.some(([other]) => other.toLowerCase() === name.toLowerCase()))
      throw new Error(`line ${index + 1}: ${name} comes twice`);
    headers.push([name, value]);
  }
  return headers;
}

export interface FixedCredentials {
  readonly url: URL;
  readonly apiKey?: string | undefined;
  /** The header that carries the key. Default: it goes as `Authorization: Bearer`. */
  readonly apiKeyHeader?: string | undefined;
  readonly headers?: readonly Header[] | undefined;
  /** Whether a token goes as `Authorization: Bearer`. */
  readonly hasToken: boolean;
  /** Throws name the target by it. */
  readonly name: string;
}

/**
 * The headers that authorize each request and do not change, as names and values by turns. The header `Authorization` can
 * carry one thing alone. By rank: a token (which is added later), a header of one's own, the user of the URL, the key. A
 * request that reads takes the key before the user of the URL. Throws `setting_invalid` for what excludes each other.
 */
export function fixedHeaders(
  { url, apiKey, apiKeyHeader, headers = [], hasToken, name }: FixedCredentials,
  kind: 'writes' | 'reads',
): string[] {
  const own = headers.flatMap((header) => [...header]);
  const hasOwn = headers.some(([header]) => header.toLowerCase() === 'authorization');
  if (hasOwn && hasToken) {
    throw new TributaryError(
      'setting_invalid',
      `Target ${name} has a header Authorization of its own and OAuth too: keep one of them.`,
    );
  }
  const isKeyApart = apiKeyHeader !== undefined && apiKeyHeader.toLowerCase() !== 'authorization';
  if (isKeyApart && headers.some(([header]) => header.toLowerCase() === apiKeyHeader.toLowerCase())) {
    throw new TributaryError(
      'setting_invalid',
      `Target ${name} has the header ${apiKeyHeader} twice, by its key and among its headers: keep one of them.`,
    );
  }
  if (apiKey !== undefined && isKeyApart) own.push(apiKeyHeader, apiKey);
  if (hasOwn || hasToken) return own;
  const bearer = apiKey === undefined || isKeyApart ? null : `Bearer ${apiKey}`;
  const basic = basicAuthorization(url);
  const authorization = kind === 'reads' ? (bearer ?? basic) : (basic ?? bearer);
  return authorization === null ? own : [...own, 'authorization', authorization];
}

/** The user and the password of the URL as the value of a header; null if it has neither. */
export function basicAuthorization({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}
