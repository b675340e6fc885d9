import { readFileSync } from 'node:fs';
import { messageOf, TributaryError } from '../../core/errors.ts';

export function parseTargetUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TributaryError(
      'setting_invalid',
      `The URL of target ${name} is not an HTTP address: give one like http://localhost:3001/api/orders.`,
    );
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    throw new TributaryError(
      'setting_invalid',
      `The user or the password in the URL of target ${name} has a % that begins no escape of UTF-8: write it as %25.`,
    );
  }
  return url;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Reads the PEM file of the authorities that sign the target's certificate; without a file the system's count. */
export function authorities(caFile: string | undefined, name: string): { ca?: string } {
  if (caFile === undefined) return {};
  try {
    return { ca: readFileSync(caFile, 'utf8') };
  } catch (error) {
    throw new TributaryError(
      'setting_invalid',
      `The authorities' file of target ${name} cannot be read: ${messageOf(error)}. Name a readable PEM file.`,
      { cause: error },
    );
  }
}

/** The user and the password of the URL as the value of a header; null if it has neither. */
export function basicAuthorization({ username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}
