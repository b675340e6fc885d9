import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { Defects } from '../../../src/pipeline/defects.ts';
import { type JobHandler, JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import type { Jobs } from '../../../src/ports/jobs.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import { MemoryJobs } from './memory-jobs.ts';

const outage = () => new TributaryError('store_unreachable', 'No answer.');

/** A worker of verify jobs in a time that stands until it is moved, with what it logs. */
class Place {
  readonly clock = new SeededClock({ seed: 5 });
  readonly jobs = new MemoryJobs(this.clock);
  readonly logged: unknown[] = [];
  readonly logger: Logger = (level, message, fields) =>
    this.logged.push(fields === undefined ? [level, message] : [level, message, fields]);
  readonly defects = new Defects(this.clock, this.logger);

  async create(jobId: string, progress = {}): Promise<void> {
    await this.jobs.createJob({
      jobId,
      kind: 'verify',
      parameters: {},
      isDryRun: false,
      requestedBy: 'ops',
      reason: '',
      createdAtMs: this.jobs.rows.size,
    });
    Object.assign(this.jobs.rows.get(jobId) ?? {}, { progress });
  }

  work(step: JobHandler['step'], replaced: Partial<Jobs> = {}): JobWorker {
    const { jobs, clock, logger, defects } = this;
    const known = jobs.seenBy({ isFrozen: false });
    const worker = new JobWorker({ store: { ...known, ...replaced }, clock, logger, defects });
    onTestFinished(async () => {
      await Promise.all([worker.stop(), clock.advance(60_000)]);
    });
    worker.start([{ kind: 'verify', step }]);
    return worker;
  }

  /** A step that saves the job as done, or as running with the next count. */
  saving(counts: number): JobHandler['step'] {
    return (job, claim) => {
      const count = Number(job.progress.count ?? 0) + 1;
      const state = count < counts ? 'running' : 'done';
      return this.jobs.saveJob({
        ...claim,
        jobId: job.jobId,
        state,
        progress: { ...job.progress, count },
        place: { count },
      });
    };
  }
}

describe('the worker of jobs', () => {
  it('logs the beginning and the end of a job, with the numbers of its progress', async () => {
    const place = new Place();
    await place.create('a', { count: 3, target: 'warehouse', found: { row_missing: 1 } });
    place.work(place.saving(5));
    await place.clock.advance(1_000);
    expect(place.logged).toEqual([
      ['info', 'The verify job a is under way', { count: 3 }],
      ['info', 'The verify job a is done', { count: 5 }],
    ]);
  });

  it('logs nothing of the end of a job that is not its own any more', async () => {
    const place = new Place();
    await place.create('a');
    place.work(async (job) => {
      await place.jobs.cancelJob(job);
      return null;
    });
    await place.clock.advance(10_000);
    expect(place.logged).toEqual([['info', 'The verify job a is under way', {}]]);
  });

  it('counts the failures of the store in a row, and begins anew after a success', async () => {
    const place = new Place();
    place.work(place.saving(1));
    const line = 'A verify job cannot go on just now: Nobody is there.';
    for (let outages = 0; outages < 2; outages++) {
      place.logged.length = 0;
      place.jobs.isDown = true;
      await place.clock.advance(4_000);
      place.jobs.isDown = false;
      await place.clock.advance(10_000);
      expect(place.logged.length).toBeGreaterThan(2);
      expect(place.logged).toEqual(place.logged.map((_, index) => ['warn', line, { failures: index + 1 }]));
    }
  });

  it('leaves the signal of a step alone once the step is over', async () => {
    const place = new Place();
    await place.create('a');
    const signals: AbortSignal[] = [];
    const worker = place.work((...given) => {
      signals.push(given[2]);
      return place.saving(2)(...given);
    });
    await place.clock.advance(10_000);
    await Promise.all([worker.stop(), place.clock.advance(10_000)]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  it('goes on with a step whose claim could not be renewed, and says so', async () => {
    const place = new Place();
    await place.create('a');
    const troubles = [outage(), new TypeError('x is not a function')];
    const renewals: number[] = [];
    const renewJob: Jobs['renewJob'] = async (renewal) => {
      renewals.push(place.clock.monotonicMs());
      const trouble = troubles.shift();
      if (trouble !== undefined) throw trouble;
      return place.jobs.renewJob(renewal);
    };
    const step: JobHandler['step'] = async (...given) => {
      await place.clock.sleep(14_000, given[2]);
      return place.saving(1)(...given);
    };
    place.work(step, { renewJob });
    await place.clock.advance(20_000);
    // Three times in a lease of 10 s, and no more once the step is over.
    expect(renewals.map((ms) => Math.round(ms / 1_000))).toEqual([3, 7, 10, 13]);
    expect(place.logged).toEqual([
      ['info', 'The verify job a is under way', {}],
      ['warn', 'The claim of the verify job a could not be renewed: No answer.'],
      [
        'error',
        expect.stringMatching(/^A defect of Tributary in the renewal of the verify job a: TypeError/),
        expect.anything(),
      ],
      ['info', 'The verify job a is done', { count: 1 }],
    ]);
  });

  it('rests a job after five failures in a row, and counts from one again behind its rest', async () => {
    const place = new Place();
    await place.create('a');
    const atMs: number[] = [];
    place.work(async () => {
      atMs.push(place.clock.monotonicMs());
      throw outage();
    });
    await place.clock.advance(50_000);
    expect(atMs).toHaveLength(5);
    const rested = ['error', 'The verify job a rests for 60 s: No answer.', { failures: 5 }];
    expect(place.logged.filter((line) => (line as unknown[])[0] === 'error')).toEqual([rested]);
    await place.clock.advance(60_000);
    expect(atMs).toHaveLength(10);
    expect((atMs[5] ?? 0) - (atMs[4] ?? 0)).toBeGreaterThan(60_000);
    expect(place.logged.filter((line) => (line as unknown[])[0] === 'error')).toEqual([rested, rested]);
  });

  it('counts the failures of a job from one again after a step that was made', async () => {
    const place = new Place();
    await place.create('a');
    let calls = 0;
    const saving = place.saving(3);
    place.work((...given) => {
      if (++calls % 5 === 0) return saving(...given);
      throw outage();
    });
    await place.clock.advance(50_000);
    expect(place.jobs.rows.get('a')).toMatchObject({ state: 'done', progress: { count: 3 } });
    expect(calls).toBe(15);
  });

  it('counts the failures of each job by itself', async () => {
    const place = new Place();
    await place.create('a');
    await place.create('b');
    const steps: string[] = [];
    place.work(async ({ jobId }) => {
      steps.push(jobId);
      // A refusal rests the job, so that the other one is claimed.
      if (jobId === 'a' && steps.length === 3)
        throw new TributaryError('domain_invalid', 'Nobody can do this.');
      throw outage();
    });
    await place.clock.advance(30_000);
    expect(steps.join('')).toBe('aaabbbbb');
  });

  it('takes a job at once when it is woken, and else at the next poll', async () => {
    const place = new Place();
    const worker = place.work(place.saving(1));
    await place.clock.advance(1_500);
    await place.create('a');
    await place.clock.advance(100);
    expect(place.jobs.rows.get('a')?.state).toBe('waiting');
    worker.wake();
    await place.clock.advance(100);
    expect(place.jobs.rows.get('a')?.state).toBe('done');
    await place.create('b');
    await place.clock.advance(1_100);
    expect(place.jobs.rows.get('b')?.state).toBe('done');
  });

  it('names its kind of jobs where a defect strikes the look for them', async () => {
    const place = new Place();
    const claimJob: Jobs['claimJob'] = () => Promise.reject(new TypeError('x is not a function'));
    place.work(place.saving(1), { claimJob });
    await place.clock.advance(100);
    expect(place.logged[0]).toEqual([
      'error',
      expect.stringMatching(/^A defect of Tributary in the verify jobs: TypeError/),
      expect.anything(),
    ]);
  });
});
