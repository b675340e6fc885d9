import { describe, expect, it } from 'vitest';
import {
  CertificateFault,
  codeOf,
  describeFault,
  isCut,
  isOfProxy,
  isUnknownAuthority,
  ProxyFault,
} from '../../../src/adapters/http-delivery/fault.ts';

const PLACE = 'https://crm.test:443';
const coded = (code: string, message = 'at https://user:hunter2@crm.test') =>
  Object.assign(new Error(message), { code });
const caused = (cause: unknown) => new Error('fetch failed', { cause });

describe('codeOf', () => {
  it('finds the code of the error, of a cause, or of the first of several addresses', () => {
    expect(codeOf(coded('ECONNRESET'))).toBe('ECONNRESET');
    expect(codeOf(caused(caused(coded('EPIPE'))))).toBe('EPIPE');
    expect(codeOf(caused(new AggregateError([coded('ECONNREFUSED'), coded('ETIMEDOUT')])))).toBe(
      'ECONNREFUSED',
    );
  });

  it('takes the name of an error without a code, and nothing that could be data', () => {
    expect(codeOf(new TypeError('hunter2'))).toBe('TypeError');
    expect(codeOf(Object.assign(new Error('x'), { code: 'hunter 2' }))).toBe('Error');
    expect(codeOf(Object.assign(new Error('x'), { name: 'hunter 2' }))).toBe('unknown error');
    expect(codeOf('hunter2')).toBe('unknown error');
  });
});

describe('describeFault', () => {
  it.each([
    ['ECONNREFUSED', 'nothing listens there; start the target or correct the target URL (ECONNREFUSED).'],
    ['HPE_INVALID_CONSTANT', 'it did not answer in HTTP (HPE_INVALID_CONSTANT).'],
    ['CERT_HAS_EXPIRED', "the target's certificate has expired (CERT_HAS_EXPIRED)."],
    ['EXYZ', 'the request failed (EXYZ).'],
  ])('explains %s, and quotes no message of a library', (code, words) => {
    expect(describeFault(coded(code), PLACE)).toBe(`${PLACE}: ${words}`);
    expect(describeFault(caused(coded(code)), PLACE)).not.toContain('hunter2');
  });

  it('names what is asked', () => {
    expect(describeFault(coded('ENOTFOUND'), PLACE, 'token endpoint')).toContain(
      'correct the token endpoint URL',
    );
    expect(describeFault(new CertificateFault(null, new Error('x')), PLACE)).toContain(
      'wants a certificate of its clients',
    );
  });

  it.each([
    [
      407,
      'PROXY_WANTS_LOGIN',
      '407 Proxy Authentication Required, so it wants a user and a password in its URL',
    ],
    [401, 'PROXY_REFUSED', '401 Unauthorized'],
    [503, 'PROXY_REFUSED', '503 Service Unavailable'],
    [599, 'PROXY_REFUSED', '599'],
  ])('says that the proxy answered %i', (status, code, words) => {
    const fault = ProxyFault.refused('http://proxy.test', status, false);
    expect(fault.code).toBe(code);
    expect(describeFault(caused(fault), PLACE)).toBe(
      `${PLACE}: the proxy http://proxy.test made no way there: it answered CONNECT with ${words}.`,
    );
  });

  it('says that the proxy cannot be reached', () => {
    expect(describeFault(ProxyFault.unreachable('http://proxy.test', 'ECONNREFUSED'), PLACE)).toContain(
      'the proxy http://proxy.test cannot be reached (ECONNREFUSED)',
    );
  });
});

describe('the kind of a code', () => {
  it('tells a cut connection, a fault of the proxy and an unknown authority apart', () => {
    const kinds = (code: string) => [isCut(code), isOfProxy(code), isUnknownAuthority(code)];
    for (const code of ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED'])
      expect(kinds(code)).toEqual([true, false, false]);
    for (const code of ['PROXY_UNREACHABLE', 'PROXY_WANTS_LOGIN', 'PROXY_REFUSED'])
      expect(kinds(code)).toEqual([false, true, false]);
    expect(kinds('SELF_SIGNED_CERT_IN_CHAIN')).toEqual([false, false, true]);
    expect(kinds('CERT_HAS_EXPIRED')).toEqual([false, false, false]);
  });
});
