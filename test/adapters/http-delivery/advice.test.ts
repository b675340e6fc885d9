import { describe, expect, it, onTestFinished } from 'vitest';
import { adviceOn, adviceOnFault, wantedScheme } from '../../../src/adapters/http-delivery/advice.ts';
import { openHttpTarget } from '../../../src/adapters/http-delivery/index.ts';
import { newDelivery, singly } from '../../contract/delivery-target.ts';

const NAMES = {
  url: 'CRM_URL',
  secret: 'CRM_SECRET',
  caFile: 'CRM_CA_FILE',
  certFile: 'CRM_CERT_FILE',
  apiKey: 'CRM_KEY',
  headers: 'CRM_HEADERS',
  oauth: 'CRM_OAUTH',
  proxy: 'CRM_PROXY',
};

describe('the advice after a 401', () => {
  it.each([
    [
      'Bearer realm="orders", error="invalid_token"',
      'bearer',
      'It wants a bearer token: look at CRM_KEY, or at CRM_OAUTH.',
    ],
    ['Basic realm="orders"', 'basic', 'It wants a user and a password: write them into CRM_URL.'],
    ['Negotiate', 'negotiate', 'It wants authorization by negotiate: look at CRM_HEADERS.'],
    [
      'Digest realm="x", nonce="a", Basic realm="x"',
      'basic',
      'It wants a user and a password: write them into CRM_URL.',
    ],
  ])('goes by the scheme that the target wants: %s', (header, scheme, advice) => {
    expect(wantedScheme({ 'www-authenticate': header })).toBe(scheme);
    expect(adviceOn(401, NAMES, scheme)).toBe(advice);
  });

  it('names every setting that can be wrong, if the target names no scheme', () => {
    expect(wantedScheme({})).toBeNull();
    expect(adviceOn(401, NAMES, null)).toBe(
      'Look at CRM_SECRET, at the user and the password in CRM_URL, at CRM_KEY, and at both clocks.',
    );
  });
});

describe('the advice after a request without an answer', () => {
  it.each([
    ['ECONNREFUSED', 'Look at CRM_URL.'],
    ['ENOTFOUND', 'Look at CRM_URL.'],
    ['HPE_INVALID_CONSTANT', 'Look at CRM_URL.'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'Look at CRM_URL.'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'Look at CRM_CA_FILE.'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'Look at CRM_CERT_FILE.'],
    ['PROXY_UNREACHABLE', 'Look at CRM_PROXY.'],
    ['PROXY_WANTS_LOGIN', 'Look at the user and the password in the URL of the proxy: CRM_PROXY.'],
    ['ECONNRESET', null],
  ])('after %s names the setting that is a likely cause, if there is one', (code, advice) => {
    expect(adviceOnFault(code, NAMES)).toBe(advice);
  });

  it('the advice is part of the outcome', async () => {
    const target = openHttpTarget({
      name: 'crm',
      url: 'http://127.0.0.1:1/states',
      secrets: [],
      settingNames: NAMES,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      logger: () => {},
    });
    onTestFinished(() => target.close());
    const outcome = await singly(target).deliver(newDelivery(), new AbortController().signal);
    expect(outcome).toMatchObject({ verdict: 'retry', status: null, advice: 'Look at CRM_URL.' });
  });
});
