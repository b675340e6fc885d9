import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { logDefect, messageOf } from '../../../core/errors.ts';
import type { SyncStatus } from '../../../pipeline/sync.ts';
import type { SyncHealth } from '../../../pipeline/sync-health.ts';
import type { Logger } from '../../../ports/logger.ts';
import { type ApiAccess, guardRoutes, maySeeDetails } from '../../shared/http/api-access.ts';
import {
  answerBareRefusals,
  answerBrokenRequest,
  SERVER_OPTIONS,
} from '../../shared/http/broken-requests.ts';
import { guardHosts, type HostGuardOptions } from '../../shared/http/host-guard.ts';
import { sendProblem, toProblem } from '../../shared/http/problem.ts';
import { answerUnknownRoutes } from '../../shared/http/unknown-routes.ts';
import { scopeOf } from './access.ts';
import { addDeliveryRoutes, type DeliveryParts } from './delivery-routes.ts';

export interface HttpParts extends DeliveryParts {
  readonly health: () => Promise<SyncHealth>;
  readonly status: () => SyncStatus;
  readonly logger: Logger;
  readonly access: ApiAccess;
  readonly guard: Omit<HostGuardOptions, 'isOpen'>;
}

const BODY_BYTES_MAX = 65_536;
/** An id of 255 bytes, each of them percent-encoded. */
const PARAMETER_LENGTH_MAX = 255 * 3;

/** The HTTP API of order-sync: whether it lives and works, how far it is, what it delivered, and redrive. */
export function buildServer(parts: HttpParts): FastifyInstance {
  const { health, status, logger } = parts;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: 30_000,
    http: SERVER_OPTIONS,
    clientErrorHandler: answerBrokenRequest,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    ajv: {
      customOptions: {
        allErrors: true,
        allowUnionTypes: true,
        coerceTypes: false,
        removeAdditional: false,
      },
    },
    frameworkErrors: (error, request, reply) =>
      void sendProblem(request as FastifyRequest, reply as FastifyReply, toProblem(error)),
  });
  // A page of another site may post text here without asking, but no JSON.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler((error: Error, request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500) {
      if (!logDefect(logger, `the answer to ${request.method} ${request.routeOptions.url}`, error))
        logger('error', `A request failed: ${messageOf(error)}`, {
          method: request.method,
          code: problem.code,
        });
    }
    return sendProblem(request, reply, problem);
  });
  answerBareRefusals(app);
  guardHosts(app, { ...parts.guard, isOpen: parts.access === 'open' });
  answerUnknownRoutes(app);
  guardRoutes(app, parts.access, scopeOf);
  app.get('/livez', () => ({ status: 'ok' }));
  app.get('/readyz', async (request, reply) => {
    const verdict = await health();
    const isOpen = maySeeDetails(parts.access, request);
    const warnings = verdict.warnings === undefined || !isOpen ? {} : { warnings: verdict.warnings };
    if (verdict.ok) return { status: 'ok', ...warnings };
    reply.code(503).type('application/problem+json');
    return {
      type: 'about:blank',
      title: 'Not ready',
      status: 503,
      detail: isOpen ? verdict.reason : verdict.summary,
      instance: '/readyz',
      code: 'not_ready',
      ...warnings,
    };
  });
  app.get('/api/v1/pipeline', (_request, reply) => {
    reply.type('application/json');
    // Offsets are bigints; as text they keep their last digits in every client.
    return JSON.stringify(status(), (_name, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
  });
  addDeliveryRoutes(app, parts);
  return app;
}
