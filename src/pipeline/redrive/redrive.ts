import { isDefect, isRetryable, messageOf } from '../../core/errors.ts';
import { type Backoff, fullJitterMs } from '../../core/retry.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { RedriveJob, RedriveJobs } from '../../ports/redrive.ts';
import { Defects } from '../defects.ts';
import { Gate } from '../gate.ts';
import { supervised } from '../supervised.ts';

export interface RedriveOptions {
  readonly store: RedriveJobs;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many deliveries a second may become due again, so that the target is not stormed. */
  readonly perSecond: number;
  /** How often to look for jobs that others made, or left; default 1 s. */
  readonly pollMs?: number;
  /** Where the defects of the program are counted; an own count if it is left out. */
  readonly defects?: Defects;
}

/** One transaction's worth; fewer where the rate is lower. */
const STEP_ROWS = 500;
/** Far longer than a step and the pause after it; after a crash, this is how long a job stands still at most. */
const LEASE_MS = 10_000;
const STORE_BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };
/** After so many failures one after the other a job rests. */
const FAILURES_MAX = 5;
/** How long a job rests: the jobs behind it go on meanwhile. */
const REST_MS = 60_000;

/**
 * Works off redrive jobs, one at a time over all instances:
 *
 *   waiting --claim--> running --step, step, ...--> done
 *                        |  ^
 *                        +--+  lease over (a crash): claimed by any instance, and on from where it was
 *             ^          |
 *             +-- rest --+  a refusal, or failures one after the other: the jobs behind it go on
 *
 * A step is one transaction, and the job knows its place and its counts; so whatever happens to this loop, the
 * next one goes on behind the last step that stands.
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

  /** There may be a new job: look now, not at the next poll. */
  wake(): void {
    this.#wake.open();
  }

  /** Finishes the step in hand; the job goes on elsewhere, or at the next start. May be called twice. */
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

  /** Rejects with what may pass, so that the job is tried again after a pause. */
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
