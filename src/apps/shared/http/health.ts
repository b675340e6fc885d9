import type { FastifyInstance } from 'fastify';
import { type ApiAccess, maySeeDetails } from './api-access.ts';
import { HttpProblem, sendProblem } from './problem.ts';

/**
 * Whether a program can do its work. `reason` may hold addresses, paths and words of a server; callers who may not see
 * these get `summary`, which names the part alone. `warnings` and `notes` are for operators, although the program does its
 * work. A note tells what an operator has paused.
 */
export type Readiness = (
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly reason: string; readonly summary: string }
) & { readonly warnings?: readonly string[]; readonly notes?: readonly string[] };

export interface HealthParts {
  readonly access: ApiAccess;
  readonly readiness: () => Promise<Readiness>;
}

const STATUS_SCHEMA = {
  description: 'Yes.',
  type: 'object',
  required: ['status'],
  properties: { status: { const: 'ok' } },
  additionalProperties: true,
} as const;

/** Adds `/livez` and `/readyz`. A program that is not ready answers 503; this is not logged, since probes ask all the time. */
export function addHealthRoutes(app: FastifyInstance, { access, readiness }: HealthParts): void {
  const response = { 200: STATUS_SCHEMA };
  const livez = { operationId: 'isAlive', summary: 'Whether the program runs.', response };
  app.get('/livez', { schema: livez }, async () => ({ status: 'ok' }));
  const readyz = { operationId: 'isReady', summary: 'Whether the program can do its work now.', response };
  app.get('/readyz', { schema: readyz }, async (request, reply) => {
    const verdict = await readiness();
    const seesDetails = maySeeDetails(access, request);
    const { warnings, notes } = verdict;
    const members = {
      ...(seesDetails && warnings !== undefined ? { warnings } : {}),
      ...(seesDetails && notes !== undefined ? { notes } : {}),
    };
    if (verdict.ok) return { status: 'ok', ...members };
    const detail = seesDetails ? verdict.reason : verdict.summary;
    return sendProblem(request, reply, new HttpProblem(503, verdict.code, detail, { members }));
  });
}
