import { describe, expect, it } from 'vitest';
import { proxyTo } from '../../../../src/apps/order-sync/targets/proxy.ts';
import { reachOptions } from '../../../../src/apps/order-sync/targets/reach.ts';

const PROXIES = {
  httpProxy: 'http://plain.example:3128',
  httpsProxy: 'http://tls.example:3129',
  noProxy: undefined,
};
const hostFor = (url: string, noProxy?: string) =>
  proxyTo(new URL(url), { ...PROXIES, noProxy })?.host ?? null;

it('the token endpoint has the proxy for its own URL, and not that for the URL of the target', () => {
  const oauth = { tokenUrl: 'https://login.example/token', clientId: 'a', clientSecret: 'b' };
  const reach = { oauth, proxy: { value: 'http://own.example:3130', name: 'ORDER_SYNC_TARGET_PROXY' } };
  const options = reachOptions(reach as never, 'http://shop.example/orders', {
    ...PROXIES,
    noProxy: 'shop.example',
  });
  expect(options.proxy?.host).toBe('own.example:3130');
  expect(options.oauth?.proxy?.host).toBe('tls.example:3129');
});

describe('the proxy to a target', () => {
  it('goes by the scheme of the URL', () => {
    expect(hostFor('http://shop.example/orders')).toBe('plain.example:3128');
    expect(hostFor('https://shop.example/orders')).toBe('tls.example:3129');
    expect(proxyTo(new URL('http://shop.example'), { ...PROXIES, httpProxy: undefined })).toBeNull();
  });

  it.each([
    'http://localhost:3001/x',
    'http://127.0.0.1:3001/x',
    'http://[::1]:3001/x',
    'https://a.localhost/x',
  ])('the variables count for loopback only if they name a proxy on loopback: %s', (url) => {
    expect(hostFor(url)).toBeNull();
    for (const proxy of ['http://127.0.0.1:8080', 'localhost:8080']) {
      const near = { ...PROXIES, httpProxy: proxy, httpsProxy: proxy };
      expect(proxyTo(new URL(url), near)?.port).toBe('8080');
      expect(proxyTo(new URL(url), { ...near, noProxy: '*' })).toBeNull();
    }
  });

  it.each([
    ['*', 'http://shop.example/', true],
    ['*:80', 'http://shop.example/', true],
    ['*:8080', 'http://shop.example/', false],
    ['10.1.*', 'http://10.1.2.3/', true],
    ['10.1.*', 'http://10.2.1.3/', false],
    ['eu.*.example', 'http://eu.shop.example/', true],
    ['eu.*.example', 'http://us.shop.example/', false],
    ['shop*', 'http://shop.example/', true],
    ['shop.example.', 'http://shop.example/', true],
    ['shop.example', 'http://shop.example./', true],
    ['https://shop.example/', 'https://shop.example/', true],
    ['other.example;shop.example', 'http://shop.example/', true],
    ['b\u00fccher.example', 'http://b\u00fccher.example/', true],
    ['FD00:0:0:0:0:0:0:1', 'http://[fd00::1]/', true],
    ['[fd00::]/8', 'http://[fd00::1]/', true],
    ['shop.example', 'http://shop.example/', true],
    ['SHOP.example', 'http://shop.Example/', true],
    ['shop.example', 'http://eu.shop.example/', true],
    ['.shop.example', 'http://eu.shop.example/', true],
    ['*.shop.example', 'http://eu.shop.example/', true],
    ['shop.example', 'http://myshop.example/', false],
    ['other.example, shop.example', 'http://shop.example/', true],
    ['other.example shop.example', 'http://shop.example/', true],
    ['shop.example:80', 'http://shop.example/', true],
    ['shop.example:8080', 'http://shop.example/', false],
    ['shop.example:443', 'https://shop.example/', true],
    ['10.1.2.3', 'http://10.1.2.3/', true],
    ['10.1.2.3', 'http://10.1.2.30/', false],
    ['10.0.0.0/8', 'http://10.1.2.3/', true],
    ['10.0.0.0/8', 'http://11.1.2.3/', false],
    ['fd00::/8', 'http://[fd00::1]:3001/', true],
    ['[fd00::1]:3001', 'http://[fd00::1]:3001/', true],
    ['fd00::1', 'http://[fd00::1]:3001/', true],
    ['', 'http://shop.example/', false],
  ])('NO_PROXY=%s excepts %s: %s', (noProxy, url, isExcepted) => {
    expect(hostFor(url, noProxy) === null).toBe(isExcepted);
  });

  it('the setting of the target counts before the variables, for loopback too', () => {
    const own = (value: string, url = 'http://shop.example/') =>
      proxyTo(new URL(url), { ...PROXIES, noProxy: '*' }, { value, name: 'ORDER_SYNC_TARGET_PROXY' })?.host ??
      null;
    expect(own('none')).toBeNull();
    expect(own('http://own.example:1')).toBe('own.example:1');
    expect(own('own.example:8080')).toBe('own.example:8080');
    expect(own('http://own.example:1', 'http://localhost:3001/')).toBe('own.example:1');
  });

  it.each(['p%ss', 'p#ss', '12#ss', 'p/ss', '12/ss', '12?ss'])(
    'names the signs to escape for the password %s, and not the password',
    (password) => {
      const httpProxy = `http://user:${password}@proxy.example:3128`;
      const refuse = () => proxyTo(new URL('http://shop.example/'), { ...PROXIES, httpProxy });
      expect(refuse).toThrow(/^HTTP_PROXY cannot be used: .*%25/);
      expect(refuse).not.toThrow(new RegExp(password.replace('?', '.')));
    },
  );

  it('refuses a proxy that is no HTTP proxy, by the name of the setting and without its password', () => {
    const refuse = (httpProxy: string) => () =>
      proxyTo(new URL('http://shop.example/'), { ...PROXIES, httpProxy });
    for (const wrong of ['socks5://user:hush@proxy:1080', 'http://', 'http://user:hush@']) {
      expect(refuse(wrong)).toThrow(/^HTTP_PROXY (?:names no HTTP proxy|cannot be used)/);
      expect(refuse(wrong)).not.toThrow(/hush/);
    }
  });
});
