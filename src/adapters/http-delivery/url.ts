import { TributaryError } from '../../core/errors.ts';

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
