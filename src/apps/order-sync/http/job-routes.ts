import type { FastifyInstance } from 'fastify';
import type { Jobs } from '../../../ports/jobs.ts';
import { afterFrom, limitFrom, PAGE_QUERY, pageOf, type Query } from '../../shared/http/paging.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { jobJson } from '../job-json.ts';
import { callerOf } from './caller.ts';
import { nextCursor, placeOf } from './cursor.ts';
import { deadFilterFrom } from './query.ts';
import {
  ACCEPTED_JOB_SCHEMA,
  CANCEL_SCHEMA,
  JOB_PAGE_SCHEMA,
  JOB_SCHEMA,
  REDRIVE_SCHEMA,
} from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const LIST_ROWS = 50;

interface RedriveBody {
  readonly filter: Readonly<Record<string, string | number>>;
  readonly dryRun?: boolean;
  readonly requestedBy?: string;
  readonly reason?: string;
}

interface CancelBody {
  readonly reason: string;
}

/** The routes of jobs: list all, read one, cancel one, and create one that makes dead deliveries due again. */
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
      await store.createJob({
        jobId,
        kind: 'redrive',
        parameters: { filter: deadFilterFrom(given, '/filter/') },
        isDryRun: body.dryRun ?? false,
        requestedBy: body.requestedBy ?? callerOf(request),
        reason: body.reason ?? '',
        createdAtMs: clock.now(),
      });
      onJob();
      const job = await knownJob(store, jobId);
      return reply.code(202).header('location', `/api/v1/jobs/${jobId}`).send(job);
    },
  );

  const listSchema = {
    operationId: 'listJobs',
    summary: 'The jobs of all kinds, the newest first.',
    querystring: PAGE_QUERY,
    response: { 200: JOB_PAGE_SCHEMA },
  };
  app.get<{ Querystring: Query }>('/api/v1/jobs', { schema: listSchema }, async (request, reply) => {
    const limit = limitFrom(request.query, LIST_ROWS);
    const after = afterFrom(request.query, placeOf);
    const rows = await store.listJobs({
      after: after === null ? null : { createdAtMs: Number(after[0]), jobId: after[1] },
      limit: limit + 1,
    });
    const next = nextCursor(rows, limit, (job) => [String(job.createdAtMs), job.jobId]);
    return { data: rows.slice(0, limit).map(jobJson), page: pageOf(request, reply, next) };
  });

  app.get<{ Params: { id: string } }>(
    '/api/v1/jobs/:id',
    {
      schema: {
        operationId: 'readJob',
        summary: 'One job, with its progress and its result.',
        response: { 200: JOB_SCHEMA },
      },
    },
    ({ params }) => knownJob(store, params.id),
  );

  // fastify takes two colons for one colon of the path, and the first one for the beginning of the parameter.
  app.post<{ Params: { id: string }; Body: CancelBody }>(
    '/api/v1/jobs/:id(^[^:]+)::cancel',
    {
      schema: {
        operationId: 'cancelJob',
        summary: 'Ends a job that is not done. What it has done stays done.',
        body: CANCEL_SCHEMA,
        response: { 200: JOB_SCHEMA },
      },
    },
    async (request) => {
      const job = await store.cancelJob({
        jobId: request.params.id,
        decidedBy: callerOf(request),
        reason: request.body.reason,
        decidedAtMs: clock.now(),
      });
      if (job === null) throw jobUnknown();
      return jobJson(job);
    },
  );
}

async function knownJob(store: Jobs, jobId: string): Promise<object> {
  const job = await store.readJob(jobId);
  if (job === null) throw jobUnknown();
  return jobJson(job);
}

function jobUnknown(): HttpProblem {
  return new HttpProblem(404, 'job_unknown', 'There is no job with this id.');
}
