import type { DeliveryFilter } from './ledger.ts';

/**
 * Dead deliveries become due again by jobs, which outlive whoever works on them: a job knows how far it is.
 */
export interface RedriveJobs {
  createRedrive(job: NewRedriveJob): Promise<void>;
  readRedrive(jobId: string): Promise<RedriveJob | null>;
  /** A page of all jobs, the newest first, beginning behind `after`. */
  listRedrives(page: { readonly after: RedriveKey | null; readonly limit: number }): Promise<RedriveJob[]>;
  /**
   * The oldest job that is neither done nor at rest, for this claimant alone for `leaseMs`; null if there is none or
   * another instance works on one. So there is one job at work at a time, whatever the number of instances.
   */
  claimRedrive(claim: RedriveClaim): Promise<RedriveJob | null>;
  /**
   * Looks at the next `limit` dead deliveries that match, makes them due with no attempts (unless it is a dry
   * run), counts them and remembers the place, all in one transaction; renews the lease. A delivery is met once,
   * whatever happens to it afterwards. Resolves with the job as it is now, or with null if it is another's.
   */
  stepRedrive(
    step: RedriveClaim & { readonly jobId: string; readonly limit: number },
  ): Promise<RedriveJob | null>;
  /** Gives a job back that fails again and again: it is nobody's for `restMs`, and the jobs behind it go on. */
  restRedrive(rest: RedriveRest): Promise<void>;
}

export interface RedriveKey {
  readonly createdAtMs: number;
  readonly jobId: string;
}

export interface NewRedriveJob extends RedriveKey {
  /** Its `status` says nothing here: only what is dead is redriven. */
  readonly filter: DeliveryFilter;
  readonly isDryRun: boolean;
  readonly requestedBy: string;
}

export interface RedriveJob extends Omit<NewRedriveJob, 'filter'> {
  /** Null if it cannot be read, because somebody has altered it. */
  readonly filter: DeliveryFilter | null;
  readonly state: 'waiting' | 'running' | 'done';
  /** Dead deliveries that matched, up to where the job is. */
  readonly matched: number;
  /** Of those, how many became due again: all, or none in a dry run. */
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
