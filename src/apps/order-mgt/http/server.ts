import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import packageJson from '../../../../package.json' with { type: 'json' };
import { addHealthRoutes } from '../../shared/http/health.ts';
import { addMetricsRoute } from '../../shared/http/metrics.ts';
import { serveOpenApi } from '../../shared/http/openapi.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { createServer } from '../../shared/http/server.ts';
import { scopeOf, securityOf } from './access.ts';
import { requireSignature } from './delivery-headers.ts';
import { addDeliveryRoutes } from './delivery-routes.ts';
import { addOrderRoutes } from './order-routes.ts';
import type { ServerParts } from './server-parts.ts';

const BODY_BYTES_MAX = 1_048_576;

/** The HTTP API of order-mgt, ready to listen: it takes deliveries and answers readers. */
export function buildServer(parts: ServerParts): FastifyInstance {
  const { access, guard, logger, keys, problems } = parts;
  const app = createServer({
    bodyBytesMax: BODY_BYTES_MAX,
    access,
    scopeOf,
    guard: { ...guard, isOpen: access === 'open' || keys.length === 0 },
    logger,
    onProblem: (code) => problems.count(code),
  });
  acceptSignedJson(app, parts);
  const info = {
    title: 'order-mgt',
    description:
      'The target system: takes the states of orders, keeps the latest of each, and answers readers.',
    version: packageJson.version,
  };
  serveOpenApi(app, info, securityOf(access, keys.length > 0));
  addDeliveryRoutes(app, parts);
  addOrderRoutes(app, parts);
  addHealthRoutes(app, parts);
  addMetricsRoute(app, parts);
  return app;
}

/** Has JSON bodies read. The signature covers the bytes of the body, so it is checked before the body is parsed. */
function acceptSignedJson(app: FastifyInstance, parts: ServerParts): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      requireSignature(parts.keys, request.headers, body, parts.now());
      done(null, parseJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}

function parseJson(body: Buffer): unknown {
  // A lenient decoder would turn different bytes into the same text.
  if (!isUtf8(body)) throw new HttpProblem(400, 'json_invalid', 'The body is not valid UTF-8.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpProblem(400, 'json_invalid', 'The body is not valid JSON.');
  }
}
