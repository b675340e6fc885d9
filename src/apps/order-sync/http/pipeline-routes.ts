import type { FastifyInstance } from 'fastify';
import { sendJson } from './json.ts';
import { PIPELINE_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

/** The route that shows the state of the pipeline in this instance. */
export function addPipelineRoutes(app: FastifyInstance, { status }: ServerParts): void {
  const schema = {
    operationId: 'readPipeline',
    summary: 'What this instance does now.',
    response: { 200: PIPELINE_SCHEMA },
  };
  app.get('/api/v1/pipeline', { schema }, (_request, reply) => sendJson(reply, status()));
}
