import type { Job, JobClaim } from './jobs.ts';

/**
 * The step of the jobs of the kind `redrive`, which make dead deliveries due again. Their parameters are
 * `{"filter": DeliveryFilter}`, whose `status` is ignored, because only dead deliveries are redriven. Their progress is
 * a `RedriveProgress`.
 */
export interface RedriveJobs {
  /**
   * Goes through the next `limit` dead deliveries that match the job's filter: makes them due with no attempts (not in
   * a dry run), counts them, remembers the place, and renews the lease, all in one transaction. The job meets each
   * delivery once, whatever happens to it afterwards. Resolves with the job as it is now, or with null if another
   * claimant has it or somebody has cancelled it.
   */
  stepRedrive(step: RedriveStep): Promise<Job | null>;
}

export interface RedriveStep extends JobClaim {
  readonly jobId: string;
  readonly limit: number;
}

export interface RedriveProgress {
  /** The number of matching dead deliveries that the job has met. */
  readonly matched: number;
  /** The number of them that became due again: all, or none in a dry run. */
  readonly redriven: number;
}
