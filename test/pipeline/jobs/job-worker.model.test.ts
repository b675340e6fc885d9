import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { type JobHandler, JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import type { Job, Jobs } from '../../../src/ports/jobs.ts';
import { asyncCommand, asyncSequences, holdsInTime } from '../../helpers/properties.ts';
import { MemoryJobs } from './memory-jobs.ts';

/**
 * What a step of a job meets: `well`, or it takes half a minute, or an error that passes, or its answer is lost after it was
 * saved, or its program is too old for it.
 */
type Trouble = 'well' | 'slow' | 'passes' | 'answer lost' | 'too old';

interface Script {
  readonly troubles: readonly Trouble[];
  /** Why no step of it ever ends: a refusal, or a mistake in the program. */
  readonly poison: 'refusal' | 'defect' | null;
}

interface Instance {
  isFrozen: boolean;
  isStopped: boolean;
  readonly isOld: boolean;
  readonly worker: JobWorker;
  /** The jobs that it makes a step of. */
  readonly underWay: Set<string>;
}

class Model {
  readonly scripts = new Map<string, Script>();
  readonly cancelled = new Set<string>();
  readonly instances: Instance[] = [];
  /** By job: when its steps began, and what they met. */
  readonly steps = new Map<
    string,
    { readonly atMs: number; readonly trouble: Trouble | 'refusal' | 'defect' }[]
  >();
  readonly violations: string[] = [];
  /** Whether every instance and the store have worked without trouble from the start. */
  isPeaceful = true;
}

class Real {
  readonly clock = new SeededClock({ seed: 11 });
  readonly jobs = new MemoryJobs(this.clock);

  start(model: Model, isOld: boolean): void {
    const process = { isFrozen: false };
    const store = this.jobs.seenBy(process);
    const { clock } = this;
    const worker = new JobWorker({ store, clock, logger: () => undefined });
    const instance: Instance = { isFrozen: false, isStopped: false, isOld, worker, underWay: new Set() };
    Object.defineProperty(process, 'isFrozen', { get: () => instance.isFrozen });
    model.instances.push(instance);
    worker.start([this.#handler(model, instance, store)]);
  }

  #handler(model: Model, instance: Instance, store: Jobs): JobHandler {
    return {
      kind: 'verify',
      step: async (job, claim, signal) => {
        const { scripts, instances, steps } = model;
        if (model.isPeaceful) {
          // The worker would take what is thrown here for a failure of the job.
          const stored = this.jobs.rows.get(job.jobId)?.place;
          if (!isDeepStrictEqual(job.place, stored))
            model.violations.push(`${job.jobId} is stepped from an old place`);
          // A step of a job that was cancelled goes on until its claimant notices.
          const others = instances.flatMap(({ underWay }) => [...underWay]);
          if (others.some((jobId) => !model.cancelled.has(jobId)))
            model.violations.push(`${job.jobId} is stepped beside another step`);
        }
        const count = Number(job.place?.count ?? 0);
        const { troubles, poison } = scripts.get(job.jobId) as Script;
        const known = steps.get(job.jobId) ?? [];
        const trouble = poison ?? (instance.isOld ? 'too old' : (troubles[known.length] ?? 'well'));
        steps.set(job.jobId, [...known, { atMs: this.clock.monotonicMs(), trouble }]);
        instance.underWay.add(job.jobId);
        try {
          return await this.#step(job, claim, count, trouble, store, signal);
        } finally {
          instance.underWay.delete(job.jobId);
        }
      },
    };
  }

  async #step(
    job: Job,
    claim: Parameters<JobHandler['step']>[1],
    count: number,
    trouble: Trouble | 'refusal' | 'defect',
    store: Jobs,
    signal: AbortSignal,
  ): Promise<Job | { readonly needs: string } | null> {
    await this.clock.sleep(trouble === 'slow' ? 30_000 : 10, signal);
    if (trouble === 'too old') return { needs: 'a program of today' };
    if (trouble === 'passes') throw new TributaryError('store_unreachable', 'Nobody is there.');
    if (trouble === 'refusal') throw new TributaryError('store_refused', 'No.');
    if (trouble === 'defect') throw new TypeError('x is no y');
    const state = count + 1 < STEPS ? 'running' : 'done';
    const saved = await store.saveJob({
      ...claim,
      jobId: job.jobId,
      state,
      progress: {},
      place: { count: count + 1 },
    });
    if (trouble === 'answer lost') throw new TributaryError('store_commit_unknown', 'No answer came.');
    return saved;
  }
}

const STEPS = 3;

async function makeJob(model: Model, { jobs, clock }: Real, script: Script): Promise<void> {
  const jobId = `job ${model.scripts.size}`;
  model.scripts.set(jobId, script);
  const createdAtMs = clock.monotonicMs() + model.scripts.size / 1_000;
  const base = { kind: 'verify', parameters: {}, isDryRun: false, requestedBy: 'ops', reason: '' } as const;
  await jobs.createJob({ jobId, createdAtMs, ...base });
}

const isCreated = fc
  .record({
    troubles: fc.array(fc.constantFrom<Trouble>('well', 'well', 'well', 'slow', 'passes', 'answer lost'), {
      maxLength: 7,
    }),
    poison: fc.constantFrom<Script['poison']>(null, null, null, null, 'refusal', 'defect'),
  })
  .map((script) =>
    asyncCommand<Model, Real>(`a job is made: ${JSON.stringify(script)}`, (model, real) =>
      makeJob(model, real, script),
    ),
  );

const starts = fc.constantFrom(false, false, true).map((isOld) =>
  asyncCommand<Model, Real>(`an instance starts (old: ${isOld})`, async (model, real) => {
    real.start(model, isOld);
  }),
);

const freezes = fc.nat().map((which) =>
  asyncCommand<Model, Real>(
    `instance ${which} freezes`,
    async (model) => {
      const instance = model.instances[which % model.instances.length] as Instance;
      instance.isFrozen = true;
      model.isPeaceful = false;
    },
    ({ instances }) => instances.length > 0,
  ),
);

const stops = fc.nat().map((which) =>
  asyncCommand<Model, Real>(
    `instance ${which} stops`,
    async (model, { clock }) => {
      const instance = model.instances[which % model.instances.length] as Instance;
      if (instance.isFrozen || instance.isStopped) return;
      instance.isStopped = true;
      let isOver = false;
      void instance.worker.stop().then(() => {
        isOver = true;
      });
      await clock.advance(100);
      expect([isOver, instance.underWay.size]).toEqual([true, 0]);
    },
    ({ instances }) => instances.length > 0,
  ),
);

const isCancelled = fc.nat().map((which) =>
  asyncCommand<Model, Real>(
    `job ${which} is cancelled`,
    async (model, { jobs }) => {
      const jobId = `job ${which % model.scripts.size}`;
      const cancelled = await jobs.cancelJob({ jobId });
      if (cancelled?.state === 'cancelled') model.cancelled.add(jobId);
    },
    ({ scripts }) => scripts.size > 0,
  ),
);

const storeFails = fc.boolean().map((isDown) =>
  asyncCommand<Model, Real>(`the store is ${isDown ? 'down' : 'up'}`, async (model, { jobs }) => {
    jobs.isDown = isDown;
    if (isDown) model.isPeaceful = false;
  }),
);

const timePasses = fc
  .constantFrom(5, 1_000, 12_000, 40_000)
  .map((ms) => asyncCommand<Model, Real>(`${ms} ms pass`, async (_, { clock }) => clock.advance(ms)));

/** No step was saved twice or left out, and none of a job that was cancelled before. */
function expectSteps({ scripts }: Model, { jobs }: Real): void {
  for (const jobId of scripts.keys()) {
    const saved = jobs.saved.get(jobId) ?? [];
    expect(saved.filter((count, index) => count !== saved[index - 1])).toEqual(
      Array.from({ length: new Set(saved).size }, (_, index) => index + 1),
    );
  }
}

/**
 * A step that was refused, or met a defect, is made again a minute later at the earliest. An instance that freezes, or has no
 * store, cannot write down that the job rests.
 */
function expectRests({ steps, isPeaceful }: Model): void {
  if (!isPeaceful) return;
  for (const list of steps.values())
    list.forEach(({ atMs, trouble }, index) => {
      const next = list[index + 1];
      if (next === undefined || (trouble !== 'refusal' && trouble !== 'defect')) return;
      expect(next.atMs - atMs).toBeGreaterThanOrEqual(60_000);
    });
}

const commands = [
  { weight: 5, arbitrary: isCreated },
  { weight: 3, arbitrary: starts },
  { weight: 6, arbitrary: timePasses },
  freezes,
  stops,
  isCancelled,
  storeFails,
];

describe('the workers of jobs', () => {
  it('end every job that can end, step by step, whatever becomes of instances and store', async () => {
    await holdsInTime(
      fc.asyncProperty(asyncSequences(commands, 30), async (steps) => {
        const [model, real] = [new Model(), new Real()];
        await fc.asyncModelRun(() => ({ model, real }), steps);
        real.jobs.isDown = false;
        real.start(model, false);
        const isOpen = (jobId: string) =>
          !['done', 'cancelled'].includes(real.jobs.rows.get(jobId)?.state ?? '');
        const wanted = [...model.scripts].filter(([, { poison }]) => poison === null).map(([jobId]) => jobId);
        // A slow step takes 30 s, and after five failures in a row a job rests for a minute.
        const mostMs = 30_000 + wanted.length * (7 * 30_000 + 2 * 60_000);
        for (let passedMs = 0; wanted.some(isOpen) && passedMs < mostMs; passedMs += 1_000)
          await real.clock.advance(1_000);
        expect(wanted.filter(isOpen)).toEqual([]);
        expect(model.violations).toEqual([]);
        for (const jobId of model.cancelled) expect(real.jobs.rows.get(jobId)?.state).toBe('cancelled');
        expectSteps(model, real);
        expectRests(model);
        const stopping = model.instances
          .filter(({ isFrozen }) => !isFrozen)
          .map(({ worker }) => worker.stop());
        await real.clock.advance(10_000);
        await Promise.all(stopping);
      }),
      80,
    );
  });

  it('give a job a rest after five failures in a row of its own, and else go on within seconds', async () => {
    const troubles = fc.array(fc.constantFrom<Trouble>('well', 'passes', 'passes', 'passes', 'answer lost'), {
      minLength: 12,
      maxLength: 12,
      size: 'max',
    });
    await holdsInTime(
      fc.asyncProperty(fc.array(troubles, { minLength: 1, maxLength: 3 }), async (list) => {
        const [model, real] = [new Model(), new Real()];
        for (const each of list) await makeJob(model, real, { troubles: each, poison: null });
        real.start(model, false);
        for (let second = 0; second < 400; second++) await real.clock.advance(1_000);
        expect(model.violations).toEqual([]);
        expect([...real.jobs.rows.values()].map(({ state }) => state)).toEqual(list.map(() => 'done'));
        for (const steps of model.steps.values()) {
          let inARow = 0;
          steps.forEach(({ atMs, trouble }, index) => {
            inARow = trouble === 'well' ? 0 : inARow + 1;
            const next = steps[index + 1];
            if (next === undefined || inARow === 0) return;
            if (inARow % 5 === 0) expect(next.atMs - atMs).toBeGreaterThanOrEqual(60_000);
            else expect(next.atMs - atMs).toBeLessThanOrEqual(5_100);
          });
        }
        const stopping = model.instances.map(({ worker }) => worker.stop());
        await real.clock.advance(10_000);
        await Promise.all(stopping);
      }),
      40,
    );
  });
});
