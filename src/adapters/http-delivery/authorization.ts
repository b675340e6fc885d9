import { TributaryError } from '../../core/errors.ts';
import type { Header } from '../../core/http-headers.ts';

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
