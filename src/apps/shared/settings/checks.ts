import { type ApiProgram, parseApiKeys } from '../http/api-keys.ts';
import { SettingFault } from './kinds.ts';

/** What a value has to be beyond its type. Each throws a `SettingFault` that says what would be right. */

export function checkBroker(item: string): void {
  if (!/^(\[[0-9a-f:.]+\]|[^\s:/]+):\d{1,5}$/i.test(item)) {
    throw new SettingFault('give host:port, several between commas, as in localhost:9092');
  }
}

export function checkHost(item: string): void {
  if (!/^([a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.test(item)) {
    throw new SettingFault('give host names, several between commas, as in sync.example.com,sync');
  }
}

/** Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes; several between blanks while one replaces the other. */
export function checkWebhookSecret(given: string): void {
  for (const secretText of given.trim().split(/\s+/)) {
    const match = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secretText);
    const length = match === null ? 0 : Buffer.from(match[1] ?? '', 'base64').length;
    if (length < 24 || length > 64) {
      throw new SettingFault(
        'give whsec_ and the base64 of 24 to 64 random bytes, several between blanks while rotating; make one by: ' +
          'echo "whsec_$(openssl rand -base64 32)"',
      );
    }
  }
}

/** The entries of an HTTP API's keys. */
export function checkApiKeys(program: ApiProgram): (given: string) => void {
  return (given) => void parseApiKeys(given, program);
}

/** A key that is sent to somebody else's API, whose form is their affair. Source: RFC 6750, 2.1. */
export function checkBearerKey(given: string): void {
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(given)) {
    throw new SettingFault(
      'give one key, as the target knows it: letters, digits and - . _ ~ + / without blanks',
    );
  }
}
