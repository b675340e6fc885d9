import type { DeliveryFilter } from './ledger.ts';

/**
 * Jobs that make dead deliveries due again. The store keeps how far a job is, so that any instance can go on with it.
 */
export interface RedriveJobs {
  createRedrive(job: NewRedriveJob): Promise<void>;
  readRedrive(jobId: string): Promise<RedriveJob | null>;
  /** A page of all jobs, the newest first, beginning behind `after`. */
  listRedrives(page: { readonly after: RedriveKey | null; readonly limit: number }): Promise<RedriveJob[]>;
  /**
   * Claims the oldest job that is neither done nor at rest, for this claimant alone for `leaseMs`. Resolves with null
   * if there is none, or if another claimant has a job: one job is worked on at a time, whatever the number of
   * instances.
   */
  claimRedrive(claim: RedriveClaim): Promise<RedriveJob | null>;
  /**
   * Goes through the next `limit` dead deliveries that match the job's filter: makes them due with no attempts (not in
   * a dry run), counts them, remembers the place, and renews the lease, all in one transaction. The job meets each
   * delivery once, whatever happens to it afterwards. Resolves with the job as it is now, or with null if another
   * claimant has it.
   */
  stepRedrive(
    step: RedriveClaim & { readonly jobId: string; readonly limit: number },
  ): Promise<RedriveJob | null>;
  /** Gives back a job that fails again and again. Nobody can claim it for `restMs`, and the jobs behind it go on. */
  restRedrive(rest: RedriveRest): Promise<void>;
}

export interface RedriveKey {
  readonly createdAtMs: number;
  readonly jobId: string;
}

export interface NewRedriveJob extends RedriveKey {
  /** Selects the deliveries. Its `status` is ignored, because only dead deliveries are redriven. */
  readonly filter: DeliveryFilter;
  readonly isDryRun: boolean;
  readonly requestedBy: string;
}

export interface RedriveJob extends Omit<NewRedriveJob, 'filter'> {
  /** The filter; null if somebody has altered it so that it cannot be read. */
  readonly filter: DeliveryFilter | null;
  readonly state: 'waiting' | 'running' | 'done';
  /** The number of matching dead deliveries that the job has met. */
  readonly matched: number;
  /** The number of them that became due again: all, or none in a dry run. */
  readonly redriven: number;
  readonly updatedAtMs: number;
  readonly finishedAtMs: number | null;
}

export interface RedriveClaim {
  readonly claimant: string;
  readonly leaseMs: number;
}

export interface RedriveRest {
  readonly claimant: string;
  readonly jobId: string;
  readonly restMs: number;
}
