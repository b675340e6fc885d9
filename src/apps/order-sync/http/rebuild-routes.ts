import type { FastifyInstance } from 'fastify';
import { TributaryError } from '../../../core/errors.ts';
import { otherProgramFor } from '../../../pipeline/rebuild/other-fold.ts';
import type { RebuildTask } from '../../../pipeline/rebuild/rebuild-job.ts';
import { foldOf } from '../../../pipeline/rebuild/view-mode.ts';
import type { NewJob } from '../../../ports/jobs.ts';
import type { Store } from '../../../ports/store.ts';
import { HttpProblem } from '../../shared/http/problem.ts';
import { jobJson } from '../job-json.ts';
import { rebuildJson } from '../rebuild-json.ts';
import { callerOf } from './caller.ts';
import { CANCEL_SCHEMA, JOB_SCHEMA, REBUILD_SCHEMA, REBUILD_SWITCH_SCHEMA } from './schemas.ts';
import type { ServerParts } from './server-parts.ts';

interface Body {
  readonly reason: string;
  readonly keepOld?: boolean;
}

/** The routes of rebuilds of the view: begin one, see it with its report, switch to it, and discard it. */
export function addRebuildRoutes(app: FastifyInstance, parts: ServerParts): void {
  const { clock, onJob } = parts;

  async function createJob(job: Pick<NewJob, 'requestedBy' | 'reason'>, task: RebuildTask): Promise<object> {
    const { store } = parts;
    const jobId = clock.uuid();
    await store.createJob({
      ...job,
      jobId,
      kind: 'rebuild',
      parameters: { ...task },
      isDryRun: false,
      createdAtMs: clock.now(),
    });
    onJob();
    const created = await store.readJob(jobId);
    return created === null ? {} : jobJson(created);
  }

  app.get(
    '/api/v1/rebuilds',
    {
      schema: {
        operationId: 'readRebuild',
        summary: 'By which fold the rows were made, and the rebuild that is under way with its report.',
        response: { 200: REBUILD_SCHEMA },
      },
    },
    async () => rebuildJson(await migratedOf(parts).viewState()),
  );

  app.post<{ Body: Body }>(
    '/api/v1/rebuilds',
    {
      schema: {
        operationId: 'createRebuild',
        summary: 'Makes the view anew from the journal, beside the present one, and compares the two.',
        body: CANCEL_SCHEMA,
        response: { 202: JOB_SCHEMA },
      },
    },
    async (request, reply) => {
      const { rebuild } = await migratedOf(parts).viewState();
      if (rebuild !== null)
        throw new HttpProblem(
          409,
          'rebuild_refused',
          `The rebuild ${rebuild.rebuildId} is under way: switch to it or discard it first.`,
        );
      const { reason } = request.body;
      const { foldVersion } = foldOf(parts.synced.domain);
      const job = await createJob({ requestedBy: callerOf(request), reason }, { task: 'build', foldVersion });
      return reply.code(202).send(job);
    },
  );

  app.post<{ Body: Body }>(
    // fastify reads two colons as one.
    '/api/v1/rebuilds::switch',
    {
      schema: {
        operationId: 'switchRebuild',
        summary: 'Exchanges the present view for the rebuilt one, and makes the changed states due.',
        body: REBUILD_SWITCH_SCHEMA,
        response: { 202: JOB_SCHEMA },
      },
    },
    async (request, reply) => {
      const { rebuild } = await migratedOf(parts).viewState();
      if (rebuild?.report == null)
        throw new HttpProblem(409, 'rebuild_refused', 'No rebuild has all of its rows yet.');
      const fold = foldOf(parts.synced.domain);
      const needs = otherProgramFor(rebuild, fold);
      if (needs !== null)
        throw new HttpProblem(
          409,
          'rebuild_refused',
          `The rebuild needs ${needs}, and this program has fold version ${fold.foldVersion}: ask an instance of that one.`,
        );
      const { reason, keepOld = false } = request.body;
      const decidedBy = callerOf(request);
      const { rebuildId } = rebuild;
      await parts.store.addAudit({
        action: 'rebuild_switched',
        subject: rebuildId,
        details: { keepsFormer: keepOld },
        decidedBy,
        reason,
        decidedAtMs: clock.now(),
      });
      const job = await createJob(
        { requestedBy: decidedBy, reason },
        { task: 'switch', rebuildId, keepsFormer: keepOld },
      );
      return reply.code(202).send(job);
    },
  );

  app.post<{ Body: Body }>(
    '/api/v1/rebuilds::discard',
    {
      schema: {
        operationId: 'discardRebuild',
        summary: 'Drops the rebuilt table and forgets the rebuild.',
        body: CANCEL_SCHEMA,
        response: { 200: REBUILD_SCHEMA },
      },
    },
    async (request) => {
      const store = migratedOf(parts);
      const { rebuild } = await store.viewState();
      if (rebuild === null) throw new HttpProblem(409, 'rebuild_refused', 'No rebuild is under way.');
      if (!(await discard(store, rebuild.rebuildId)))
        throw new HttpProblem(409, 'rebuild_refused', 'The rebuild is being switched to, or has been.');
      await parts.store.addAudit({
        action: 'rebuild_discarded',
        subject: rebuild.rebuildId,
        details: {},
        decidedBy: callerOf(request),
        reason: request.body.reason,
        decidedAtMs: clock.now(),
      });
      return rebuildJson(await store.viewState());
    },
  );
}

/** A running program often may not drop tables. */
async function discard(store: Store, rebuildId: string): Promise<boolean> {
  try {
    return await store.discardRebuild(rebuildId);
  } catch (error) {
    if (!(error instanceof TributaryError) || error.code !== 'store_refused') throw error;
    throw new HttpProblem(409, 'rebuild_refused', `${error.message} Use "order-sync rebuild --discard".`);
  }
}

function migratedOf({ migrated }: ServerParts): Store {
  const store = migrated();
  if (store === null) throw new HttpProblem(503, 'not_ready', 'The store is not open yet: see /readyz.');
  return store;
}
