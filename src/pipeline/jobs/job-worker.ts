import { isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Job, JobClaim, JobKind, Jobs } from '../../ports/jobs.ts';
import type { Logger } from '../../ports/logger.ts';
import { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { LinkedAbort, OVER } from '../linked-abort.ts';
import { supervised } from '../supervised.ts';

/** Does the work of one kind of jobs. */
export interface JobHandler {
  readonly kind: JobKind;
  /**
   * Does the next part of the job, in a few seconds if it can, and saves how far the job is under `claim`
   * (`Jobs.saveJob`, or a method that saves it in the transaction of the work). Resolves with the job as it is saved, or
   * with null if the job is not this claimant's any more, or with `LeftToOthers` if another program has to do it. The worker
   * renews the claim meanwhile. `signal` is aborted when the worker stops, when the job is cancelled, and when another
   * claimant has it: then the step ends soon. It may rest before it resolves, until `signal` is aborted. Whatever it throws,
   * it is called again with the job as the store has it.
   */
  step(job: Job, claim: JobClaim, signal: AbortSignal): Promise<Job | LeftToOthers | null>;
}

/** The job is not for this program, and nothing of it was done. */
export interface LeftToOthers {
  /** The program that may do it, for people, such as "a program with fold version 2". */
  readonly needs: string;
}

export interface JobWorkerOptions {
  readonly store: Jobs;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The time between looks for jobs that other instances made, or left. Default: 1 s. */
  readonly pollMs?: number;
  /** After a crash a job stands still for at most this time. A claim is renewed three times in it. Default: 10 s. */
  readonly leaseMs?: number;
  /** Counts the defects of the program. Default: a new count. */
  readonly defects?: Defects;
}

const LEASE_MS = 10_000;
/** A claim is renewed this many times during its lease. */
const RENEWALS_A_LEASE = 3;
const STORE_BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** A job rests after this many failures in a row. */
const FAILURES_MAX = 5;
/** The rest of a job. The jobs behind it go on meanwhile. */
const REST_MS = 60_000;
/** A job that this program left to others is passed over for this time. */
const PASS_OVER_MS = 60_000;

/**
 * Works off jobs of the kinds that it has handlers for. There is one loop for each kind, so kinds run side by side. All
 * instances together work on one job of a kind at a time:
 *
 *   waiting --claim--> running --step, step, ...--> done
 *                      running --the lease ends, as after a crash--> running, claimed by any instance
 *                      running --a refusal, a defect, or failures in a row--> waiting, after a rest
 *                      running --this program must not do it--> waiting, for any other instance at once
 *                      waiting or running --somebody cancels it--> cancelled
 *
 * A claim lasts for as long as its step, because it is renewed meanwhile, and it ends with the process.
 *
 * The store keeps the job's place and counts. So whatever happens to this process, another one goes on behind the last
 * step that was saved.
 */
export class JobWorker {
  readonly #options: JobWorkerOptions;
  readonly #claimant: string;
  readonly #defects: Defects;
  readonly #stopping = new AbortController();
  readonly #loops: KindLoop[] = [];
  readonly #running: Promise<void>[] = [];

  constructor(options: JobWorkerOptions) {
    this.#options = options;
    this.#claimant = options.clock.uuid();
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
  }

  /** Begins to work on jobs of these kinds, each of which may be given once. Does nothing after `stop`. */
  start(handlers: readonly JobHandler[]): void {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    for (const handler of handlers) {
      const loop = new KindLoop(handler, this.#claimant, this.#defects, this.#options);
      this.#loops.push(loop);
      const supervision = { defects: this.#defects, clock, signal };
      this.#running.push(supervised(`the ${handler.kind} jobs`, () => loop.run(signal), supervision));
    }
  }

  /** Has the loops look for a new job now, and not at the next poll. */
  wake(): void {
    for (const loop of this.#loops) loop.wake();
  }

  /**
   * Finishes the steps that are under way. Another instance, or the next start, goes on with the jobs. May be called
   * twice.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }
}

/** The loop of one kind. */
class KindLoop {
  readonly #handler: JobHandler;
  readonly #claim: JobClaim;
  readonly #defects: Defects;
  readonly #options: JobWorkerOptions;
  readonly #wake = new Gate();
  #failing: { readonly jobId: string; readonly failures: number } | null = null;
  /** When the jobs that were left to other programs are looked at again, by job id. */
  readonly #leftUntilMs = new Map<string, number>();

  constructor(handler: JobHandler, claimant: string, defects: Defects, options: JobWorkerOptions) {
    this.#handler = handler;
    this.#claim = { claimant, leaseMs: options.leaseMs ?? LEASE_MS };
    this.#defects = defects;
    this.#options = options;
  }

  wake(): void {
    this.#wake.open();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, clock, logger, pollMs = 1_000 } = this.#options;
    const { kind } = this.#handler;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const job = await store.claimJob({ ...this.#claim, kind, passesOver: this.#left() });
        if (job === null) await this.#wake.waitFor(pollMs, clock, signal);
        else await this.#workOffOrRest(job, signal);
        failures = 0;
      } catch (error) {
        if (isDefect(error)) throw error;
        failures++;
        logger('warn', `A ${kind} job cannot go on just now: ${messageOf(error)}`, { failures });
        await clock.sleep(fullJitterMs(STORE_BACKOFF, failures, clock.random()), signal);
      }
    }
  }

  /** Rejects with an error that may pass, so that the job is tried again after a pause. */
  async #workOffOrRest(job: Job, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options;
    const { jobId, kind } = job;
    try {
      await this.#workOff(job, signal);
    } catch (error) {
      const failures = this.#failing?.jobId === jobId ? this.#failing.failures + 1 : 1;
      this.#failing = { jobId, failures };
      if (isRetryable(error) && failures < FAILURES_MAX) throw error;
      if (isDefect(error)) this.#defects.met(`the ${kind} job ${jobId}`, error);
      await store.restJob({ claimant: this.#claim.claimant, jobId, restMs: REST_MS });
      this.#failing = null;
      logger('error', `The ${kind} job ${jobId} rests for ${REST_MS / 1_000} s: ${messageOf(error)}`, {
        failures,
      });
    }
  }

  async #workOff(job: Job, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { jobId, kind } = job;
    logger('info', `The ${kind} job ${jobId} is under way`, countsOf(job));
    for (let known = job; !signal.aborted; ) {
      const stepped = await this.#stepWhileHeld(known, signal);
      this.#failing = null;
      if (stepped === null) return;
      if ('needs' in stepped) return this.#leave(known, stepped.needs);
      known = stepped;
      if (known.state !== 'done') continue;
      logger('info', `The ${kind} job ${jobId} is done`, countsOf(known));
      return;
    }
  }

  /**
   * Makes a step, and renews the claim until it ends, however long it takes. If the claim is lost, aborts the step's signal;
   * what the step makes of that is no failure of the job.
   */
  async #stepWhileHeld(job: Job, signal: AbortSignal): Promise<Job | LeftToOthers | null> {
    const held = new LinkedAbort(signal);
    const over = new AbortController();
    let isLost = false;
    const renewing = this.#keepRenewing(job, over.signal).then((isHeld) => {
      isLost = !isHeld;
      if (isLost) held.abort();
    });
    try {
      return await this.#handler.step(job, this.#claim, held.signal);
    } catch (error) {
      if (!isLost || isDefect(error)) throw error;
      this.#options.logger('info', `The ${job.kind} job ${job.jobId} is left: ${messageOf(error)}`);
      return null;
    } finally {
      held.unlink();
      over.abort(OVER);
      await renewing;
    }
  }

  /** Renews the claim until the step is over. Resolves with false as soon as the job is not this claimant's any more. */
  async #keepRenewing({ jobId, kind }: Job, over: AbortSignal): Promise<boolean> {
    const { store, clock, logger } = this.#options;
    const { claimant, leaseMs } = this.#claim;
    for (;;) {
      await clock.sleep(leaseMs / RENEWALS_A_LEASE, over);
      if (over.aborted) return true;
      try {
        if (!(await store.renewJob({ claimant, leaseMs, jobId }))) return false;
      } catch (error) {
        if (isDefect(error)) this.#defects.met(`the renewal of the ${kind} job ${jobId}`, error);
        else
          logger('warn', `The claim of the ${kind} job ${jobId} could not be renewed: ${messageOf(error)}`);
      }
    }
  }

  /** Gives the job back at once, and notes in its progress which program it waits for. */
  async #leave({ jobId, kind, progress, place }: Job, needs: string): Promise<void> {
    const { store, clock, logger } = this.#options;
    const noted = { ...progress, waitsFor: needs };
    await store.saveJob({ ...this.#claim, jobId, state: 'running', progress: noted, place });
    await store.restJob({ claimant: this.#claim.claimant, jobId, restMs: 0 });
    this.#leftUntilMs.set(jobId, clock.monotonicMs() + PASS_OVER_MS);
    logger('warn', `The ${kind} job ${jobId} is left to other instances: it needs ${needs}.`);
  }

  /** The jobs that are passed over now. */
  #left(): string[] {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [jobId, untilMs] of this.#leftUntilMs) if (untilMs <= nowMs) this.#leftUntilMs.delete(jobId);
    return [...this.#leftUntilMs.keys()];
  }
}

/** The counts of the job's progress, for a log line. */
function countsOf({ progress }: Job): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(progress).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
