import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RedriveJobs } from '../../../ports/redrive-jobs.ts';
import { keyNameOf } from '../../shared/http/api-access.ts';
import { afterFrom, limitFrom, PAGE_QUERY, pageOf, type Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { jobJson } from '../delivery-json.ts';
import { nextCursor, placeOf } from './cursor.ts';
import { deadFilterFrom } from './query.ts';
import { ACCEPTED_JOB_SCHEMA, JOB_SCHEMA, JOBS_SCHEMA, REDRIVE_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const LIST_ROWS = 50;

interface RedriveBody {
  readonly filter: Readonly<Record<string, string | number>>;
  readonly dryRun?: boolean;
  readonly requestedBy?: string;
}

/** The routes of redrive jobs, which make dead deliveries due again: create one, list all, and read one. */
export function addJobRoutes(app: FastifyInstance, { store, clock, onJob }: ServerParts): void {
  app.post<{ Body: RedriveBody }>(
    // fastify reads two colons as one; a single one would begin a parameter.
    '/api/v1/dead-letters::redrive',
    {
      schema: {
        operationId: 'redrive',
        summary: 'Begins a job that makes dead deliveries due again.',
        body: REDRIVE_SCHEMA,
        response: { 202: ACCEPTED_JOB_SCHEMA },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const given = Object.fromEntries(
        Object.entries(body.filter).map(([name, value]) => [name, String(value)]),
      );
      const jobId = clock.uuid();
      await store.createRedrive({
        jobId,
        filter: deadFilterFrom(given, '/filter/'),
        isDryRun: body.dryRun ?? false,
        requestedBy: body.requestedBy ?? callerOf(request),
        createdAtMs: clock.now(),
      });
      onJob();
      const job = await knownJob(store, jobId);
      return reply.code(202).header('location', `/api/v1/jobs/${jobId}`).send(job);
    },
  );

  const jobs = {
    operationId: 'listJobs',
    summary: 'All jobs, page by page.',
    querystring: PAGE_QUERY,
    response: { 200: JOBS_SCHEMA },
  };
  app.get<{ Querystring: Query }>('/api/v1/jobs', { schema: jobs }, async (request, reply) => {
    const limit = limitFrom(request.query, LIST_ROWS);
    const after = afterFrom(request.query, placeOf);
    const rows = await store.listRedrives({
      after: after === null ? null : { createdAtMs: Number(after[0]), jobId: after[1] },
      limit: limit + 1,
    });
    const next = nextCursor(rows, limit, (job) => [String(job.createdAtMs), job.jobId]);
    return { data: rows.slice(0, limit).map(jobJson), page: pageOf(request, reply, next) };
  });

  const job = { operationId: 'readJob', summary: 'One job as it is now.', response: { 200: JOB_SCHEMA } };
  app.get<{ Params: { id: string } }>('/api/v1/jobs/:id', { schema: job }, ({ params }) =>
    knownJob(store, params.id),
  );
}

function callerOf(request: FastifyRequest): string {
  const name = keyNameOf(request);
  return name === null ? `HTTP API, from ${request.ip}` : `HTTP API, key ${name}, from ${request.ip}`;
}

async function knownJob(store: RedriveJobs, jobId: string): Promise<object> {
  const job = await store.readRedrive(jobId);
  if (job === null) throw new HttpProblem(404, 'job_unknown', 'There is no job with this id.');
  return jobJson(job);
}
