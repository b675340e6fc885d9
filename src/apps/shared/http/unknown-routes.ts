import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem, sendProblem } from './problem.ts';

/**
 * Answers a browser that asks for a page which does not exist, with 404 and a document for people. Resolves with null if it has
 * no such document.
 */
export type UnknownPage = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | null>;

/**
 * Answers requests that no route takes: 405 with the methods of the path, or 404. A browser that looks for a page outside of
 * `/api` gets `unknownPage`, all others get a problem. Call it before the routes are added.
 */
export function answerUnknownRoutes(app: FastifyInstance, unknownPage: UnknownPage = async () => null): void {
  const routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ path: patternOf(url), methods: [method].flat() });
  });
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = new Set(routes.flatMap((route) => (route.path.test(path) ? route.methods : [])));
    if (methods.size === 0) {
      const page = wantsPage(request, path) ? await unknownPage(request, reply) : null;
      return (
        page ??
        sendProblem(request, reply, new HttpProblem(404, 'route_unknown', 'There is nothing at this path.'))
      );
    }
    const allowed = [...methods].sort().join(', ');
    reply.header('allow', allowed);
    return sendProblem(
      request,
      reply,
      new HttpProblem(405, 'method_unknown', `This path takes ${allowed}, and not ${request.method}.`),
    );
  });
}

/** Whether a browser asks for a page: it takes HTML by name, as no client of an API does. */
function wantsPage({ method, headers }: FastifyRequest, path: string): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || path === '/api' || path.startsWith('/api/')) return false;
  const accepted = (headers.accept ?? '').toLowerCase().split(',');
  return accepted.some((item) => {
    const [type, ...parameters] = item.split(';').map((part) => part.trim());
    return type === 'text/html' && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

/**
 * The pattern of a route's paths. `:id` in `/orders/:id` matches one piece of a path, `:id(^[^:]+)::cancel` one that ends
 * with `:cancel`, and `::` is a colon. `*` matches any rest.
 */
function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((piece) => {
      if (piece === '*') return '.*';
      const [parameter = ''] = /^:\w+(?:\([^)]*\))?/.exec(piece) ?? [];
      const rest = piece.slice(parameter.length);
      const escaped = rest.replaceAll('::', ':').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return parameter === '' ? escaped : `[^/]+${escaped}`;
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
