import { describe, expect, it } from 'vitest';
import { accessFor, scopeOf, securityOf } from '../../../../src/apps/order-mgt/http/access.ts';
import { findApiKey, makeApiKey } from '../../../../src/apps/shared/http/api-keys.ts';
import { send, TestOrderMgt } from '../fixture.ts';

const reader = makeApiKey('reader', ['read']);
const own = makeApiKey('own', ['read']).key;

function access(options: Parameters<typeof accessFor>[0]) {
  const logged: string[] = [];
  const granted = accessFor(options, (level, message) => void logged.push(`${level}: ${message}`));
  const lets = (key: string) => granted === 'open' || findApiKey(granted, key) !== null;
  return { granted, logged, lets };
}

describe('who may read at order-mgt', () => {
  it('holders of keys may, and the process itself by its own key', () => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const { lets, logged } = access({ host, apiKeys: reader.entry, ownKey: own });
      expect([lets(reader.key), lets(own), lets(makeApiKey('x', ['read']).key)]).toEqual([true, true, false]);
      expect(logged).toEqual([]);
    }
  });

  it('everybody on this machine may without keys on loopback', () => {
    const { granted, logged } = access({ host: 'localhost' });
    expect(granted).toBe('open');
    expect(logged).toEqual([expect.stringContaining('info: Readers need no key')]);
  });

  it('nobody may without keys outside of loopback, except the process itself', () => {
    const { granted, logged } = access({ host: '0.0.0.0' });
    expect(granted).toEqual([]);
    expect(logged).toEqual([expect.stringContaining('warn: Deliveries are taken, but nobody may read')]);
    const { lets } = access({ host: '0.0.0.0', ownKey: own });
    expect([lets(own), lets(reader.key)]).toEqual([true, false]);
  });
});

describe('what a route of order-mgt needs', () => {
  it.each([
    ['POST', '/api/orders', null],
    ['POST', '/api/orders/batch', null],
    ['GET', '/livez', null],
    ['HEAD', '/readyz', null],
    ['GET', '/openapi.json', null],
    ['GET', '/api/orders', 'read'],
    ['HEAD', '/api/orders', 'read'],
    ['GET', '/metrics', 'read'],
    ['POST', '/api/orders/other', 'operate'],
    ['DELETE', '/api/orders', 'operate'],
  ])('%s %s needs the scope %s', (method, path, scope) => {
    expect(scopeOf(method, path)).toBe(scope);
  });

  it('a delivery needs a signature, or nothing on a server without a secret', () => {
    const needs = (isSigned: boolean) => securityOf([], isSigned).requirementsOf('POST', '/api/orders/batch');
    expect([needs(true), needs(false)]).toEqual([[{ webhookSignature: [] }], [{ webhookSignature: [] }, {}]]);
    expect(securityOf([], true).requirementsOf('GET', '/api/orders')).toEqual([{ apiKey: ['read'] }]);
    expect(securityOf('open', true).requirementsOf('GET', '/api/orders')).toEqual([{ apiKey: ['read'] }, {}]);
  });
});

describe('a foreign host name at order-mgt', () => {
  const statusFor = async (options: Parameters<TestOrderMgt['start']>[0]) => {
    const { url } = await new TestOrderMgt().start(options);
    const { status } = await send(url, 'GET', '/livez', { host: 'evil.test' });
    return status;
  };

  it('the server refuses it as soon as readers or senders need no proof', async () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    expect(await statusFor({})).toBe(421);
    expect(await statusFor({ apiKeys: reader.entry })).toBe(421);
    expect(await statusFor({ secret })).toBe(421);
    expect(await statusFor({ secret, apiKeys: reader.entry })).toBe(200);
  });
});
