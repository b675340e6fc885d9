import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TributaryError } from '../../../core/errors.ts';
import { SettingFault } from '../settings/kinds.ts';
import { type ApiKey, type ApiProgram, findApiKey, parseApiKeys, type Scope } from './api-keys.ts';
import { isCalledLocally } from './host-guard.ts';
import { HttpProblem } from './problem.ts';

/** Who may use an API: nobody is asked for a key, or one of these is wanted. No keys at all: it is closed. */
export type ApiAccess = 'open' | readonly ApiKey[];

/** What a route wants: a key with this scope, or null: none, by whatever reason. */
export type ScopeOf = (method: string, path: string) => Scope | null;

/** The keys of a setting. Throws `setting_invalid` that names it, and never a key. */
export function requireApiKeys(text: string, program: ApiProgram, setting: string): readonly ApiKey[] {
  try {
    return parseApiKeys(text, program);
  } catch (error) {
    if (!(error instanceof SettingFault)) throw error;
    throw new TributaryError('setting_invalid', `${setting}: ${error.message}.`);
  }
}

/**
 * Every route wants a key, but those that `unguarded` names as in `GET /livez`: so a new one is closed until somebody
 * says otherwise. Reading wants the scope `read`, every other method `operate`.
 */
export function scopesBut(unguarded: ReadonlySet<string>): ScopeOf {
  return (method, path) => {
    const isReading = method === 'GET' || method === 'HEAD';
    if (unguarded.has(`${isReading ? 'GET' : method} ${path}`)) return null;
    return isReading ? 'read' : 'operate';
  };
}

/**
 * Asks for a key on each route that is added afterwards and wants one, before anything of the body is read: 401
 * without a key that is known, 403 if it has not the scope. The other routes are left as they are, and so cost
 * nothing more. Source: RFC 6750.
 */
export function guardRoutes(app: FastifyInstance, access: ApiAccess, scopeOf: ScopeOf): void {
  if (access === 'open') return;
  app.addHook('onRoute', (route) => {
    for (const scope of new Set([route.method].flat().map((method) => scopeOf(method, route.url)))) {
      if (scope === null) continue;
      const others = route.onRequest === undefined ? [] : [route.onRequest].flat();
      route.onRequest = [(request, reply, done) => done(refusalOf(access, scope, request, reply)), ...others];
    }
  });
}

/** Whether a caller may see what is behind a fault: by a key to read or, where none is asked for, on this machine. */
export function maySeeDetails(access: ApiAccess, request: FastifyRequest): boolean {
  if (access === 'open') return isCalledLocally(request);
  const given = givenKey(request);
  return given !== undefined && findApiKey(access, given)?.scopes.has('read') === true;
}

function givenKey(request: FastifyRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

const nameOf = new WeakMap<FastifyRequest, string>();

/** The name of the key that the request was let in by, or null if none was asked for. */
export function keyNameOf(request: FastifyRequest): string | null {
  return nameOf.get(request) ?? null;
}

function refusalOf(
  keys: readonly ApiKey[],
  scope: Scope,
  request: FastifyRequest,
  reply: FastifyReply,
): HttpProblem | undefined {
  const given = givenKey(request);
  if (given === undefined) {
    reply.header('www-authenticate', 'Bearer');
    return new HttpProblem(
      401,
      'api_key_missing',
      keys.length === 0
        ? 'This is closed: there are no keys to it yet.'
        : 'An API key is needed here, by the header "Authorization: Bearer <key>".',
    );
  }
  const key = findApiKey(keys, given);
  if (key === null) {
    reply.header('www-authenticate', 'Bearer error="invalid_token"');
    return new HttpProblem(401, 'api_key_unknown', 'The API key is none of those that are known here.');
  }
  if (!key.scopes.has(scope)) {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${scope}"`);
    return new HttpProblem(403, 'scope_missing', `The API key is known, but has not the scope ${scope}.`);
  }
  nameOf.set(request, key.name);
  return undefined;
}
