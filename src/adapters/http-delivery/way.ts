import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { Logger } from '../../ports/logger.ts';
import { basicAuthorization } from './authorization.ts';
import { CertificateFault, codeOf, isCut, ProxyFault } from './fault.ts';
import { describeAuthorities, describeCertificate } from './own-certificate.ts';
import { type TlsFileNames, TlsFiles } from './tls-files.ts';

export interface WayOptions extends TlsFileNames {
  /** The name of the target, for messages. */
  readonly name: string;
  readonly logger: Logger;
  readonly deadlineMs: number;
  /** The proxy through which requests go, or null. Its user and password are sent to it as Basic authorization. */
  readonly proxy?: URL | null | undefined;
  /** Further authorities, beside `caFile`: PEM texts. */
  readonly moreAuthorities?: readonly string[];
}

/** How requests get to a URL: directly, or through a proxy. */
export interface Way {
  /** Connections are made to this scheme, host and port. */
  readonly origin: string;
  readonly connector: buildConnector.connector;
  /** What stands before the path of each request: the origin of the URL, if the proxy has to know it. */
  readonly pathPrefix: string;
  /** Names and values by turns, for each request. */
  readonly headers: readonly string[];
  /** How messages name the place: scheme, host and port, and the proxy. */
  readonly place: string;
  /** Whether the proxy gets a user and a password. */
  readonly hasProxyLogin: boolean;
  /** Describes the certificate that is shown there now; null if none is shown. */
  shownCertificate(): string | null;
  /** The names of the authorities that count beside those of the system; null if no file names any. */
  authorities(): string | null;
}

/**
 * Requests to an `https:` URL go through a tunnel that the proxy makes at `CONNECT`, so the proxy sees no request. Requests to
 * an `http:` URL are sent to the proxy, which sends them on. Source: RFC 9110, 7.3.2 and 9.3.6. Throws `setting_invalid`.
 */
export function wayTo(url: URL, options: WayOptions): Way {
  const files = new TlsFiles(options, options.name, options.logger);
  const shownCertificate = () => {
    const { cert } = files.content;
    return cert === undefined ? null : describeCertificate(cert, Date.now());
  };
  const authorities = () => {
    const { ca } = files.content;
    return ca === undefined ? null : describeAuthorities(ca);
  };
  const hasProxyLogin = options.proxy ? basicAuthorization(options.proxy) !== null : false;
  const told = { shownCertificate, authorities, hasProxyLogin };
  const direct = explaining(tlsConnector(options, files), shownCertificate);
  const { proxy } = options;
  if (proxy === null || proxy === undefined)
    return { origin: url.origin, connector: direct, pathPrefix: '', headers: [], place: url.origin, ...told };
  const place = `${url.origin} (through the proxy ${proxy.origin})`;
  if (url.protocol === 'https:') {
    return {
      origin: url.origin,
      connector: tunnel(proxy, direct, options.deadlineMs),
      pathPrefix: '',
      headers: [],
      place,
      ...told,
    };
  }
  const authorization = basicAuthorization(proxy);
  return {
    origin: proxy.origin,
    connector: toProxy(proxy, buildConnector({ allowH2: false, timeout: options.deadlineMs })),
    pathPrefix: url.origin,
    headers: ['host', url.host, ...(authorization === null ? [] : ['proxy-authorization', authorization])],
    place,
    ...told,
  };
}

/** All connections of a target share one connector, and with it their TLS sessions, until its PEM files change. */
function tlsConnector(options: WayOptions, files: TlsFiles): buildConnector.connector {
  const build = (content: TlsFiles['content']) => {
    const { ca, ...own } = content;
    const authorities = [...(ca === undefined ? [] : [ca]), ...(options.moreAuthorities ?? [])];
    return buildConnector({
      allowH2: false,
      timeout: options.deadlineMs,
      ...own,
      // A file may have the authority right above the target's certificate alone, or that certificate itself.
      ...(authorities.length === 0 ? {} : { ca: authorities, allowPartialTrustChain: true }),
    });
  };
  let used = files.content;
  let connector = build(used);
  return (to, connected) => {
    const { content } = files;
    if (content !== used) {
      used = content;
      connector = build(content);
    }
    return connector(to, connected);
  };
}

/**
 * Says of a handshake that the target breaks off that it may not take our certificate. With TLS 1.2 many targets cut the
 * connection then, without a word.
 */
function explaining(
  connector: buildConnector.connector,
  shownCertificate: () => string | null,
): buildConnector.connector {
  return (to, connected) =>
    connector(to, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error === null) connected(null, socket as Socket);
      else {
        const shown = isCut(codeOf(error)) ? shownCertificate() : null;
        connected(shown === null ? error : new CertificateFault(shown, error), null);
      }
    });
}

/** Says of a connection that cannot be made that it is the one to the proxy. */
function toProxy(proxy: URL, connector: buildConnector.connector): buildConnector.connector {
  return (to, connected) =>
    connector(to, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error === null) connected(null, socket as Socket);
      else connected(unreachable(proxy, error), null);
    });
}

function tunnel(
  proxy: URL,
  throughTunnel: buildConnector.connector,
  deadlineMs: number,
): buildConnector.connector {
  const authorization = basicAuthorization(proxy);
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return (to, connected) => {
    const host = to.hostname.includes(':') ? `[${to.hostname}]` : to.hostname;
    const target = `${host}:${to.port || 443}`;
    const asked = send({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: {
        host: target,
        ...(authorization === null ? {} : { 'proxy-authorization': authorization }),
      },
      agent: false,
      timeout: deadlineMs,
    });
    asked.once('connect', ({ statusCode = 0 }, socket) => {
      asked.setTimeout(0);
      if (statusCode >= 200 && statusCode < 300) {
        throughTunnel({ ...to, httpSocket: socket }, connected);
        return;
      }
      socket.destroy();
      connected(ProxyFault.refused(proxy.origin, statusCode, authorization !== null), null);
    });
    asked.once('timeout', () => asked.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    asked.once('error', (error) => connected(unreachable(proxy, error), null));
    asked.end();
  };
}

/** Whether the other end has asked for a certificate in its handshake. */
export function asksForCertificate(socket: Socket | null): boolean {
  // A server sends the algorithms of signatures with nothing but such a wish. Source: RFC 8446, 4.3.2.
  return socket instanceof TLSSocket && socket.getSharedSigalgs().length > 0;
}

function unreachable(proxy: URL, error: Error): ProxyFault {
  return ProxyFault.unreachable(proxy.origin, codeOf(error));
}
