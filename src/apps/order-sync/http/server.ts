import type { FastifyInstance } from 'fastify';
import { addHealthRoutes } from '../../shared/http/health.ts';
import { createServer } from '../../shared/http/server.ts';
import { scopeOf } from './access.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addDeliveryRoutes } from './delivery-routes.ts';
import { addHoldRoutes } from './hold-routes.ts';
import { addJobRoutes } from './job-routes.ts';
import { addPartitionRoutes } from './partition-routes.ts';
import { addPipelineRoutes } from './pipeline-routes.ts';
import { addQuarantineRoutes } from './quarantine-routes.ts';
import type { ServerParts } from './server-parts.ts';
import { addVerificationRoutes } from './verification-routes.ts';

const BODY_BYTES_MAX = 65_536;

/**
 * The HTTP API of order-sync, ready to listen.
 */
export function buildServer(parts: ServerParts): FastifyInstance {
  const { access, guard, logger } = parts;
  const app = createServer({
    bodyBytesMax: BODY_BYTES_MAX,
    access,
    scopeOf,
    guard: { ...guard, isOpen: access === 'open' },
    logger,
  });
  addHealthRoutes(app, parts);
  addPipelineRoutes(app, parts);
  addDeliveryRoutes(app, parts);
  addQuarantineRoutes(app, parts);
  addJobRoutes(app, parts);
  addVerificationRoutes(app, parts);
  addHoldRoutes(app, parts);
  addPartitionRoutes(app, parts);
  addAuditRoutes(app, parts);
  return app;
}
