import type { FastifyInstance } from 'fastify';
import { SERIES_STEP_SECONDS } from '../../../pipeline/status/series.ts';
import { SERIES_SCHEMA } from './series-schemas.ts';
import type { ServerParts } from './server-parts.ts';

/** The route that shows the last hour of this instance. */
export function addSeriesRoutes(app: FastifyInstance, { series }: ServerParts): void {
  const schema = {
    operationId: 'readSeries',
    summary: 'What flowed through this instance in the last hour, in steps of 10 s.',
    response: { 200: SERIES_SCHEMA },
  };
  app.get('/api/v1/series', { schema }, async () => ({
    stepSeconds: SERIES_STEP_SECONDS,
    points: series(),
  }));
}
