import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopback } from './loopback.ts';
import { HttpProblem } from './problem.ts';

/*
 * Another site can let its name lead to 127.0.0.1 (DNS rebinding). Then its pages can read this server's answers as if they
 * were its own. The browser still sends that name as Host. So a server that lets callers in without a key answers only under
 * its own names. It also takes no changes from pages of other sites.
 */

export interface HostGuardOptions {
  /** Whether the server answers some requests without a key or a signature. */
  readonly isOpen: boolean;
  /** The host that the server listens on. */
  readonly host: string;
  /** Further names by which callers may reach it, with or without a port. */
  readonly hosts: readonly string[];
  /** The setting that these names come from, for messages. */
  readonly setting: string;
}

const CHANGING: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Answers 421 under other names, and 403 to changes by pages of other sites. If `hosts` names any, this also holds for a
 * server that asks for keys.
 */
export function guardHosts(app: FastifyInstance, options: HostGuardOptions): void {
  if (!options.isOpen && options.hosts.length === 0) return;
  const known = new Set([...options.hosts, ...(options.isOpen ? [options.host] : [])].map(nameOf));
  const isKnown = (name: string) => isLoopback(name) || known.has(name);
  // Mostly all requests have the same Host.
  let knownHost: string | undefined;
  const isKnownHost = (host: string) => {
    if (host === knownHost) return true;
    if (!isKnown(nameOf(host))) return false;
    knownHost = host;
    return true;
  };
  app.addHook('onRequest', (request, _reply, done) =>
    done(refusalOf(request, isKnownHost, isKnown, options.setting)),
  );
}

function refusalOf(
  request: FastifyRequest,
  isKnownHost: (host: string) => boolean,
  isKnown: (name: string) => boolean,
  setting: string,
): HttpProblem | undefined {
  const { host, origin } = request.headers;
  // HTTP/1.0 needs no Host, and no browser speaks it.
  if (host !== undefined && !isKnownHost(host)) {
    return new HttpProblem(
      421,
      'host_unknown',
      `This server does not answer under the host name of the request: call it by localhost or 127.0.0.1, or name the host in ${setting}.`,
    );
  }
  const isForeign =
    request.headers['sec-fetch-site'] === 'cross-site' ||
    (origin !== undefined && !isKnown(originName(origin)));
  if (isForeign && CHANGING.has(request.method)) {
    return new HttpProblem(
      403,
      'origin_refused',
      `A page of another site may change nothing on this server: name its host in ${setting} to allow it.`,
    );
  }
  return undefined;
}

/** The name in small letters, without its port. An IPv6 address loses its brackets. */
function nameOf(host: string): string {
  const lower = host.trim().toLowerCase();
  const bracketed = /^\[([^\]]*)\](:\d*)?$/.exec(lower)?.[1];
  if (bracketed !== undefined) return bracketed;
  // Two colons without brackets are an IPv6 address, as a setting may give it.
  return (/:.*:/.test(lower) ? lower : lower.replace(/:\d*$/, '')).replace(/\.$/, '');
}

/** The name in an Origin. A browser sends `null` for a page without an address; that page has no name. */
function originName(origin: string): string {
  return URL.canParse(origin) ? nameOf(new URL(origin).host) : '';
}

/** Whether the caller is on this machine, and called the server by a name of this machine. */
export function isCalledLocally(request: FastifyRequest): boolean {
  const { host } = request.headers;
  return (
    isLoopback(request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '') &&
    (host === undefined || isLoopback(nameOf(host)))
  );
}
