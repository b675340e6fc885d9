import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopback } from './loopback.ts';
import { HttpProblem } from './problem.ts';

/*
 * A page of another site can have its name lead to 127.0.0.1 (DNS rebinding), and then reads what answers there as if it
 * were its own. What the browser sends as Host is still that name. So a server that lets somebody in without a key answers
 * only for names that are its own; and what changes something is not taken from a page of another site.
 */

export interface HostGuardOptions {
  /** Whether something is answered without a key or a signature. */
  readonly isOpen: boolean;
  /** Where the server listens. */
  readonly host: string;
  /** Further names that it is called by, with or without a port. */
  readonly hosts: readonly string[];
  /** The setting that they come from, for messages. */
  readonly setting: string;
}

const CHANGING: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Refuses other names by 421, and changes by pages of other sites by 403. With names set, those count with keys too. */
export function guardHosts(app: FastifyInstance, options: HostGuardOptions): void {
  if (!options.isOpen && options.hosts.length === 0) return;
  const known = new Set([...options.hosts, ...(options.isOpen ? [options.host] : [])].map(nameOf));
  const isKnown = (name: string) => isLoopback(name) || known.has(name);
  app.addHook('onRequest', (request, _reply, done) => done(refusalOf(request, isKnown, options.setting)));
}

function refusalOf(
  request: FastifyRequest,
  isKnown: (name: string) => boolean,
  setting: string,
): HttpProblem | undefined {
  const { host, origin } = request.headers;
  // HTTP/1.0 needs none, and no browser speaks that.
  if (host !== undefined && !isKnown(nameOf(host))) {
    return new HttpProblem(
      421,
      'host_unknown',
      `This server is not known by the host name of the request: call it by localhost or 127.0.0.1, or name the host in ${setting}.`,
    );
  }
  const isForeign =
    request.headers['sec-fetch-site'] === 'cross-site' ||
    (origin !== undefined && !isKnown(originName(origin)));
  if (isForeign && CHANGING.has(request.method)) {
    return new HttpProblem(
      403,
      'origin_refused',
      `A page of another site may change nothing here: name its host in ${setting} if it may.`,
    );
  }
  return undefined;
}

/** The name without its port, in small letters; an IPv6 address without its brackets. */
function nameOf(host: string): string {
  const lower = host.trim().toLowerCase();
  const bracketed = /^\[([^\]]*)\](:\d*)?$/.exec(lower)?.[1];
  if (bracketed !== undefined) return bracketed;
  // Two colons and no brackets: an address, as a setting may give it.
  return (/:.*:/.test(lower) ? lower : lower.replace(/:\d*$/, '')).replace(/\.$/, '');
}

/** `null` is what a browser sends for a page without a place, which is nobody's. */
function originName(origin: string): string {
  return URL.canParse(origin) ? nameOf(new URL(origin).host) : '';
}

/** Whether a caller of this request may see what is behind a fault where no key is asked for: who is on this machine. */
export function isCalledLocally(request: FastifyRequest): boolean {
  const { host } = request.headers;
  return (
    isLoopback(request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '') &&
    (host === undefined || isLoopback(nameOf(host)))
  );
}
