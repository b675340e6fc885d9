import { isUtf8 } from 'node:buffer';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import packageJson from '../../../../package.json' with { type: 'json' };
import { logDefect, messageOf } from '../../../core/errors.ts';
import { guardRoutes, maySeeDetails } from '../../shared/http/api-access.ts';
import {
  answerBareRefusals,
  answerBrokenRequest,
  SERVER_OPTIONS,
} from '../../shared/http/broken-requests.ts';
import { guardHosts } from '../../shared/http/host-guard.ts';
import { serveOpenApi } from '../../shared/http/openapi.ts';
import { HttpProblem, sendProblem, toProblem } from '../../shared/http/problem.ts';
import { answerUnknownRoutes } from '../../shared/http/unknown-routes.ts';
import { ORDER_ID_BYTES_MAX } from '../order-state.ts';
import type { OrderStates } from '../states.ts';
import { scopeOf, securityOf } from './access.ts';
import { requireSignature } from './delivery-headers.ts';
import { addDeliveryRoutes } from './delivery-routes.ts';
import { addReadingRoutes } from './reading-routes.ts';
import { STATUS_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';
import { compileBody } from './validation.ts';

const BODY_BYTES_MAX = 1_048_576;

/** The HTTP API of the target, ready to listen. Every error is answered as `application/problem+json`. */
export function buildServer(parts: ServerParts): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    // The time for a whole request to arrive; what is waited for afterwards is not counted.
    requestTimeout: 30_000,
    // Requests that come on open connections while stopping are still answered; new connections are not made.
    return503OnClosing: false,
    // An id of 255 bytes, each of them percent-encoded.
    routerOptions: { maxParamLength: ORDER_ID_BYTES_MAX * 3 },
    http: SERVER_OPTIONS,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      void sendProblem(request as FastifyRequest, reply as FastifyReply, toProblem(error)),
  });
  app.setErrorHandler((error: Error, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500) {
      if (!logDefect(parts.log, `the answer to ${request.method} ${request.routeOptions.url}`, error))
        parts.log('error', `A request failed: ${messageOf(error)}`, {
          method: request.method,
          code: problem.code,
        });
    }
    return sendProblem(request, reply, problem);
  });
  answerBareRefusals(app);
  guardHosts(app, { ...parts.guard, isOpen: parts.access === 'open' || parts.keys.length === 0 });
  answerUnknownRoutes(app);
  // Bodies are judged by their schemas; queries and headers by code that says more, and their schemas describe it.
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? compileBody(schema as object) : () => true,
  );
  acceptSignedJson(app, parts);
  guardRoutes(app, parts.access, scopeOf);
  const info = {
    title: 'order-mgt',
    description: 'The target system: takes the states of orders, and keeps and answers the latest.',
    version: packageJson.version,
  };
  serveOpenApi(app, info, securityOf(parts.access, parts.keys.length > 0));
  addDeliveryRoutes(app, parts);
  addReadingRoutes(app, parts);
  addHealthRoutes(app, parts);
  return app;
}

/** Reads JSON bodies. The signature is of the bytes, so it is checked before anything looks into them. */
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
  // Lenient decoding would turn different bytes into the same text.
  if (!isUtf8(body)) throw new HttpProblem(400, 'json_invalid', 'The body is not valid UTF-8.');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpProblem(400, 'json_invalid', 'The body is not valid JSON.');
  }
}

function addHealthRoutes(app: FastifyInstance, parts: ServerParts): void {
  const answers = { response: { 200: STATUS_SCHEMA } };
  const livez = { operationId: 'isAlive', summary: 'Whether the program runs.', ...answers };
  app.get('/livez', { schema: livez }, async () => ({ status: 'ok' }));
  const readyz = { operationId: 'isReady', summary: 'Whether it can take deliveries now.', ...answers };
  app.get('/readyz', { schema: readyz }, async (request) => {
    if (parts.isStopping()) throw new HttpProblem(503, 'stopping', 'The program is stopping.');
    const unansweredMs = parts.groupCommit.unansweredMs;
    if (unansweredMs >= STANDSTILL_MS) {
      const seconds = Math.floor(unansweredMs / 1_000);
      throw new HttpProblem(
        503,
        'store_unreachable',
        `The database has not answered a transaction for ${seconds} s.`,
      );
    }
    const health = await healthInTime(parts.states);
    if (!health.ok) {
      const detail = maySeeDetails(parts.access, request) ? health.reason : 'database: not reachable';
      throw new HttpProblem(503, 'store_unreachable', detail);
    }
    return { status: 'ok' };
  });
}

/** A transaction that was not answered for so long makes the program not ready. */
const STANDSTILL_MS = 15_000;
/** Whoever asks for the health gets an answer within this time, even if the database gives none. */
const HEALTH_DEADLINE_MS = 5_000;

async function healthInTime(states: OrderStates): ReturnType<OrderStates['health']> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ok: false; reason: string }>((resolve) => {
    const reason = `The database has not answered for ${HEALTH_DEADLINE_MS / 1_000} s.`;
    timer = setTimeout(() => resolve({ ok: false, reason }), HEALTH_DEADLINE_MS);
  });
  try {
    return await Promise.race([states.health(), late]);
  } finally {
    clearTimeout(timer);
  }
}
