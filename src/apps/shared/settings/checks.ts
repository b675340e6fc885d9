import { type ApiProgram, parseApiKeys } from '../http/api-keys.ts';
import { SettingFault } from './kinds.ts';

/* Checks of values beyond their type. Each throws a `SettingFault` that says what would be right. */

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

/** Secrets of Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes. While one secret replaces the other, both are given. */
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

/** Entries of the keys of a program's HTTP API. */
export function checkApiKeys(program: ApiProgram): (given: string) => void {
  return (given) => void parseApiKeys(given, program);
}

/** A key for another program's API. Any form is right that a bearer token may have. Source: RFC 6750, 2.1. */
export function checkBearerKey(given: string): void {
  if (/^(?:Bearer|Basic|Token|ApiKey)\s/i.test(given)) {
    throw new SettingFault('give the key alone: the word Bearer is written in front of it');
  }
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(given)) {
    throw new SettingFault(
      'give one key, as the target knows it: letters, digits and - . _ ~ + / without blanks',
    );
  }
}
