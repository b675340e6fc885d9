import type { JobHandler } from '../jobs/job-worker.ts';
import type { RebuildPlace } from './places.ts';
import { Rebuild, type RebuildParts } from './rebuild.ts';

/** What a job of the kind `rebuild` does. */
export type RebuildTask =
  /** Makes the new table and the report. The id of the job is the id of the rebuild. */
  | { readonly task: 'build' }
  /** Exchanges the tables. `keepsFormer`: the former table is not dropped. */
  | { readonly task: 'switch'; readonly rebuildId: string; readonly keepsFormer: boolean };

export interface RebuildHandlerOptions<State, Event> extends RebuildParts<State, Event> {
  /** The share of the time in which the building works, so that ingest goes on beside it. Default: 1. */
  readonly busyShare?: number;
}

/** The longest rest after a step, so that the job's lease does not end. */
const REST_MAX_MS = 2_000;

/** Works on rebuilds and switches. */
export function rebuildHandler<State, Event>(options: RebuildHandlerOptions<State, Event>): JobHandler {
  const { store, clock, busyShare = 1 } = options;
  const rebuild = new Rebuild(options);
  return {
    kind: 'rebuild',
    async step(job, claim, signal) {
      const { jobId, parameters } = job;
      const task = parameters as RebuildTask | null;
      const place = job.place as RebuildPlace | null;
      const begunMs = clock.monotonicMs();
      const step =
        task?.task === 'switch'
          ? await rebuild.switch(task.rebuildId, place, signal, task)
          : await rebuild.build(jobId, place, signal);
      const saved = await store.saveJob({
        ...claim,
        jobId,
        state: step.place === null ? 'done' : 'running',
        progress: step.progress,
        place: step.place === null ? null : { ...step.place },
      });
      const workMs = clock.monotonicMs() - begunMs;
      if (task?.task !== 'switch' && busyShare < 1 && saved?.state === 'running')
        await clock.sleep(Math.min(REST_MAX_MS, workMs / busyShare - workMs), signal);
      return saved;
    },
  };
}
