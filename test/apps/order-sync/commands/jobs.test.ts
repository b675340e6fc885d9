import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { waitForJob } from '../../../../src/apps/order-sync/actions/jobs.ts';
import type { Shutdown } from '../../../../src/apps/shared/process/shutdown.ts';
import type { JobHandler } from '../../../../src/pipeline/jobs/job-worker.ts';
import type { Job, NewJob } from '../../../../src/ports/jobs.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { ledgerOf } from '../ledger.ts';
import { orderSyncIn } from './command-run.ts';

const WHY = ['--reason', 'the wrong filter', '--by', 'ana'];

async function storeWith(count: number): Promise<{ readonly folder: string; readonly store: Store }> {
  const { folder, store } = await ledgerOf([]);
  for (let index = 0; index < count; index++) await store.createJob(jobOf(`job-${index}`, index));
  return { folder, store };
}

const jobOf = (jobId: string, createdAtMs: number): NewJob => ({
  jobId,
  kind: 'verify',
  parameters: {},
  isDryRun: false,
  requestedBy: 'ana',
  reason: '',
  createdAtMs,
});

describe('order-sync jobs', () => {
  it('says where jobs come from if there is none, and prints an empty list as JSON', async () => {
    const { folder } = await storeWith(0);
    const { code, out, error } = await orderSyncIn(folder, ['jobs', '--json']);
    expect({ code, out }).toEqual({ code: 0, out: '[]\n' });
    expect(error).toContain('There is no job: commands such as "order-sync redrive" make them.');
  });

  it.each([1, 500, 501])('lists each of %i jobs once, the newest first', async (count) => {
    const { folder } = await storeWith(count);
    const { code, out, error } = await orderSyncIn(folder, ['jobs', '--json']);
    const ids = (JSON.parse(out) as { id: string }[]).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: count }, (_, index) => `job-${count - 1 - index}`));
    expect({ code, error }).toEqual({ code: 0, error: '' });
  });
});

describe('order-sync jobs cancel', () => {
  it('ends a job that waits, and says nothing more', async () => {
    const { folder, store } = await storeWith(1);
    const { code, out, error } = await orderSyncIn(folder, ['jobs', 'cancel', 'job-0', ...WHY]);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out).toMatch(/^job-0 {2}verify {2}cancelled /);
    expect(await store.readJob('job-0')).toMatchObject({ state: 'cancelled' });
  });

  it('says of a job that is done that it was done already', async () => {
    const { folder, store } = await storeWith(1);
    const claim = { kind: 'verify', claimant: 'worker', leaseMs: 60_000 } as const;
    await store.claimJob(claim);
    await store.saveJob({ ...claim, jobId: 'job-0', state: 'done', progress: {}, place: null });
    const { code, error } = await orderSyncIn(folder, ['jobs', 'cancel', 'job-0', ...WHY]);
    expect({ code, error }).toEqual({ code: 0, error: 'The job was done already.\n' });
    expect(await store.readJob('job-0')).toMatchObject({ state: 'done' });
  });

  it('refuses an unknown job, and a decision without a reason', async () => {
    const { folder, store } = await storeWith(1);
    expect(await orderSyncIn(folder, ['jobs', 'cancel', 'other', ...WHY])).toMatchObject({
      code: 2,
      error: expect.stringContaining('There is no job "other"'),
    });
    expect((await orderSyncIn(folder, ['jobs', 'cancel', 'job-0'])).code).toBe(2);
    expect(await store.readJob('job-0')).toMatchObject({ state: 'waiting' });
  });
});

describe('waitForJob', () => {
  /** A shutdown that is asked for when `request` is called. */
  function shutdownOf() {
    const stop = Promise.withResolvers<void>();
    const deferred: string[] = [];
    const shutdown = {
      requested: stop.promise,
      defer: (name: string) => void deferred.push(name),
    } as unknown as Shutdown;
    return { shutdown, deferred, request: () => stop.resolve() };
  }

  /** Makes this number of steps until the job is done, and tells of each. */
  const handlerOf = (store: Store, most: number, onStep: () => void = () => {}): JobHandler => {
    let steps = 0;
    return {
      kind: 'verify',
      step: async ({ jobId }, claim) => {
        steps++;
        onStep();
        const state = steps < most ? 'running' : 'done';
        return store.saveJob({ ...claim, jobId, state, progress: { steps }, place: { steps } });
      },
    };
  };

  it('works on a job until it is done, and tells how far it is', async () => {
    const { store } = await storeWith(1);
    const told: Job[] = [];
    const context = { logger: () => {}, shutdown: shutdownOf().shutdown };
    const parts = { store, clock: systemClock, handler: handlerOf(store, 3) };
    const job = await waitForJob(context, parts, 'job-0', (now) => told.push(now));
    expect(job).toMatchObject({ state: 'done', progress: { steps: 3 } });
    expect(told.at(-1)).toMatchObject({ state: 'done' });
  });

  it('ends early when the program is asked to stop, with the job as it is then', async () => {
    const { store } = await storeWith(1);
    const { shutdown, deferred, request } = shutdownOf();
    const handler = handlerOf(store, Number.POSITIVE_INFINITY, request);
    const context = { logger: () => {}, shutdown };
    const job = await waitForJob(context, { store, clock: systemClock, handler }, 'job-0');
    expect(['waiting', 'running']).toContain(job.state);
    expect(deferred).toEqual(['the job']);
  });
});
