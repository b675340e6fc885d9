import { isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RedriveJob, RedriveJobs } from '../../ports/redrive-jobs.ts';
import { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { supervised } from '../supervised.ts';

export interface RedriveOptions {
  readonly store: RedriveJobs;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The most deliveries that become due again in a second, so that the target is not overloaded. */
  readonly perSecond: number;
  /** The time between looks for jobs that other instances made, or left. Default: 1 s. */
  readonly pollMs?: number;
  /** Counts the defects of the program. Default: a new count. */
  readonly defects?: Defects;
  /** Called after each step with the number of deliveries that became due again. */
  readonly onRedriven?: (deliveries: number) => void;
}

/** The most deliveries of one transaction. There are fewer at a lower rate. */
const STEP_ROWS = 500;
/** Far longer than a step with the pause after it. After a crash a job stands still for at most this time. */
const LEASE_MS = 10_000;
const STORE_BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** A job rests after this many failures in a row. */
const FAILURES_MAX = 5;
/** The rest of a job. The jobs behind it go on meanwhile. */
const REST_MS = 60_000;

/**
 * Works off redrive jobs. All instances together work on one job at a time:
 *
 *   waiting --claim--> running --step, step, ...--> done
 *                      running --the lease ends, as after a crash--> running, claimed by any instance
 *                      running --a refusal, a defect, or failures in a row--> waiting, after a rest
 *
 * A step is one transaction, which also writes the job's place and counts. So whatever happens to this loop, the next one
 * goes on behind the last committed step. While a job rests, the jobs behind it go on.
 */
export class Redrive {
  readonly #options: RedriveOptions;
  readonly #claimant: string;
  readonly #defects: Defects;
  readonly #stopping = new AbortController();
  readonly #wake = new Gate();
  #running: Promise<void> | undefined;
  #failing: { readonly jobId: string; readonly failures: number } | null = null;

  constructor(options: RedriveOptions) {
    this.#options = options;
    this.#claimant = options.clock.uuid();
    this.#defects = options.defects ?? new Defects(options.clock, options.logger);
  }

  /** Does nothing after `stop`. */
  start(): void {
    const supervision = {
      defects: this.#defects,
      clock: this.#options.clock,
      signal: this.#stopping.signal,
    };
    this.#running ??= supervised('the redrive jobs', () => this.#loop(), supervision);
  }

  /** Has the loop look for a new job now, and not at the next poll. */
  wake(): void {
    this.#wake.open();
  }

  /** Finishes the step that is under way. Another instance, or the next start, goes on with the job. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { clock, logger, pollMs = 1_000 } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const job = await this.#options.store.claimRedrive(this.#claim());
        if (job === null) await this.#wake.waitFor(pollMs, clock, signal);
        else await this.#workOffOrRest(job);
        failures = 0;
      } catch (error) {
        if (isDefect(error)) throw error;
        failures++;
        logger('warn', `A redrive job cannot go on just now: ${messageOf(error)}`, { failures });
        await clock.sleep(fullJitterMs(STORE_BACKOFF, failures, clock.random()), signal);
      }
    }
  }

  /** Rejects with an error that may pass, so that the job is tried again after a pause. */
  async #workOffOrRest(job: RedriveJob): Promise<void> {
    const { store, logger } = this.#options;
    const { jobId } = job;
    try {
      await this.#workOff(job);
    } catch (error) {
      const failures = this.#failing?.jobId === jobId ? this.#failing.failures + 1 : 1;
      this.#failing = { jobId, failures };
      if (isRetryable(error) && failures < FAILURES_MAX) throw error;
      if (isDefect(error)) this.#defects.met(`redrive job ${jobId}`, error);
      await store.restRedrive({ claimant: this.#claimant, jobId, restMs: REST_MS });
      this.#failing = null;
      logger('error', `Redrive job ${jobId} rests for ${REST_MS / 1_000} s: ${messageOf(error)}`, {
        failures,
      });
    }
  }

  async #workOff(job: RedriveJob): Promise<void> {
    const { store, clock, logger, perSecond } = this.#options;
    const { signal } = this.#stopping;
    const limit = Math.max(1, Math.min(STEP_ROWS, Math.floor(perSecond)));
    logger('info', `Redrive job ${job.jobId} is under way, ${job.matched} matched so far`);
    for (let known = job; !signal.aborted; ) {
      const stepped = await store.stepRedrive({ ...this.#claim(), jobId: job.jobId, limit });
      this.#failing = null;
      if (stepped === null) return;
      this.#options.onRedriven?.(stepped.redriven - known.redriven);
      if (stepped.state === 'done') {
        logger('info', `Redrive job ${job.jobId} is done`, {
          matched: stepped.matched,
          redriven: stepped.redriven,
        });
        return;
      }
      const pauseMs = ((stepped.redriven - known.redriven) / perSecond) * 1_000;
      known = stepped;
      if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    }
  }

  #claim() {
    return { claimant: this.#claimant, leaseMs: LEASE_MS };
  }
}
