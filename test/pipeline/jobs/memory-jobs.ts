import type { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import type { Job, JobClaim, JobClaimOfKind, JobSave, Jobs, NewJob } from '../../../src/ports/jobs.ts';

const LATENCY_MS = 2;

type Row = {
  -readonly [Key in keyof Job]: Job[Key];
} & { claimant: string | null; heldUntilMs: number };

/** A store of jobs in memory that keeps the promises of the port, and fails when it is told to. */
export class MemoryJobs implements Jobs {
  readonly rows = new Map<string, Row>();
  /** By job: the counts that were saved, in their sequence. */
  readonly saved = new Map<string, number[]>();
  isDown = false;
  readonly #clock: SeededClock;

  constructor(clock: SeededClock) {
    this.#clock = clock;
  }

  /** The store as one process has it. After `freeze`, no call of the process is answered any more. */
  seenBy(process: { readonly isFrozen: boolean }): Jobs {
    const asked = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
      await this.#clock.sleep(LATENCY_MS);
      if (process.isFrozen) return new Promise<never>(() => {});
      if (this.isDown) throw new TributaryError('store_unreachable', 'Nobody is there.');
      const answer = await work();
      await this.#clock.sleep(LATENCY_MS);
      return process.isFrozen ? new Promise<never>(() => {}) : answer;
    };
    return {
      createJob: (job) => asked(() => this.createJob(job)),
      readJob: (jobId) => asked(() => this.readJob(jobId)),
      listJobs: () => asked(() => this.listJobs()),
      claimJob: (claim) => asked(() => this.claimJob(claim)),
      saveJob: (save) => asked(() => this.saveJob(save)),
      renewJob: (renewal) => asked(() => this.renewJob(renewal)),
      restJob: (rest) => asked(() => this.restJob(rest)),
      cancelJob: (cancel) => asked(() => this.cancelJob(cancel)),
    };
  }

  async createJob(job: NewJob): Promise<void> {
    this.rows.set(job.jobId, {
      ...job,
      state: 'waiting',
      progress: {},
      place: null,
      updatedAtMs: 0,
      finishedAtMs: null,
      claimant: null,
      heldUntilMs: 0,
    });
  }

  async readJob(jobId: string): Promise<Job | null> {
    const row = this.rows.get(jobId);
    return row === undefined ? null : { ...row };
  }

  async listJobs(): Promise<Job[]> {
    return [...this.rows.values()].map((row) => ({ ...row })).reverse();
  }

  async claimJob({ kind, claimant, leaseMs, passesOver = [] }: JobClaimOfKind): Promise<Job | null> {
    const nowMs = this.#clock.monotonicMs();
    const open = [...this.rows.values()]
      .filter((row) => row.kind === kind && (row.state === 'waiting' || row.state === 'running'))
      .sort((one, other) => one.createdAtMs - other.createdAtMs);
    const isHeld = (row: Row) => row.heldUntilMs > nowMs;
    if (open.some((row) => isHeld(row) && row.claimant !== null && row.claimant !== claimant)) return null;
    const row =
      open.find((each) => each.claimant === claimant) ??
      open.find((each) => !isHeld(each) && !passesOver.includes(each.jobId));
    if (row === undefined) return null;
    row.state = 'running';
    row.claimant = claimant;
    row.heldUntilMs = nowMs + leaseMs;
    return { ...row };
  }

  #claimed({ jobId, claimant }: { readonly jobId: string; readonly claimant: string }): Row | null {
    const row = this.rows.get(jobId);
    return row?.claimant === claimant && row.state === 'running' ? row : null;
  }

  async saveJob({ jobId, claimant, leaseMs, state, progress, place }: JobSave): Promise<Job | null> {
    const row = this.#claimed({ jobId, claimant });
    if (row === null) return null;
    Object.assign(row, { state, progress, place, heldUntilMs: this.#clock.monotonicMs() + leaseMs });
    if (place !== null) this.saved.set(jobId, [...(this.saved.get(jobId) ?? []), Number(place.count)]);
    return { ...row };
  }

  async renewJob({ jobId, claimant, leaseMs }: JobClaim & { readonly jobId: string }): Promise<boolean> {
    const row = this.#claimed({ jobId, claimant });
    if (row === null) return false;
    row.heldUntilMs = this.#clock.monotonicMs() + leaseMs;
    return true;
  }

  async restJob({
    jobId,
    claimant,
    restMs,
  }: {
    readonly jobId: string;
    readonly claimant: string;
    readonly restMs: number;
  }): Promise<void> {
    const row = this.#claimed({ jobId, claimant });
    if (row === null) return;
    Object.assign(row, {
      state: 'waiting',
      claimant: null,
      heldUntilMs: this.#clock.monotonicMs() + restMs,
    });
  }

  async cancelJob({ jobId }: { readonly jobId: string }): Promise<Job | null> {
    const row = this.rows.get(jobId);
    if (row?.state === 'waiting' || row?.state === 'running')
      Object.assign(row, { state: 'cancelled', claimant: null });
    return row === undefined ? null : { ...row };
  }
}
