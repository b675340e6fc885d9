import type { IncomingMessage } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { logDefect, messageOf } from '../../../core/errors.ts';
import type { Logger } from '../../../ports/logger.ts';
import { type ApiAccess, guardRoutes, type ScopeOf } from './api-access.ts';
import { answerBareRefusals, answerBrokenRequest, SERVER_OPTIONS } from './broken-requests.ts';
import { guardHosts, type HostGuardOptions } from './host-guard.ts';
import { requestTraceId, reworded, sendProblem, toProblem } from './problem.ts';
import { answerUnknownRoutes, type UnknownPage } from './unknown-routes.ts';
import { compileBody } from './validation.ts';

export interface HttpServerOptions {
  /** The longest body of a request. A route may set another limit for itself. */
  readonly bodyBytesMax: number;
  readonly access: ApiAccess;
  readonly scopeOf: ScopeOf;
  readonly guard: HostGuardOptions;
  readonly logger: Logger;
  /** Without it, browsers too get a problem for an unknown path. */
  readonly unknownPage?: UnknownPage;
  /** The path, with its query, of the route that answers a URL. Default: the URL itself. */
  readonly pathOf?: (url: string) => string;
  /** How problems are worded. Default: as they are written. */
  readonly said?: (detail: string) => string;
  /** Called with the code of each problem that a route answers. */
  readonly onProblem?: (code: string) => void;
}

/** The time in which a whole request has to arrive. The time that a route waits before it answers is not counted. */
const REQUEST_TIMEOUT_MS = 30_000;
/** An id of 255 bytes, each of them percent-encoded. */
const PARAMETER_LENGTH_MAX = 255 * 3;

/**
 * An HTTP server without its routes. It answers every error as `application/problem+json`, refuses foreign host names,
 * and asks for a key on each route that is added afterwards, unless `scopeOf` says that the route needs none.
 */
export function createServer(options: HttpServerOptions): FastifyInstance {
  const { logger, pathOf = (url: string) => url, said = (detail: string) => detail } = options;
  const app = fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // While the server stops, requests on open connections are still answered; new connections are not made.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    http: SERVER_OPTIONS,
    rewriteUrl: ({ url = '/' }: IncomingMessage) => pathOf(url),
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      void sendProblem(request as FastifyRequest, reply as FastifyReply, reworded(toProblem(error), said)),
  });
  app.setErrorHandler((error: Error, request, reply) => {
    const problem = toProblem(error);
    options.onProblem?.(problem.code);
    // A reader that has waited for something in vain gets 504, and nothing has failed.
    if (problem.status >= 500 && problem.status !== 504) {
      if (!logDefect(logger, `the answer to ${request.method} ${request.routeOptions.url}`, error))
        logger('error', `A request failed: ${messageOf(error)}`, {
          method: request.method,
          code: problem.code,
          ...traceFieldOf(request),
        });
    }
    return sendProblem(request, reply, reworded(problem, said));
  });
  // A page of another site may post text without asking the browser's permission, but not JSON.
  app.removeContentTypeParser('text/plain');
  // Schemas judge bodies. Code judges queries and headers, since it can say more; their schemas only describe them.
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? compileBody(schema as object) : () => true,
  );
  answerBareRefusals(app);
  guardHosts(app, options.guard);
  answerUnknownRoutes(app, options.unknownPage);
  guardRoutes(app, options.access, options.scopeOf);
  return app;
}

function traceFieldOf(request: FastifyRequest): { readonly traceId?: string } {
  const traceId = requestTraceId(request);
  return traceId === null ? {} : { traceId };
}
