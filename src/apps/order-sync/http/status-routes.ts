import type { FastifyInstance } from 'fastify';
import { sendJson } from './json.ts';
import type { ServerParts } from './server-parts.ts';
import { STATUS_SCHEMA } from './status-schemas.ts';

/** The route that says whether all is well: what `order-sync status` prints. */
export function addStatusRoutes(app: FastifyInstance, { report }: ServerParts): void {
  const schema = {
    operationId: 'readStatus',
    summary: 'Whether all is well, how far behind the journal is, and what needs a person.',
    description:
      'Answers at most once a second anew. Log and store are the same from each instance; `instance` is not.',
    response: { 200: STATUS_SCHEMA },
  };
  app.get('/api/v1/status', { schema }, async (_request, reply) => sendJson(reply, await report()));
}
