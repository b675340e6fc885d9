import { type FastifyInstance, fastify } from 'fastify';
import type { SyncStatus } from '../../pipeline/sync.ts';

export interface HttpParts {
  readonly health: () => Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>;
  readonly status: () => SyncStatus;
}

/** The HTTP API of order-sync: whether it lives, whether it works, and how far it is. */
export function buildServer({ health, status }: HttpParts): FastifyInstance {
  const app = fastify({ logger: false });
  app.get('/livez', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const verdict = await health();
    if (verdict.ok) return { status: 'ok' };
    reply.code(503).type('application/problem+json');
    return {
      type: 'about:blank',
      title: 'Not ready',
      status: 503,
      detail: verdict.reason,
      instance: '/readyz',
      code: 'not_ready',
    };
  });
  app.get('/api/v1/pipeline', (_request, reply) => {
    reply.type('application/json');
    // Offsets are bigints; as text they keep their last digits in every client.
    return JSON.stringify(status(), (_name, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
  });
  return app;
}
