import type { FastifyInstance } from 'fastify';
import type { ServerParts } from './server-parts.ts';

/** The route that shows the state of the pipeline. */
export function addPipelineRoutes(app: FastifyInstance, { status }: ServerParts): void {
  app.get('/api/v1/pipeline', (_request, reply) => {
    reply.type('application/json');
    // Offsets are bigints; as texts they keep their last digits in every client.
    return JSON.stringify(status(), (_name, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
  });
}
