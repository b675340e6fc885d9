import type { FastifyInstance } from 'fastify';
import type { VerifyParameters } from '../../../pipeline/jobs/verify.ts';
import { DEFAULT_RATE, RATE_MAX, SAMPLE_MAX } from '../../../pipeline/verify/limits.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { jobJson } from '../job-json.ts';
import { callerOf } from './caller.ts';
import { JOB_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

const VERIFICATION_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    all: { type: 'boolean', description: 'Compare all orders. Give this or `sample`.' },
    sample: {
      type: 'integer',
      minimum: 1,
      maximum: SAMPLE_MAX,
      description: 'Compare this number of orders, chosen at random.',
    },
    rate: {
      type: 'integer',
      minimum: 0,
      maximum: RATE_MAX,
      description: `The most orders a second; 0 for no limit. Default: ${DEFAULT_RATE}.`,
    },
    repair: { type: 'boolean', description: 'Put right what differs.' },
    target: { type: 'string', description: 'Also compare what this target holds.' },
    requestedBy: { type: 'string', minLength: 1, maxLength: 255 },
    reason: { type: 'string', maxLength: 1000 },
  },
} as const;

interface VerificationBody {
  readonly all?: boolean;
  readonly sample?: number;
  readonly rate?: number;
  readonly repair?: boolean;
  readonly target?: string;
  readonly requestedBy?: string;
  readonly reason?: string;
}

/** The route that asks for a verification. The job has its progress and its result. */
export function addVerificationRoutes(
  app: FastifyInstance,
  { store, clock, onJob, targetsThatTell }: ServerParts,
): void {
  app.post<{ Body: VerificationBody }>(
    '/api/v1/verifications',
    {
      schema: {
        operationId: 'verify',
        summary: 'Makes a job that compares view, ledger and, if wanted, a target with the journal.',
        body: VERIFICATION_SCHEMA,
        response: { 202: JOB_SCHEMA },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const parameters = parametersFrom(body, targetsThatTell);
      const jobId = clock.uuid();
      await store.createJob({
        jobId,
        kind: 'verify',
        parameters: { ...parameters },
        isDryRun: !parameters.repairs,
        requestedBy: body.requestedBy ?? callerOf(request),
        reason: body.reason ?? '',
        createdAtMs: clock.now(),
      });
      onJob();
      const job = await store.readJob(jobId);
      if (job === null) throw new HttpProblem(404, 'job_unknown', 'There is no job with this id.');
      return reply.code(202).header('location', `/api/v1/jobs/${jobId}`).send(jobJson(job));
    },
  );
}

function parametersFrom(
  { all, sample, rate = DEFAULT_RATE, repair = false, target }: VerificationBody,
  targetsThatTell: readonly string[],
): VerifyParameters {
  if ((all === true) === (sample !== undefined))
    throw problem('/sample', 'is given, or all is true, and not both');
  if (target !== undefined && !targetsThatTell.includes(target))
    throw problem('/target', `is a target that tells what it holds: ${targetsThatTell.join(', ')}`);
  return {
    sample: sample ?? null,
    perSecond: rate === 0 ? null : rate,
    repairs: repair,
    target: target ?? null,
  };
}

function problem(pointer: string, detail: string): HttpProblem {
  return new HttpProblem(400, 'verification_invalid', 'The verification is invalid; see errors.', {
    errors: [{ pointer, detail }],
  });
}
