import type { Clock } from '../../ports/clock.ts';
import type { RedriveJobs, RedriveProgress } from '../../ports/redrive-jobs.ts';
import type { JobHandler } from './job-worker.ts';

export interface RedriveHandlerOptions {
  readonly store: RedriveJobs;
  readonly clock: Pick<Clock, 'sleep'>;
  /** The most deliveries that become due again in a second, so that the target is not overloaded. */
  readonly perSecond: number;
  /** Called after each step with the number of deliveries that became due again. */
  readonly onRedriven?: (deliveries: number) => void;
}

/** The most deliveries of one transaction. There are fewer at a lower rate. */
const STEP_ROWS = 500;

/** Makes dead deliveries due again. A step is one transaction, which also writes the job's place and counts. */
export function redriveHandler({ store, clock, perSecond, onRedriven }: RedriveHandlerOptions): JobHandler {
  const limit = Math.max(1, Math.min(STEP_ROWS, Math.floor(perSecond)));
  return {
    kind: 'redrive',
    async step(job, claim, signal) {
      const stepped = await store.stepRedrive({ ...claim, jobId: job.jobId, limit });
      if (stepped === null) return stepped;
      const count = ({ redriven = 0 }: Partial<RedriveProgress>) => redriven;
      const redriven = count(stepped.progress) - count(job.progress);
      onRedriven?.(redriven);
      if (stepped.state === 'done') return stepped;
      const pauseMs = (redriven / perSecond) * 1_000;
      if (pauseMs > 0) await clock.sleep(pauseMs, signal);
      return stepped;
    },
  };
}
