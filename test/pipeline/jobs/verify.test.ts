import { afterEach, describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import type { JobHandler } from '../../../src/pipeline/jobs/job-worker.ts';
import {
  type VerifyParameters,
  type VerifyProgress,
  verifyHandler,
} from '../../../src/pipeline/jobs/verify.ts';
import { digestOf } from '../../../src/pipeline/reconcile/comparison.ts';
import type { NewAuditEntry } from '../../../src/ports/audit.ts';
import type { Job, JobSave } from '../../../src/ports/jobs.ts';
import type { HeldState, TargetHoldings } from '../../../src/ports/target-holdings.ts';
import { SqliteHarness } from '../../adapters/sqlite/harness.ts';
import { wrap } from '../ingest/harness.ts';
import { FIRST, OrderWorld } from '../verify/order-world.ts';

const harness = new SqliteHarness();
afterEach(() => harness.cleanup());

const CLAIM = { claimant: 'worker', leaseMs: 10_000 };

function holding(states: readonly HeldState[]): TargetHoldings {
  const behind = (after: string | null) =>
    states.filter(({ entityId }) => after === null || entityId > after);
  return {
    async page({ after, limit }) {
      const found = behind(after);
      return { states: found.slice(0, limit), hasMore: found.length > limit };
    },
    async digest({ after, limit }) {
      const found = behind(after).slice(0, limit);
      return { count: found.length, digest: digestOf(found) };
    },
    async close() {},
  };
}

class JobRun {
  job: Job;
  readonly audit: NewAuditEntry[] = [];
  steps = 0;
  /** The waits of the handler, in milliseconds. They take no time. */
  readonly rests: number[] = [];
  /** The targets whose holdings are open. */
  readonly open: string[] = [];
  /** The targets whose holdings were opened. */
  readonly opened: string[] = [];
  readonly handler: JobHandler;
  /** What the next choices are decided by; null for the seed's numbers. */
  chance: number | null = null;
  isLost = false;
  readonly clock: SeededClock;
  readonly #step: () => ReturnType<JobHandler['step']>;

  constructor(world: OrderWorld, parameters: VerifyParameters, held: readonly HeldState[] = []) {
    this.job = {
      jobId: 'job',
      kind: 'verify',
      parameters: { ...parameters },
      isDryRun: !parameters.repairs,
      requestedBy: 'Ada',
      reason: 'After the incident.',
      createdAtMs: 1,
      updatedAtMs: 1,
      finishedAtMs: null,
      state: 'running',
      progress: {},
      place: null,
    };
    const parts = world.parts();
    const clock = new SeededClock({ seed: 1, time: 'immediately' });
    this.clock = clock;
    const handler = verifyHandler({
      ...parts,
      clock: Object.assign(Object.create(clock) as SeededClock, {
        monotonicMs: () => clock.monotonicMs(),
        now: () => clock.now(),
        random: () => this.chance ?? clock.random(),
        sleep: (ms: number) => {
          this.rests.push(ms);
          return clock.sleep(ms);
        },
      }),
      store: wrap(
        parts.store as typeof world.store,
        {
          saveJob: async ({ state, progress, place }: JobSave) =>
            this.isLost ? null : { ...this.job, state, progress, place },
          addAudit: async (entry: NewAuditEntry) => void this.audit.push(entry),
        } as never,
      ) as never,
      holdingsOf: (target) => {
        this.open.push(target);
        this.opened.push(target);
        return { ...holding(held), close: async () => void this.open.pop() };
      },
      untilCaughtUp: async () => true,
      redrivePerSecond: 1_000,
      patienceMs: 50,
      differenceJson: ({ kind, entityId }) => ({ kind, entityId }),
      targetDifferenceJson: (target, { verdict, entityId }) => ({ target, verdict, entityId }),
    });
    this.handler = handler;
    this.#step = () => handler.step(this.job, CLAIM, new AbortController().signal);
  }

  step() {
    return this.#step();
  }

  /** Runs the job to its end. Every second step is lost, as by a kill before it was saved. */
  async run({ loses = false, seen = [] as unknown[] } = {}): Promise<VerifyProgress> {
    while (this.job.state !== 'done') {
      const saved = await this.#step();
      if (this.steps++ % 2 === 1 || !loses) this.job = saved as Job;
      seen.push(this.job.place);
      if (this.steps > 100) throw new Error('The job does not end.');
    }
    return this.job.progress as unknown as VerifyProgress;
  }
}

const ALL: VerifyParameters = { sample: null, perSecond: null, repairs: false, target: null };

async function filled(): Promise<OrderWorld> {
  const world = await OrderWorld.make(harness);
  for (const id of ['a', 'b', 'c', 'd']) await world.happens(id, 'o', 'pa');
  await world.deliver(FIRST);
  return world;
}

describe('a verify job', () => {
  it('counts each order once, page by page, also if steps are lost and done again', async () => {
    const world = await filled();
    await harness.rawQuery("UPDATE orders SET payment_status = NULL WHERE order_id IN ('a', 'd')");
    const progress = await new JobRun(world, { ...ALL, perSecond: 2 }).run({ loses: true });
    expect(progress).toMatchObject({
      read: 7,
      differences: 2,
      repaired: 0,
      found: { row_altered: 2 },
      target: null,
      shown: [
        { kind: 'row_altered', entityId: 'a' },
        { kind: 'row_altered', entityId: 'd' },
      ],
    });
  });

  it('repairs, and adds what it did to the audit log', async () => {
    const world = await filled();
    await harness.rawQuery("DELETE FROM deliveries WHERE entity_id = 'b'");
    const run = new JobRun(world, { ...ALL, repairs: true });
    expect(await run.run()).toMatchObject({ read: 7, differences: 1, repaired: 1, mended: 1 });
    expect(run.audit).toEqual([
      expect.objectContaining({
        action: 'rows_repaired',
        subject: 'job',
        decidedBy: 'Ada',
        reason: 'After the incident.',
        details: expect.objectContaining({ read: 7, repaired: 1 }),
      }),
    ]);
    expect(await world.differences()).toEqual([]);
  });

  it('adds one entry to the audit log for all its steps, with what all of them did', async () => {
    const world = await filled();
    await harness.rawQuery("DELETE FROM deliveries WHERE entity_id IN ('b', 'd')");
    const run = new JobRun(world, { ...ALL, perSecond: 2, repairs: true });
    await run.run();
    expect(run.steps).toBeGreaterThan(2);
    expect(run.audit.map(({ details }) => details)).toEqual([
      expect.objectContaining({ read: 7, repaired: 2 }),
    ]);
  });

  it('compares what a target holds, and makes due what it lacks', async () => {
    const world = await filled();
    const rows = await world.store.readView(world.ids);
    const held = world.ids
      .filter((id) => id !== 'c' && id !== 'adopted early')
      .map((entityId) => ({ entityId, version: 2, row: rows.get(entityId)?.row ?? [] }));
    const run = new JobRun(world, { ...ALL, repairs: true, target: FIRST }, held);
    expect(await run.run()).toMatchObject({
      read: 7,
      target: { name: FIRST, compared: 6, found: { missing: 1 }, madeDue: 1 },
      shown: [{ target: FIRST, verdict: 'missing', entityId: 'c' }],
    });
    // One step for the store, and one for the target.
    expect(run.steps).toBe(2);
    expect((await world.claim(FIRST)).map(({ entityId }) => entityId)).toEqual(['c']);
  });

  it('goes on where the most differences of one step ended, so that each counts once', async () => {
    const world = await filled();
    const rows = await world.store.readView(world.ids);
    const delivered = world.ids.filter((id) => id !== 'adopted early');
    const known = delivered.map((entityId) => ({ entityId, version: 2, row: rows.get(entityId)?.row ?? [] }));
    const unknown = Array.from({ length: 700 }, (_, index) => ({
      entityId: `z${1_000 + index}`,
      version: 1,
      row: [],
    }));
    const target = await new JobRun(world, { ...ALL, target: FIRST }, [...known, ...unknown]).run();
    expect(target.target).toMatchObject({ compared: 6, found: { unexpected: 700 } });
  });

  it('takes a sample of the size that was asked for', async () => {
    const world = await filled();
    const progress = await new JobRun(world, { ...ALL, sample: 30, target: FIRST }, []).run();
    expect(progress.read).toBe(30);
    expect(progress.target?.differences).toBeGreaterThan(0);
  });

  it('compares no target in a sample that names none', async () => {
    const run = new JobRun(await filled(), { ...ALL, sample: 3 });
    expect(await run.run()).toMatchObject({ read: 3, target: null });
    expect([run.steps, run.opened]).toEqual([1, []]);
  });

  it('takes its sample from random places', async () => {
    const world = await filled();
    const ids = Array.from({ length: 90 }, (_, index) => `id ${100 + index}`);
    const asked: string[][] = [];
    const store = wrap(world.store, {
      listEntities: async ({ after, limit }) =>
        ids.filter((id) => after === null || id > after).slice(0, limit),
      readEntities: async (entityIds) => {
        asked.push([...entityIds]);
        throw new Error('It is enough to know what is read.');
      },
    });
    for (const [chance, first] of [
      [0, 'id 100'],
      [0.999, 'id 180'],
    ] as const) {
      const run = new JobRun({ parts: () => ({ ...world.parts(), store }) } as never, { ...ALL, sample: 5 });
      run.chance = chance;
      await expect(run.step()).rejects.toThrow('It is enough');
      expect(asked.pop()?.[0]).toBe(first);
    }
  });

  it('rests after each page for the time that its entities may take', async () => {
    const world = await filled();
    const run = new JobRun(world, { ...ALL, perSecond: 2 });
    await run.run();
    // Three pages of two of the seven orders. Nobody waits for a job that is done.
    expect(run.rests).toEqual([1_000, 1_000, 1_000]);
    const larger = new JobRun(world, { ...ALL, perSecond: 3 });
    expect(await larger.run()).toMatchObject({ read: 7 });
    expect(larger.rests).toEqual([1_000, 1_000]);
    const unlimited = new JobRun(world, ALL);
    await unlimited.run();
    expect(unlimited.rests).toEqual([]);
  });

  it('rests for less where the page took a while, and not at all where it took longer', async () => {
    const world = await filled();
    for (const [pageMs, rests] of [
      [300, [700, 700, 700]],
      [1_000, []],
      [1_200, []],
    ] as const) {
      const store = wrap(world.store, {
        listEntities: async (page) => {
          await run.clock.sleep(pageMs);
          return world.store.listEntities(page);
        },
      });
      const slow = { parts: () => ({ ...world.parts(), store }) };
      const run: JobRun = new JobRun(slow as never, { ...ALL, perSecond: 2 });
      await run.run();
      expect(run.rests).toEqual(rests);
    }
  });

  it('ends its step without a rest where the job is not its own any more', async () => {
    const run = new JobRun(await filled(), { ...ALL, perSecond: 2 });
    run.isLost = true;
    expect(run.handler.kind).toBe('verify');
    expect(await run.step()).toBeNull();
    expect(run.rests).toEqual([]);
  });

  it('shows the first hundred differences, counts all, and leaves no holdings open', async () => {
    const world = await filled();
    await harness.rawQuery("UPDATE orders SET payment_status = NULL WHERE order_id = 'a'");
    const held = Array.from({ length: 150 }, (_, index) => ({
      entityId: `z${1_000 + index}`,
      version: 1,
      row: [],
    }));
    const run = new JobRun(world, { ...ALL, target: FIRST }, held);
    const { shown, target } = await run.run();
    expect(target?.found).toEqual({ missing: 6, unexpected: 150 });
    expect(shown).toHaveLength(100);
    expect([shown[0], shown[1], shown[99]]).toEqual([
      { kind: 'row_altered', entityId: 'a' },
      { target: FIRST, verdict: 'missing', entityId: 'a' },
      { target: FIRST, verdict: 'unexpected', entityId: 'z1092' },
    ]);
    expect(run.open).toEqual([]);
    expect(run.audit).toEqual([]);
  });

  it('takes what somebody has altered in its parameters as not given', async () => {
    const world = await filled();
    await harness.rawQuery("DELETE FROM deliveries WHERE entity_id = 'b'");
    for (const parameters of [
      { sample: '3', perSecond: -1, repairs: 'yes', target: 7 },
      { perSecond: '2' },
      { perSecond: 0 },
      null,
    ]) {
      const run = new JobRun(world, ALL);
      run.job = { ...run.job, parameters };
      expect(await run.run()).toMatchObject({ read: 7, differences: 1, repaired: 0, target: null });
      expect([run.steps, run.rests, run.audit]).toEqual([1, [], []]);
    }
  });

  it('compares the target only with the entities of its sample', async () => {
    const world = await filled();
    const held = [{ entityId: 'zz', version: 1, row: [] }];
    const run = new JobRun(world, { ...ALL, sample: 1, target: FIRST }, held);
    expect(await run.run()).toMatchObject({ read: 1, target: { name: FIRST } });
    expect([run.steps, run.job.place]).toEqual([1, null]);
    const { found = {} } = (run.job.progress as unknown as VerifyProgress).target ?? {};
    expect(found).not.toHaveProperty('unexpected');
  });

  it('ends a sample of an empty store', async () => {
    const world = await OrderWorld.make(harness);
    await harness.rawQuery('DELETE FROM orders');
    const store = wrap(world.store, { listEntities: async () => [] });
    const run = new JobRun({ ...world, parts: () => ({ ...world.parts(), store }) } as never, {
      ...ALL,
      sample: 5,
      target: FIRST,
    });
    expect(await run.run()).toMatchObject({ read: 0, target: null });
    expect(run.steps).toBe(1);
  });

  it('goes through the entries of a target in pages, and ends with the last one', async () => {
    const world = await filled();
    const ids = Array.from({ length: 500 }, (_, index) => `id ${1_000 + index}`);
    const pending = { status: 'pending', deliveredVersion: null, dueVersion: 1, viewVersion: 1, row: [] };
    const listOwed = async ({ after }: { after: string | null }) =>
      ids.filter((id) => after === null || id > after).map((entityId) => ({ entityId, ...pending }));
    const store = wrap(world.store, { listOwed } as never);
    const run = new JobRun({ parts: () => ({ ...world.parts(), store }) } as never, {
      ...ALL,
      target: FIRST,
    });
    const places: unknown[] = [];
    const { target } = await run.run({ seen: places });
    expect(places).toEqual([{ part: 'target', after: null }, { part: 'target', after: ids.at(-1) }, null]);
    expect(target).toMatchObject({ inFlight: 500, differences: 0 });
  });

  it('ends at a place for which it has no target', async () => {
    const world = await filled();
    const run = new JobRun(world, ALL);
    run.job = { ...run.job, place: { part: 'target', after: null } };
    expect(await run.run()).toMatchObject({ read: 0, target: null });
    expect([run.steps, run.job.place]).toEqual([1, null]);
  });
});
