import type { Job } from '../../ports/jobs.ts';
import type { JobHandler } from '../jobs/job-worker.ts';
import { OtherFoldError, refuseOtherVersion } from './other-fold.ts';
import { type RebuildPlace, type RebuildStep, WALK_BEGIN } from './places.ts';
import { Rebuild, type RebuildParts } from './rebuild.ts';
import { foldOf } from './view-mode.ts';

/** What a job of the kind `rebuild` does. */
export type RebuildTask = BuildTask | SwitchTask;

/** Makes the new table and the report. */
export interface BuildTask {
  readonly task: 'build';
  /** The fold of the program that asked for it. Missing in jobs of older versions, which any program begins. */
  readonly foldVersion?: number;
  /** The rebuild that this job goes on with, whose first job has ended too early. Default: a new one with the job's id. */
  readonly rebuildId?: string;
}

/** Exchanges the tables. `keepsFormer`: the former table is not dropped. */
export interface SwitchTask {
  readonly task: 'switch';
  readonly rebuildId: string;
  readonly keepsFormer: boolean;
}

export interface RebuildHandlerOptions<State, Event> extends RebuildParts<State, Event> {
  /** The share of the time in which the building works, so that ingest goes on beside it. Default: 1. */
  readonly busyShare?: number;
}

/** The longest rest after a step, so that its progress is seen soon. */
const REST_MAX_MS = 2_000;

/** Works on rebuilds and switches. Leaves those of another fold to programs with that fold. */
export function rebuildHandler<State, Event>(options: RebuildHandlerOptions<State, Event>): JobHandler {
  const { store, clock, busyShare = 1 } = options;
  const rebuild = new Rebuild(options);

  async function build({ jobId, place }: Job, task: BuildTask | null, signal: AbortSignal) {
    const { rebuildId = jobId, foldVersion } = task ?? {};
    if (place !== null || rebuildId === jobId) {
      if (place === null) refuseOtherVersion(foldVersion, foldOf(options.domain));
      return rebuild.build(rebuildId, place as RebuildPlace | null, signal);
    }
    // The rows behind the place at which the first job ended are written, and stay right by catching up.
    const first = await store.readJob(rebuildId);
    return rebuild.build(rebuildId, (first?.place ?? WALK_BEGIN) as RebuildPlace, signal);
  }

  return {
    kind: 'rebuild',
    async step(job, claim, signal) {
      const { jobId, parameters } = job;
      const task = parameters as RebuildTask | null;
      const begunMs = clock.monotonicMs();
      let step: RebuildStep;
      try {
        step =
          task?.task === 'switch'
            ? await rebuild.switch(task.rebuildId, job.place as RebuildPlace | null, signal, task)
            : await build(job, task, signal);
      } catch (error) {
        if (error instanceof OtherFoldError) return { needs: error.needs };
        throw error;
      }
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
