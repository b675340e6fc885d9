import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TributaryError } from '../../../core/errors.ts';
import { SettingFault } from '../settings/kinds.ts';
import { type ApiKey, type ApiProgram, findApiKey, parseApiKeys, type Scope } from './api-keys.ts';
import { isCalledLocally } from './host-guard.ts';
import type { ApiSecurity } from './openapi.ts';
import { HttpProblem } from './problem.ts';

/** Who may use an API: everybody (`open`), or the holders of these keys. With an empty list nobody may. */
export type ApiAccess = 'open' | readonly ApiKey[];

/** The scope that a key needs for a route. Null means that the route asks for no key. */
export type ScopeOf = (method: string, path: string) => Scope | null;

/** The keys of a setting. Throws `setting_invalid`, which names the setting and never a key. */
export function requireApiKeys(text: string, program: ApiProgram, setting: string): readonly ApiKey[] {
  try {
    return parseApiKeys(text, program);
  } catch (error) {
    if (!(error instanceof SettingFault)) throw error;
    throw new TributaryError('setting_invalid', `${setting}: ${error.message}.`);
  }
}

/**
 * A `ScopeOf` by which every route asks for a key, except the ones in `unguarded`, which are written as in `GET /livez`. So a
 * new route is closed unless somebody opens it. GET and HEAD need the scope `read`, all other methods need `operate`.
 */
export function scopesBut(unguarded: ReadonlySet<string>): ScopeOf {
  return (method, path) => {
    const isReading = method === 'GET' || method === 'HEAD';
    if (unguarded.has(`${isReading ? 'GET' : method} ${path}`)) return null;
    return isReading ? 'read' : 'operate';
  };
}

/** What `scopeOf` asks for, in the form of OpenAPI. `{}` means that a request without credentials is taken too. */
export function keySecurityOf(program: ApiProgram, access: ApiAccess, scopeOf: ScopeOf): ApiSecurity {
  return {
    schemes: {
      apiKey: {
        type: 'http',
        scheme: 'bearer',
        description: `A key as "${program} keys make" prints it: trb_ and base64url of 32 bytes.`,
      },
    },
    requirementsOf(method, path) {
      const scope = scopeOf(method, path);
      if (scope === null) return [];
      return access === 'open' ? [{ apiKey: [scope] }, {}] : [{ apiKey: [scope] }];
    },
  };
}

/**
 * Asks for a key on each route that is added afterwards and needs one, before the body is read. Answers 401 without a known
 * key, and 403 if the key lacks the scope. Routes that need no key are not changed, so they cost nothing more.
 * Source: RFC 6750.
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

/** Whether the caller may see the details of a fault: it shows a key that may read or, on an open API, it is on this machine. */
export function maySeeDetails(access: ApiAccess, request: FastifyRequest): boolean {
  if (access === 'open') return isCalledLocally(request);
  const given = givenKey(request);
  return given !== undefined && findApiKey(access, given)?.scopes.has('read') === true;
}

function givenKey(request: FastifyRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}

const keys = new WeakMap<FastifyRequest, ApiKey>();

/** The key that let the request in, or null if the route asks for no key. */
export function keyOf(request: FastifyRequest): ApiKey | null {
  return keys.get(request) ?? null;
}

/** The name of the key that let the request in, or null if the route asks for no key. */
export function keyNameOf(request: FastifyRequest): string | null {
  return keyOf(request)?.name ?? null;
}

function refusalOf(
  known: readonly ApiKey[],
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
      known.length === 0
        ? 'This API is closed: the server has no keys yet.'
        : 'This route needs an API key, in the header "Authorization: Bearer <key>".',
    );
  }
  const key = findApiKey(known, given);
  if (key === null) {
    reply.header('www-authenticate', 'Bearer error="invalid_token"');
    return new HttpProblem(401, 'api_key_unknown', 'The server does not know this API key.');
  }
  if (!key.scopes.has(scope)) {
    reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${scope}"`);
    return new HttpProblem(403, 'scope_missing', `The API key lacks the scope ${scope}.`);
  }
  keys.set(request, key);
  return undefined;
}
