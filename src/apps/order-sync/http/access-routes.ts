import type { FastifyInstance } from 'fastify';
import { keyOf } from '../../shared/http/api-access.ts';
import { API_SCOPES } from '../../shared/http/api-keys.ts';
import { ACCESS_SCHEMA } from './access-schemas.ts';
import type { ServerParts } from './server-parts.ts';

/** The route by which a caller learns what its key may do. */
export function addAccessRoutes(app: FastifyInstance, { access, trial }: ServerParts): void {
  const schema = {
    operationId: 'readAccess',
    summary: 'What the caller may do here.',
    response: { 200: ACCESS_SCHEMA },
  };
  app.get('/api/v1/access', { schema }, async (request) => {
    const key = keyOf(request);
    return {
      keyNeeded: access !== 'open',
      keyName: key?.name ?? null,
      scopes: access === 'open' ? API_SCOPES['order-sync'] : [...(key?.scopes ?? [])],
      tryIt: trial !== null,
    };
  });
}
