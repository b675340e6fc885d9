import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../ports/clock.ts';
import type { DeliveryFilter, DeliveryInspection } from '../../../ports/ledger.ts';
import type { RedriveJobs } from '../../../ports/redrive-jobs.ts';
import { keyNameOf } from '../../shared/http/api-access.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { FILTER_NAMES, FilterFault, filterOf } from './delivery-filter.ts';
import { attemptJson, deliveryJson, jobJson } from './delivery-json.ts';
import { afterFrom, limitFrom, type Query, sendPage } from './paging.ts';

export interface DeliveryParts {
  readonly store: DeliveryInspection & RedriveJobs;
  readonly clock: Clock;
  /** A job was created: there is something to do. */
  readonly onJob: () => void;
}

const ATTEMPTS_SHOWN = 100;
const PREFIX = '/api/v1';

/** What the ledger says, and the jobs that redrive dead letters. */
export function addDeliveryRoutes(app: FastifyInstance, parts: DeliveryParts): void {
  const { store } = parts;

  app.get<{ Querystring: Query }>(`${PREFIX}/deliveries`, (request, reply) =>
    sendDeliveries(request, reply, store, filterFrom(request.query)),
  );

  app.get<{ Querystring: Query }>(`${PREFIX}/dead-letters`, (request, reply) =>
    sendDeliveries(request, reply, store, { ...deadFilterFrom(request.query), status: 'dead' }),
  );

  app.get<{ Params: { target: string; entityId: string } }>(
    `${PREFIX}/deliveries/:target/:entityId`,
    async ({ params: { target, entityId } }) => {
      const delivery = await store.readDelivery(target, entityId);
      if (delivery === null)
        throw new HttpProblem(404, 'delivery_unknown', 'Nothing was ever due to this target of this entity.');
      const attempts = await store.readAttempts({ target, entityId }, ATTEMPTS_SHOWN);
      return { ...deliveryJson(delivery), attemptLog: attempts.map(attemptJson) };
    },
  );

  // Two colons are one: a single one would begin a parameter.
  app.post<{ Body: RedriveBody }>(
    `${PREFIX}/dead-letters::redrive`,
    { schema: { body: REDRIVE_BODY } },
    async (request, reply) => {
      const { body } = request;
      const given = Object.fromEntries(
        Object.entries(body.filter).map(([name, value]) => [name, String(value)]),
      );
      const jobId = parts.clock.uuid();
      await store.createRedrive({
        jobId,
        filter: deadFilterFrom(given, '/filter/'),
        isDryRun: body.dryRun ?? false,
        requestedBy: body.requestedBy ?? callerOf(request),
        createdAtMs: parts.clock.now(),
      });
      parts.onJob();
      const job = await knownJob(store, jobId);
      return reply.code(202).header('location', `${PREFIX}/jobs/${jobId}`).send(job);
    },
  );

  app.get<{ Querystring: Query }>(`${PREFIX}/jobs`, async (request, reply) => {
    const limit = limitFrom(request.query);
    const after = afterFrom(request.query);
    const rows = await store.listRedrives({
      after: after === null ? null : { createdAtMs: Number(after[0]), jobId: after[1] },
      limit: limit + 1,
    });
    return sendPage(request, reply, {
      rows,
      limit,
      placeOf: (job) => [String(job.createdAtMs), job.jobId],
      toJson: jobJson,
    });
  });

  app.get<{ Params: { id: string } }>(`${PREFIX}/jobs/:id`, ({ params }) => knownJob(store, params.id));
}

function callerOf(request: FastifyRequest): string {
  const name = keyNameOf(request);
  return name === null ? `HTTP API, from ${request.ip}` : `HTTP API, key ${name}, from ${request.ip}`;
}

interface RedriveBody {
  readonly filter: Readonly<Record<string, string | number>>;
  readonly dryRun?: boolean;
  readonly requestedBy?: string;
}

/** An empty filter is all dead letters, but it has to be said. */
const REDRIVE_BODY = {
  type: 'object',
  required: ['filter'],
  additionalProperties: false,
  properties: {
    filter: { type: 'object', additionalProperties: { type: ['string', 'integer'] } },
    dryRun: { type: 'boolean' },
    requestedBy: { type: 'string', minLength: 1, maxLength: 255 },
  },
} as const;

async function sendDeliveries(
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
  store: DeliveryInspection,
  filter: DeliveryFilter,
): Promise<FastifyReply> {
  const limit = limitFrom(request.query);
  const after = afterFrom(request.query);
  const rows = await store.listDeliveries({
    filter,
    after: after === null ? null : { target: after[0], entityId: after[1] },
    limit: limit + 1,
  });
  return sendPage(request, reply, {
    rows,
    limit,
    placeOf: ({ target, entityId }) => [target, entityId],
    toJson: deliveryJson,
  });
}

async function knownJob(store: RedriveJobs, jobId: string): Promise<object> {
  const job = await store.readRedrive(jobId);
  if (job === null) throw new HttpProblem(404, 'job_unknown', 'There is no job of this id.');
  return jobJson(job);
}

/** Of dead letters the status is known. */
function deadFilterFrom(given: Query, pointer = '/'): DeliveryFilter {
  if (given.status !== undefined && given.status !== 'dead')
    throw filterProblem(`${pointer}status`, 'is dead, or left out: dead letters have no other');
  return filterFrom(given, pointer);
}

function filterFrom(given: Query, pointer = '/'): DeliveryFilter {
  const known: readonly string[] = [...FILTER_NAMES, ...(pointer === '/' ? ['limit', 'after'] : [])];
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name))
      throw filterProblem(`${pointer}${name}`, `is no filter; there are ${FILTER_NAMES.join(', ')}`);
    if (typeof value !== 'string') throw filterProblem(`${pointer}${name}`, 'is given more than once');
  }
  try {
    return filterOf(given as Readonly<Record<string, string>>);
  } catch (error) {
    if (error instanceof FilterFault) throw filterProblem(`${pointer}${error.part}`, error.message);
    throw error;
  }
}

function filterProblem(pointer: string, detail: string): HttpProblem {
  return new HttpProblem(400, 'filter_invalid', 'A filter is not as it has to be; see errors.', {
    errors: [{ pointer, detail }],
  });
}
