import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { type JobHandler, JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import type { JobKind, Jobs, NewJob } from '../../../src/ports/jobs.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { Store } from '../../../src/ports/store.ts';
import { Place, quickClock, WAITING, wrap } from '../ingest/harness.ts';
import { MemoryJobs } from './memory-jobs.ts';

type Named = readonly [jobId: string, kind: JobKind];

async function storeWith(...jobs: readonly Named[]): Promise<Store> {
  return (await placeWith(...jobs)).store;
}

async function placeWith(...jobs: readonly Named[]): Promise<Place> {
  const place = await Place.make({ movements: 1, counts: 1 });
  const { store } = place;
  let createdAtMs = 0;
  for (const [jobId, kind] of jobs) await store.createJob(newJob(jobId, kind, ++createdAtMs));
  return place;
}

function newJob(jobId: string, kind: JobKind, createdAtMs = 1): NewJob {
  return { jobId, kind, parameters: {}, isDryRun: false, requestedBy: 'ops', reason: '', createdAtMs };
}

function work(
  store: Store,
  handlers: readonly JobHandler[],
  logger: Logger = () => {},
  leaseMs = 10_000,
): JobWorker {
  const worker = new JobWorker({ store, clock: quickClock, logger, pollMs: 100, leaseMs });
  onTestFinished(() => worker.stop());
  worker.start(handlers);
  return worker;
}

/** Counts to `steps` and is done then. */
function counting(store: Jobs, kind: JobKind, steps: number, before = async () => {}): JobHandler {
  return {
    kind,
    async step(job, claim) {
      await before();
      const count = Number(job.progress.count ?? 0) + 1;
      const state = count < steps ? 'running' : 'done';
      return store.saveJob({ ...claim, jobId: job.jobId, state, progress: { count }, place: { count } });
    },
  };
}

const done = (store: Store, jobId: string, count: number) =>
  vi.waitFor(
    async () => expect(await store.readJob(jobId)).toMatchObject({ state: 'done', progress: { count } }),
    WAITING,
  );

describe('the worker of jobs', () => {
  it('works on jobs of different kinds side by side, and on those of one kind one after the other', async () => {
    const store = await storeWith(['a', 'verify'], ['b', 'verify'], ['c', 'rebuild']);
    const gate = Promise.withResolvers<void>();
    work(store, [counting(store, 'verify', 3, () => gate.promise), counting(store, 'rebuild', 2)]);
    await done(store, 'c', 2);
    expect(await store.readJob('b')).toMatchObject({ state: 'waiting' });
    gate.resolve();
    await done(store, 'a', 3);
    await done(store, 'b', 3);
  });

  it('leaves jobs alone for which it has no handler', async () => {
    const store = await storeWith(['a', 'verify'], ['b', 'rebuild']);
    work(store, [counting(store, 'rebuild', 1)]);
    await done(store, 'b', 1);
    expect(await store.readJob('a')).toMatchObject({ state: 'waiting' });
  });

  it('ends a cancelled job after the step that is under way, and goes on with the next one', async () => {
    const store = await storeWith(['a', 'verify'], ['b', 'verify']);
    let steps = 0;
    const cancel = async () => {
      if (++steps === 3)
        await store.cancelJob({ jobId: 'a', decidedBy: 'ops', reason: 'no', decidedAtMs: 1 });
    };
    work(store, [counting(store, 'verify', 9, cancel)]);
    await done(store, 'b', 9);
    expect(await store.readJob('a')).toMatchObject({ state: 'cancelled', progress: { count: 2 } });
  });

  it('begins a step again with the job as the store has it', async () => {
    const store = await storeWith(['a', 'verify']);
    let calls = 0;
    const inner = counting(store, 'verify', 6);
    const losing: JobHandler = {
      kind: 'verify',
      async step(job, claim, signal) {
        const stepped = await inner.step(job, claim, signal);
        // The step is saved, but its answer is lost.
        if (++calls % 2 === 1) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
        return stepped;
      },
    };
    work(store, [losing]);
    await done(store, 'a', 6);
    await vi.waitFor(() => expect(calls).toBe(6), WAITING);
  });

  it('rests a job that a defect strikes, and names its kind and id in the log', async () => {
    const store = await storeWith(['a', 'verify'], ['b', 'verify']);
    const inner = counting(store, 'verify', 1);
    const struck: JobHandler = {
      kind: 'verify',
      async step(job, claim, signal) {
        if (job.jobId === 'a') throw new TypeError('x is not a function');
        return inner.step(job, claim, signal);
      },
    };
    const logged: string[] = [];
    work(store, [struck], (level, message) => logged.push(`${level}: ${message}`));
    await done(store, 'b', 1);
    expect(logged.join('\n')).toMatch(/error: A defect of Tributary in the verify job a: TypeError/);
    expect(logged.join('\n')).toMatch(/error: The verify job a rests for 60 s/);
    expect(await store.readJob('a')).toMatchObject({ state: 'waiting' });
  });

  it('keeps a job whose step takes longer than the lease, beside another instance', async () => {
    const clock = new SeededClock({ seed: 1 });
    const jobs = new MemoryJobs(clock);
    await jobs.createJob(newJob('a', 'verify'));
    let steps = 0;
    const slow = async () => {
      steps++;
      await clock.sleep(2.5 * SHORT_LEASE_MS);
    };
    for (let instance = 0; instance < 2; instance++) {
      const worker = new JobWorker({ store: jobs, clock, logger: () => {}, leaseMs: SHORT_LEASE_MS });
      onTestFinished(() => worker.stop());
      worker.start([counting(jobs, 'verify', 2, slow)]);
    }
    await clock.advance(6 * SHORT_LEASE_MS);
    expect(jobs.rows.get('a')).toMatchObject({ state: 'done', progress: { count: 2 } });
    expect(steps).toBe(2);
  });

  it('gives a job whose worker hangs with its process to another instance after the lease', async () => {
    const place = await placeWith(['a', 'verify']);
    const hung = Promise.withResolvers<never>();
    const steps: string[] = [];
    const hanging = wrap(place.store, { renewJob: () => hung.promise });
    const hang = counting(hanging, 'verify', 1, async () => {
      steps.push('hung');
      await hung.promise;
    });
    work(hanging, [hang], () => {}, SHORT_LEASE_MS);
    await vi.waitFor(() => expect(steps).toEqual(['hung']), WAITING);
    const other = await place.anotherStore();
    const go = counting(other, 'verify', 1, async () => void steps.push('went on'));
    work(other, [go], () => {}, SHORT_LEASE_MS);
    await done(other, 'a', 1);
    expect(steps).toEqual(['hung', 'went on']);
    hung.reject(new TributaryError('store_unreachable', 'The process was killed.'));
  });

  it('gives a job its rest only when no renewal of its claim is under way any more', async () => {
    const store = await storeWith(['a', 'verify']);
    const asked: string[] = [];
    const [renewing, answering] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const watched = wrap(store, {
      async renewJob(renewal) {
        asked.push('renewal');
        renewing.resolve();
        await answering.promise;
        return store.renewJob(renewal);
      },
      async restJob(rest) {
        asked.push('rest');
        return store.restJob(rest);
      },
    });
    const refuse = counting(watched, 'verify', 1, async () => {
      await renewing.promise;
      setImmediate(() => {
        asked.push('answer');
        answering.resolve();
      });
      throw new TributaryError('domain_invalid', 'Nobody can do this.');
    });
    work(watched, [refuse], () => {}, SHORT_LEASE_MS);
    await vi.waitFor(() => expect(asked).toEqual(['renewal', 'answer', 'rest']), WAITING);
  });

  it('stops the step of a job that another instance has meanwhile', async () => {
    const place = await placeWith(['a', 'verify']);
    let isCutOff = true;
    const store = wrap(place.store, {
      async renewJob(renewal) {
        if (isCutOff) throw new TributaryError('store_unreachable', 'The database does not answer.');
        return place.store.renewJob(renewal);
      },
    });
    const { handler, ended } = untilAborted();
    work(store, [handler], () => {}, SHORT_LEASE_MS);
    const other = await place.anotherStore();
    const claim = { claimant: 'other', leaseMs: 60_000, kind: 'verify' } as const;
    await vi.waitFor(async () => expect(await other.claimJob(claim)).not.toBeNull(), WAITING);
    expect(ended()).toBe(0);
    isCutOff = false;
    await vi.waitFor(() => expect(ended()).toBe(1), WAITING);
    expect(await other.renewJob({ claimant: 'other', leaseMs: 1_000, jobId: 'a' })).toBe(true);
  });

  it('stops the step of a job that somebody cancels, and calls that no failure', async () => {
    const store = await storeWith(['a', 'verify']);
    const logged: string[] = [];
    const { handler, begun, ended } = untilAborted();
    work(store, [handler], (level, message) => logged.push(`${level}: ${message}`), SHORT_LEASE_MS);
    await vi.waitFor(() => expect(begun()).toBe(1), WAITING);
    await store.cancelJob({ jobId: 'a', decidedBy: 'ops', reason: 'no', decidedAtMs: 1 });
    await vi.waitFor(
      () => expect(logged).toContain('info: The verify job a is left: It was stopped.'),
      WAITING,
    );
    expect(ended()).toBe(1);
    expect(logged.join('\n')).not.toMatch(/warn|error/);
  });

  it('leaves a job to other instances that its handler refuses, and goes on with the jobs behind it', async () => {
    const store = await storeWith(['a', 'verify'], ['b', 'verify']);
    const inner = counting(store, 'verify', 2);
    const seen: string[] = [];
    const choosy: JobHandler = {
      kind: 'verify',
      async step(job, claim, signal) {
        seen.push(job.jobId);
        return job.jobId === 'a' ? { needs: 'a newer program' } : inner.step(job, claim, signal);
      },
    };
    const logged: string[] = [];
    work(store, [choosy], (level, message) => logged.push(`${level}: ${message}`));
    await done(store, 'b', 2);
    expect(seen).toEqual(['a', 'b', 'b']);
    expect(logged).toContain('warn: The verify job a is left to other instances: it needs a newer program.');
    expect(await store.readJob('a')).toMatchObject({
      state: 'waiting',
      progress: { waitsFor: 'a newer program' },
    });
    // Another instance takes it at once.
    work(store, [inner]);
    await done(store, 'a', 2);
  });

  it('looks again after a minute at a job that it left to others, because its program may do it by then', async () => {
    const clock = new SeededClock({ seed: 1 });
    const jobs = new MemoryJobs(clock);
    await jobs.createJob(newJob('a', 'verify'));
    const inner = counting(jobs, 'verify', 1);
    let looks = 0;
    const choosy: JobHandler = {
      kind: 'verify',
      step: async (...given) => (++looks === 1 ? { needs: 'a rebuild' } : inner.step(...given)),
    };
    const worker = new JobWorker({ store: jobs, clock, logger: () => {} });
    onTestFinished(() => worker.stop());
    worker.start([choosy]);
    await clock.advance(50_000);
    expect(looks).toBe(1);
    await clock.advance(20_000);
    expect(jobs.rows.get('a')).toMatchObject({ state: 'done', progress: { count: 1 } });
  });
});

const SHORT_LEASE_MS = 1_000;

/** A step that does not end before its signal is aborted, and rejects then. */
function untilAborted() {
  const steps = { begun: 0, ended: 0 };
  const handler: JobHandler = {
    kind: 'verify',
    async step(_job, _claim, signal) {
      steps.begun++;
      await systemClock.sleep(60_000, signal);
      steps.ended++;
      throw new TributaryError('target_unreachable', 'It was stopped.');
    },
  };
  return { handler, begun: () => steps.begun, ended: () => steps.ended };
}
