import { BlockList, isIP } from 'node:net';
import { TributaryError } from '../../../core/errors.ts';
import { isLoopback } from '../../shared/http/loopback.ts';

/** The proxies of the environment, as many programs read them. */
export interface ProxySettings {
  readonly httpProxy: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly noProxy: string | undefined;
}

/**
 * The proxy to a URL; null if there is none. `own` is the setting of the target itself: a URL or `none`. It counts before
 * the variables. A target on loopback goes through a proxy of the variables only if that is on loopback too: a proxy of
 * another machine cannot reach it. Throws `setting_invalid` for a proxy that cannot be used.
 */
export function proxyTo(
  url: URL,
  settings: ProxySettings,
  own?: { value: string; name: string },
): URL | null {
  if (own !== undefined) return own.value === 'none' ? null : parsed(own.value, own.name);
  const [name, given] =
    url.protocol === 'https:' ? ['HTTPS_PROXY', settings.httpsProxy] : ['HTTP_PROXY', settings.httpProxy];
  if (given === undefined || isExcepted(url, settings.noProxy ?? '')) return null;
  const proxy = parsed(given, name);
  return isOnThisMachine(url) && !isOnThisMachine(proxy) ? null : proxy;
}

function isOnThisMachine({ hostname }: URL): boolean {
  return isLoopback(hostname) || hostname.endsWith('.localhost');
}

function parsed(given: string, name: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new TributaryError(
      'setting_invalid',
      `${name} names no HTTP proxy: give a URL like http://proxy.example:3128 (SOCKS is not spoken), or set ` +
        'ORDER_SYNC_TARGET_PROXY=none (in the targets file "proxy": "none") to reach the target directly.',
    );
  }
  return url;
}

/** Whether one of the exceptions names the host: `*`, a host with everything below it, an address or a network. */
function isExcepted(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return exceptions
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .some((item) => {
      if (item === '*') return true;
      const [, named = '', namedPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(item) ?? [];
      if (namedPort !== undefined && namedPort !== port) return false;
      return isSame(named.replace(/^\[|\]$/g, '').toLowerCase(), host);
    });
}

function isSame(exception: string, host: string): boolean {
  const network = /^(.+)\/(\d+)$/.exec(exception);
  if (network !== null) return isInNetwork(network[1] ?? '', Number(network[2]), host);
  if (isIP(host) !== 0) return exception === host;
  const domain = exception.replace(/^\*?\./, '');
  return host === domain || host.endsWith(`.${domain}`);
}

function isInNetwork(address: string, bits: number, host: string): boolean {
  const family = isIP(host);
  if (family === 0 || isIP(address) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, bits, kind);
  return list.check(host, kind);
}
