import { TributaryError } from '../../core/errors.ts';
import { loginFault } from '../../core/url-login.ts';

export function parseTargetUrl(text: string, name: string): URL {
  const login = loginFault(text);
  if (login !== null)
    throw new TributaryError('setting_invalid', `The URL of target ${name} cannot be used: ${login}.`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TributaryError(
      'setting_invalid',
      `The URL of target ${name} is not an HTTP address: give one like http://localhost:3001/api/orders.`,
    );
  }
  return url;
}
