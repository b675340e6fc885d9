import type { FastifyInstance } from 'fastify';
import { HttpProblem, sendProblem } from './problem.ts';

/** Answers requests that no route takes: 405 with the methods of the path, or 404. Call it before the routes are added. */
export function answerUnknownRoutes(app: FastifyInstance): void {
  const routes: { readonly path: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ path: patternOf(url), methods: [method].flat() });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = new Set(routes.flatMap((route) => (route.path.test(path) ? route.methods : [])));
    if (methods.size === 0)
      return sendProblem(
        request,
        reply,
        new HttpProblem(404, 'route_unknown', 'There is nothing at this path.'),
      );
    const allowed = [...methods].sort().join(', ');
    reply.header('allow', allowed);
    return sendProblem(
      request,
      reply,
      new HttpProblem(405, 'method_unknown', `This path takes ${allowed}, and not ${request.method}.`),
    );
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
