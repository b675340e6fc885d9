import { describe, expect, it } from 'vitest';
import {
  type TargetSettingValues,
  targetFaults,
} from '../../../../../src/apps/shared/settings/known/target.ts';
import { loadSettings } from '../../../../../src/apps/shared/settings/load.ts';
import { orders } from '../../../../../src/orders/index.ts';

const TOKENS = { targetOauthTokenUrl: 'https://login.test/token' };
const CLIENT = { targetOauthClientId: 'sync', targetOauthClientSecret: 'hunter2' };

function faults(more: Partial<TargetSettingValues>): string[] {
  const { values } = loadSettings('order-sync', { env: {} });
  return targetFaults({ ...values, ...more }, orders);
}

describe('the settings of the target', () => {
  it.each<[string, Partial<TargetSettingValues>]>([
    ['none of them', {}],
    ['a key', { targetApiKey: 'a.key' }],
    ['a key in another header', { targetApiKey: 'a key', targetApiKeyHeader: 'X-API-Key' }],
    [
      'a key in another header beside a token',
      { targetApiKey: 'k', targetApiKeyHeader: 'X-API-Key', ...TOKENS, ...CLIENT },
    ],
    ['a client at a token endpoint', { ...TOKENS, ...CLIENT }],
    ['a token endpoint on loopback', { ...CLIENT, targetOauthTokenUrl: 'http://127.0.0.1/token' }],
    ['a certificate and its key', { targetCertFile: 'a.pem', targetKeyFile: 'b.pem' }],
    ['a body with the id', { targetBody: '{"id": "{order_id}"}' }],
  ])('go together as %s', (_, values) => {
    expect(faults(values)).toEqual([]);
  });

  it.each<[Partial<TargetSettingValues>, string]>([
    [{ targetApiKeyHeader: 'X-API-Key' }, 'ORDER_SYNC_TARGET_API_KEY_HEADER is set alone'],
    [{ targetApiKey: 'k', ...TOKENS, ...CLIENT }, 'would both be sent as Authorization'],
    [{ targetApiKey: 'k', targetApiKeyHeader: 'AUTHORIZATION', ...TOKENS, ...CLIENT }, 'would both be sent'],
    [{ targetApiKey: 'hunter2 with blanks' }, 'ORDER_SYNC_TARGET_API_KEY is "********"'],
    [{ targetOauthClientId: 'sync' }, 'is set without ORDER_SYNC_TARGET_OAUTH_TOKEN_URL'],
    [{ targetOauthClientSecret: 'hunter2' }, 'is set without ORDER_SYNC_TARGET_OAUTH_TOKEN_URL'],
    [{ ...TOKENS, targetOauthClientId: 'sync' }, 'ORDER_SYNC_TARGET_OAUTH_TOKEN_URL is set: set'],
    [{ ...TOKENS, targetOauthClientSecret: 'hunter2' }, 'ORDER_SYNC_TARGET_OAUTH_TOKEN_URL is set: set'],
    [{ ...CLIENT, targetOauthTokenUrl: 'http://login.test/token' }, 'leads to login.test by plain HTTP'],
    [{ ...TOKENS, ...CLIENT, targetUrl: 'https://user@crm.test/' }, 'ORDER_SYNC_TARGET_URL has a user'],
    [{ ...TOKENS, ...CLIENT, targetUrl: 'https://:hunter2@crm.test/' }, 'ORDER_SYNC_TARGET_URL has a user'],
    [{ targetCertFile: 'a.pem' }, 'ORDER_SYNC_TARGET_CERT_FILE is set without ORDER_SYNC_TARGET_KEY_FILE'],
    [{ targetKeyFile: 'b.pem' }, 'ORDER_SYNC_TARGET_KEY_FILE is set without ORDER_SYNC_TARGET_CERT_FILE'],
    [{ targetBody: '{"status": "{order_status}"}' }, 'it has no {order_id}'],
    [{ targetBody: '{"id": "{id}"}' }, 'ORDER_SYNC_TARGET_BODY is'],
  ])('contradict each other in %j', (values, words) => {
    const [fault, ...others] = faults(values);
    expect(others).toEqual([]);
    expect(fault).toContain(words);
    expect(fault).not.toContain('hunter2');
  });
});
