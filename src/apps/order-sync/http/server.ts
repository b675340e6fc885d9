import type { FastifyInstance } from 'fastify';
import packageJson from '../../../../package.json' with { type: 'json' };
import { entityWords } from '../../../core/entity-words.ts';
import { keySecurityOf } from '../../shared/http/api-access.ts';
import { addHealthRoutes } from '../../shared/http/health.ts';
import { addMetricsRoute } from '../../shared/http/metrics.ts';
import { serveOpenApi } from '../../shared/http/openapi.ts';
import { createServer } from '../../shared/http/server.ts';
import { inWordsOf, sentenceFor } from '../../shared/settings/domain-words.ts';
import { SYNCED_ORDERS, type Synced } from '../../shared/settings/synced.ts';
import { addConsoleRoutes, unknownPageOf } from '../console/console-routes.ts';
import { scopeOf } from './access.ts';
import { addAccessRoutes } from './access-routes.ts';
import { addAsyncApiRoute } from './asyncapi.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addDeliveryRoutes } from './delivery-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { addExportRoutes } from './export-routes.ts';
import { addHoldRoutes } from './hold-routes.ts';
import { addJobRoutes } from './job-routes.ts';
import { nameMembers } from './member-names.ts';
import { addOrderRoutes } from './order-routes.ts';
import { addPartitionRoutes } from './partition-routes.ts';
import { addPipelineRoutes } from './pipeline-routes.ts';
import { addQuarantineRoutes } from './quarantine-routes.ts';
import { addRebuildRoutes } from './rebuild-routes.ts';
import { addRecordRoutes } from './record-routes.ts';
import { addSeriesRoutes } from './series-routes.ts';
import type { ServerParts } from './server-parts.ts';
import { addSettingRoutes } from './setting-routes.ts';
import { addStatusRoutes } from './status-routes.ts';
import { addStreamRoutes } from './stream/stream-routes.ts';
import { addVerificationRoutes } from './verification-routes.ts';

const BODY_BYTES_MAX = 65_536;
const ORDERS_PATH = '/api/v1/orders';

/** The routes are those of orders. Entities of another domain have a path of their own, which leads to the same routes. */
function routedPath({ plural }: Synced, url: string): string {
  const own = `/api/v1/${plural}`;
  const rest = url.startsWith(own) ? url.slice(own.length) : null;
  return rest !== null && /^($|[/?:])/.test(rest) ? `${ORDERS_PATH}${rest}` : url;
}

/** How the document of the API says what a route does, in the words of the domain. */
function documented(synced: Synced) {
  return {
    path: (path: string) =>
      path.startsWith(ORDERS_PATH) ? `/api/v1/${synced.plural}${path.slice(ORDERS_PATH.length)}` : path,
    text: (text: string) => inWordsOf(synced, text),
  };
}

/**
 * The HTTP API of order-sync, ready to listen.
 */
export function buildServer(parts: ServerParts): FastifyInstance {
  const { access, guard, logger, problems, synced } = parts;
  const app = createServer({
    bodyBytesMax: BODY_BYTES_MAX,
    access,
    scopeOf,
    guard: { ...guard, isOpen: access === 'open' },
    logger,
    onProblem: (code) => problems.count(code),
    unknownPage: unknownPageOf(parts.console),
    ...(synced === SYNCED_ORDERS
      ? {}
      : {
          pathOf: (url) => routedPath(synced, url),
          said: (detail) => sentenceFor(synced, detail),
        }),
  });
  nameMembers(app, entityWords(synced.domain));
  const info = {
    title: synced.program,
    description:
      'Keeps journal, view and targets up to date with the event log: its state, deliveries, and jobs of operators.',
    version: packageJson.version,
  };
  serveOpenApi(app, info, keySecurityOf('order-sync', access, scopeOf), documented(synced));
  addHealthRoutes(app, parts);
  addMetricsRoute(app, parts);
  addStatusRoutes(app, parts);
  addPipelineRoutes(app, parts);
  addOrderRoutes(app, parts);
  addDeliveryRoutes(app, parts);
  addQuarantineRoutes(app, parts);
  addJobRoutes(app, parts);
  addRebuildRoutes(app, parts);
  addVerificationRoutes(app, parts);
  addHoldRoutes(app, parts);
  addPartitionRoutes(app, parts);
  addAuditRoutes(app, parts);
  addStreamRoutes(app, parts);
  addExportRoutes(app, parts);
  addRecordRoutes(app, parts);
  addAccessRoutes(app, parts);
  addSettingRoutes(app, parts);
  addEventRoutes(app, parts);
  addAsyncApiRoute(app, parts);
  addSeriesRoutes(app, parts);
  addConsoleRoutes(app, parts.console);
  return app;
}
