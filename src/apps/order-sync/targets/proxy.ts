import { BlockList, isIP, SocketAddress } from 'node:net';
import { domainToASCII } from 'node:url';
import { TributaryError } from '../../../core/errors.ts';
import { loginFault } from '../../../core/url-login.ts';
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
  const login = loginFault(withScheme, false);
  if (login !== null) throw new TributaryError('setting_invalid', `${name} cannot be used: ${login}.`);
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
  const host = plainHost(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return exceptions
    .split(/[\s,;]+/)
    .filter((item) => item !== '')
    .some((item) => {
      if (item === '*') return true;
      const bare = item.replace(/^[a-z]+:\/\//i, '').replace(/\/$/, '');
      const [, named = '', namedPort] =
        /^(\[[^\]]*\](?:\/\d+)?|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(bare) ?? [];
      if (namedPort !== undefined && namedPort !== port) return false;
      return isSame(plainHost(named), host);
    });
}

/** A host in the one form that can be compared: without brackets and a full stop at its end, in ASCII. */
function plainHost(given: string): string {
  const bare = given.replace(/[[\]]/g, '').replace(/\.$/, '').toLowerCase();
  const ascii = /[^\x20-\x7e]/.test(bare) ? domainToASCII(bare) : bare;
  return isIP(ascii) === 6 ? (SocketAddress.parse(`[${ascii}]:1`)?.address ?? ascii) : ascii;
}

function isSame(exception: string, host: string): boolean {
  const network = /^(.+)\/(\d+)$/.exec(exception);
  if (network !== null) return isInNetwork(network[1] ?? '', Number(network[2]), host);
  if (/[^*.]\*|\*[^*.]|^\*$|\.\*/.test(exception)) return asPattern(exception).test(host);
  if (isIP(host) !== 0) return exception === host;
  const domain = exception.replace(/^\*?\./, '');
  return host === domain || host.endsWith(`.${domain}`);
}

/** A star stands for any signs, as in `10.1.*`. */
function asPattern(exception: string): RegExp {
  return new RegExp(`^${exception.replace(/[^a-z0-9*]/g, '\\$&').replaceAll('*', '.*')}$`);
}

function isInNetwork(address: string, bits: number, host: string): boolean {
  const family = isIP(host);
  if (family === 0 || isIP(address) !== family || bits > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, bits, kind);
  return list.check(host, kind);
}
