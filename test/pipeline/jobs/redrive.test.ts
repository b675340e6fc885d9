import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openSqliteStore } from '../../../src/adapters/sqlite/index.ts';
import { TributaryError } from '../../../src/core/errors.ts';
import { JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import { redriveHandler } from '../../../src/pipeline/jobs/redrive.ts';
import type { Job } from '../../../src/ports/jobs.ts';
import type { Logger } from '../../../src/ports/logger.ts';
import type { Store } from '../../../src/ports/store.ts';
import { timeBy } from '../../adapters/sqlite/harness.ts';
import { claimDue, LEASE_MS, settlement } from '../../contract/store/delivery-helpers.ts';
import {
  change,
  commitChanges,
  DUE,
  migrateParcels,
  SettableClock,
  TARGET,
} from '../../contract/store/fixtures.ts';
import { wrap } from '../ingest/harness.ts';

const WAITING = { timeout: 20_000, interval: 5 };

/** A clock whose waits take no time; it keeps the milliseconds that each was asked for. */
class NotingClock extends SettableClock {
  readonly slept: number[] = [];

  override async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    await super.sleep(1);
  }

  /** Without the waits for the next poll, and for the next renewal of a claim. */
  pauses(): number[] {
    return this.slept.filter((ms) => ms < 3_000);
  }
}

async function placeWith(deadLetters: number) {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-redrive-'));
  const clock = new NotingClock();
  const opened = openSqliteStore({
    file: join(folder, 'parcels.sqlite'),
    clock,
    time: timeBy(clock),
    targets: [TARGET],
  });
  const loops: JobWorker[] = [];
  onTestFinished(async () => {
    for (const loop of loops) await loop.stop();
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  });
  const store = await migrateParcels(opened, clock);
  const ids = Array.from({ length: deadLetters }, (_, number) => `parcel ${String(number).padStart(5, '0')}`);
  await commitChanges(store, ...ids.map((id) => change(id, 0, { delivery: DUE })));
  const claim = {
    target: TARGET,
    claimant: 'one',
    limit: deadLetters,
    leaseMs: LEASE_MS,
  };
  const claimed = await claimDue(store, claim);
  await store.settleDeliveries(claimed.map((delivery) => settlement(delivery, 'dead')));
  return {
    store,
    clock,
    async create(jobId: string, isDryRun = false) {
      const filter = {
        target: null,
        entityId: null,
        status: null,
        lastStatus: null,
        errorPrefix: null,
        dueSinceFromMs: null,
        dueSinceBeforeMs: null,
      };
      await store.createJob({
        jobId,
        kind: 'redrive',
        parameters: { filter },
        isDryRun,
        requestedBy: 'test',
        reason: '',
        createdAtMs: clock.now(),
      });
    },
    loop(
      options: {
        store?: Store;
        perSecond?: number;
        pollMs?: number;
        logger?: Logger;
        onRedriven?: (deliveries: number) => void;
      } = {},
    ) {
      const { store: given = store, perSecond = 1_000, pollMs = 5, logger = () => {} } = options;
      const { onRedriven = () => {} } = options;
      const worker = new JobWorker({ store: given, clock, logger, pollMs });
      loops.push(worker);
      return {
        start: () => worker.start([redriveHandler({ store: given, clock, perSecond, onRedriven })]),
        stop: () => worker.stop(),
      };
    },
    done: (jobId: string, counts: object) =>
      vi.waitFor(
        async () => expect(await store.readJob(jobId)).toMatchObject({ state: 'done', progress: counts }),
        WAITING,
      ),
  };
}

