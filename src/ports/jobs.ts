import type { Decision } from './audit.ts';

/**
 * Jobs that operators ask for, and that any instance works off step by step. The store keeps how far a job is, so that
 * after a crash any instance goes on with it. One job of a kind is worked on at a time, whatever the number of instances.
 */
export interface Jobs {
  /** Creates the job, and adds it to the audit log. */
  createJob(job: NewJob): Promise<void>;
  readJob(jobId: string): Promise<Job | null>;
  /** A page of all jobs, the newest first, beginning behind `after`. */
  listJobs(page: { readonly after: JobKey | null; readonly limit: number }): Promise<Job[]>;
  /**
   * Claims the oldest job of this kind that is neither ended nor at rest, for this claimant alone for `leaseMs`.
   * Resolves with null if there is none, or if another claimant has a job of this kind.
   */
  claimJob(claim: JobClaimOfKind): Promise<Job | null>;
  /**
   * Writes how far the job is, and renews the lease. Resolves with the job as it is now, or with null if another
   * claimant has it or somebody has cancelled it.
   */
  saveJob(save: JobSave): Promise<Job | null>;
  /**
   * Renews the lease of a job while a step is under way, and changes nothing else. Resolves with false if another
   * claimant has the job, or if it has ended.
   */
  renewJob(renewal: JobClaim & { readonly jobId: string }): Promise<boolean>;
  /** Gives back a job that fails again and again. Nobody can claim it for `restMs`, and the jobs behind it go on. */
  restJob(rest: {
    readonly claimant: string;
    readonly jobId: string;
    readonly restMs: number;
  }): Promise<void>;
  /**
   * Ends a job that is not done, wherever it is, and adds that to the audit log. Does nothing to a job that has ended.
   * Resolves with the job as it is now, or with null if there is none.
   */
  cancelJob(cancel: Decision & { readonly jobId: string }): Promise<Job | null>;
}

/**
 * - `redrive`: makes dead deliveries due again.
 * - `quarantine_redrive`: decodes quarantined records again.
 * - `verify`: compares view, ledger and targets with the journal.
 * - `rebuild`: makes a new view from the journal.
 */
export type JobKind = 'redrive' | 'quarantine_redrive' | 'verify' | 'rebuild';

/**
 *   waiting --claim--> running --save, save, ...--> done
 *                      running --the lease ends, as after a crash--> running, claimed by any instance
 *                      running --rest--> waiting
 *   waiting or running --cancel--> cancelled
 */
export type JobState = 'waiting' | 'running' | 'done' | 'cancelled';

export interface JobKey {
  readonly createdAtMs: number;
  readonly jobId: string;
}

/** A value that JSON can hold. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface NewJob extends JobKey {
  readonly kind: JobKind;
  /** What the job has to do. Only its worker understands it. */
  readonly parameters: JsonObject;
  /** Whether the job only counts, and changes nothing. */
  readonly isDryRun: boolean;
  readonly requestedBy: string;
  readonly reason: string;
}

/** How far a job is. */
export interface JobStep {
  readonly state: 'running' | 'done';
  /** The counts and results so far, for people. */
  readonly progress: JsonObject;
  /** Where the worker goes on; null before the first step. Only the worker understands it. */
  readonly place: JsonObject | null;
}

export interface JobSave extends JobClaim, JobStep {
  readonly jobId: string;
}

export interface Job extends Omit<NewJob, 'parameters'>, Omit<JobStep, 'state'> {
  /** The parameters; null if somebody has altered them so that they cannot be read. */
  readonly parameters: JsonObject | null;
  readonly state: JobState;
  readonly updatedAtMs: number;
  readonly finishedAtMs: number | null;
}

export interface JobClaimOfKind extends JobClaim {
  readonly kind: JobKind;
  /** The ids of jobs that this claimant leaves to others. Default: none. */
  readonly passesOver?: readonly string[];
}

export interface JobClaim {
  readonly claimant: string;
  readonly leaseMs: number;
}