describe('the worker of redrive jobs', () => {
  it('the jobs are worked off one after the other, whenever they come', async () => {
    const place = await placeWith(1_200);
    await place.create('dry', true);
    place.loop().start();
    await place.done('dry', { matched: 1_200, redriven: 0 });
    place.clock.nowMs += 1;
    await place.create('wet');
    await place.done('wet', { matched: 1_200, redriven: 1_200 });
    expect(await place.store.counts()).toMatchObject({ deliveriesPending: 1_200, deliveriesDead: 0 });
  });

  it('the loop pauses after each step for the time that its rows may take at the rate', async () => {
    const place = await placeWith(1_200);
    await place.create('job');
    place.loop({ perSecond: 2_000, pollMs: 7_777 }).start();
    await place.done('job', { redriven: 1_200 });
    expect(place.clock.pauses()).toEqual([250, 250]);
  });

  it('each step tells what it made due itself, and a dry run nothing', async () => {
    const place = await placeWith(1_200);
    await place.create('dry', true);
    place.clock.nowMs += 1;
    await place.create('wet');
    const told: number[] = [];
    place.loop({ onRedriven: (deliveries) => told.push(deliveries) }).start();
    await place.done('wet', { redriven: 1_200 });
    // The store has the job done before the worker hears of it.
    await expect.poll(() => told.filter((deliveries) => deliveries > 0)).toEqual([500, 500, 200]);
  });

  it('the steps are small at a low rate, and a dry run has no pauses', async () => {
    const place = await placeWith(25);
    await place.create('dry', true);
    place.clock.nowMs += 1;
    await place.create('wet');
    const steps: number[] = [];
    const store = wrap(place.store, {
      async stepRedrive(step) {
        steps.push(step.limit);
        return place.store.stepRedrive(step);
      },
    });
    place.loop({ store, perSecond: 10, pollMs: 7_777 }).start();
    await place.done('wet', { redriven: 25 });
    expect(steps).toEqual([10, 10, 10, 10, 10, 10]);
    expect(place.clock.pauses()).toEqual([1_000, 1_000]);
  });

  it('the loop goes on after errors of the store, and counts nothing twice', async () => {
    const place = await placeWith(2_000);
    await place.create('job');
    let calls = 0;
    const store = wrap(place.store, {
      async stepRedrive(step) {
        const stepped = ++calls % 3 === 0 ? null : await place.store.stepRedrive(step);
        // One of every three calls does nothing and fails, and one is done but seems to fail.
        if (calls % 3 !== 1) throw new TributaryError('store_unreachable', 'The database does not answer.');
        return stepped;
      },
    });
    place.loop({ store }).start();
    await place.done('job', { matched: 2_000, redriven: 2_000 });
  });

  it('a job that is refused again and again lets the next ones go on, and its reason is logged', async () => {
    const place = await placeWith(5);
    await place.create('refused');
    place.clock.nowMs += 1;
    await place.create('good');
    const logged: string[] = [];
    const store = wrap(place.store, {
      async stepRedrive(step) {
        if (step.jobId === 'refused') throw new TributaryError('store_refused', 'Its filter cannot be read.');
        return place.store.stepRedrive(step);
      },
    });
    place.loop({ store, logger: (level, message) => logged.push(`${level}: ${message}`) }).start();
    await place.done('good', { redriven: 5 });
    expect(logged.join()).toContain(
      'error: The redrive job refused rests for 60 s: Its filter cannot be read.',
    );
    expect(await place.store.readJob('refused')).toMatchObject({ state: 'waiting', progress: {} });
  });

  it('a job that meets a defect lets the next ones go on, and is not taken for an outage', async () => {
    const place = await placeWith(5);
    await place.create('struck');
    place.clock.nowMs += 1;
    await place.create('good');
    const logged: string[] = [];
    let failures = 0;
    const store = wrap(place.store, {
      async stepRedrive(step) {
        if (step.jobId !== 'struck') return place.store.stepRedrive(step);
        failures++;
        throw new TypeError('x is not a function');
      },
    });
    place.loop({ store, logger: (level, message) => logged.push(`${level}: ${message}`) }).start();
    await place.done('good', { redriven: 5 });
    // The job rests after one defect, where an error that may pass gets five tries.
    expect(failures).toBe(1);
    expect(logged.join()).toContain('error: A defect of Tributary in the redrive job struck: TypeError');
    expect(await place.store.readJob('struck')).toMatchObject({ state: 'waiting', progress: {} });
  });

  it('the loop looks for jobs again after a defect in the look, which is logged once', async () => {
    const place = await placeWith(5);
    await place.create('job');
    const logged: string[] = [];
    let failures = 0;
    const store = wrap(place.store, {
      async claimJob(claim) {
        if (++failures < 4) throw new TypeError('x is not a function');
        return place.store.claimJob(claim);
      },
    });
    place.loop({ store, logger: (level, message) => logged.push(`${level}: ${message}`) }).start();
    await place.done('job', { redriven: 5 });
    expect(logged.filter((line) => line.startsWith('error: A defect of Tributary'))).toHaveLength(1);
    expect(logged.filter((line) => line.startsWith('warn: A redrive job cannot go on'))).toEqual([]);
  });

  it('a job that keeps failing with a passing error lets the next ones go on, and is taken up again later', async () => {
    const place = await placeWith(5);
    await place.create('failing');
    place.clock.nowMs += 1;
    await place.create('good', true);
    let isFailing = true;
    const store = wrap(place.store, {
      async stepRedrive(step) {
        if (isFailing && step.jobId === 'failing') throw new TributaryError('store_busy', 'A deadlock.');
        return place.store.stepRedrive(step);
      },
    });
    place.loop({ store }).start();
    await place.done('good', { matched: 5 });
    isFailing = false;
    place.clock.nowMs += 60_001;
    await place.done('failing', { redriven: 5 });
  });

  it('a job that is cut short goes to the next loop once its lease is over', async () => {
    const place = await placeWith(1_500);
    await place.create('job');
    const stuck = Promise.withResolvers<never>();
    let calls = 0;
    const store = wrap(place.store, {
      async stepRedrive(step) {
        return ++calls > 1 ? stuck.promise : place.store.stepRedrive(step);
      },
    });
    const dead = place.loop({ store });
    dead.start();
    await vi.waitFor(() => expect(calls).toBe(2), WAITING);
    place.loop().start();
    place.clock.nowMs += 60_000;
    await place.done('job', { matched: 1_500, redriven: 1_500 });
    stuck.reject(new Error('The process was killed.'));
  });

  it('a step of a job that is not its own any more does nothing, and needs nobody to tell of its deliveries', async () => {
    const clock = new NotingClock();
    const job = { jobId: 'a', progress: { redriven: 2 } } as unknown as Job;
    const stepped: (Job | null)[] = [null, { ...job, state: 'running', progress: { redriven: 7 } }];
    const handler = redriveHandler({
      store: { stepRedrive: async () => stepped.shift() ?? null },
      clock,
      perSecond: 10,
    });
    const step = () => handler.step(job, { claimant: 'one', leaseMs: 1 }, new AbortController().signal);
    expect(await step()).toBeNull();
    expect(clock.slept).toEqual([]);
    expect(await step()).toMatchObject({ progress: { redriven: 7 } });
    expect(clock.slept).toEqual([500]);
  });

  it('the loop does nothing after it was stopped, and can be stopped twice', async () => {
    const place = await placeWith(3);
    const loop = place.loop();
    await loop.stop();
    loop.start();
    await place.create('job');
    await loop.stop();
    expect(await place.store.readJob('job')).toMatchObject({ state: 'waiting' });
  });
});
