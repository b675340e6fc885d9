import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Domain } from '../../../src/core/domain.ts';
import type { OrderEvent, OrderState } from '../../../src/orders/index.ts';
import { JobWorker } from '../../../src/pipeline/jobs/job-worker.ts';
import type { RebuildPlace } from '../../../src/pipeline/rebuild/places.ts';
import { type RebuildTask, rebuildHandler } from '../../../src/pipeline/rebuild/rebuild-job.ts';
import { quickClock, WAITING } from '../ingest/harness.ts';
import { buggyOrders, fixedOrders, type Happening, type Program, World } from './world.ts';

const DECLINED: Happening[] = [
  { orderId: 'a', status: null, minute: 0 },
  { orderId: 'a', status: 'AUTHORIZATION_REVIEW_DECLINED', minute: 1 },
];

/** The fixed fold, with one more column. */
const widerOrders: Domain<OrderState, OrderEvent> = {
  ...fixedOrders,
  view: {
    ...fixedOrders.view,
    columns: [...fixedOrders.view.columns, { name: 'events', type: 'integer' }],
    row: (state) => [...fixedOrders.view.row(state), 1],
  },
};

let world: World;
let old: Program;
beforeEach(async () => {
  world = await World.make();
  old = await world.program(buggyOrders);
  await old.journal(DECLINED);
  await old.deliverAll();
});
afterEach(() => world.close());

/** The error that names the program which a rebuild needs. */
const needing = (needs: string) => ({
  code: 'rebuild_refused',
  message: expect.stringContaining(`needs a program with ${needs},`),
});

/** Works until a place of this phase, as a job that its process leaves there. */
async function placeAt(
  program: Program,
  task: 'build' | 'switch',
  phase: RebuildPlace['phase'],
): Promise<RebuildPlace> {
  let reached: RebuildPlace | null = null;
  const leaves = (place: RebuildPlace | null) => {
    if (place?.phase !== phase) return;
    reached = place;
    throw new Error('left here');
  };
  await expect(program.work(task, 'rebuild-1', null, leaves)).rejects.toThrow('left here');
  return reached as unknown as RebuildPlace;
}

describe('a program of another fold', () => {
  it.each(['walk', 'catch_up', 'compare'] as const)(
    'refuses to go on with a building at the phase %s',
    async (phase) => {
      const program = await world.program(fixedOrders);
      const place = await placeAt(program, 'build', phase);
      await expect(old.work('build', 'rebuild-1', place)).rejects.toMatchObject(needing('fold version 2'));
      await program.work('build', 'rebuild-1', place);
      await program.work('switch', 'rebuild-1');
      await program.deliverAll();
      expect(world.target.held.get('a')?.row).toContain('AUTHORIZATION_REVIEW_DECLINED');
    },
  );

  it('refuses to begin a switch, or to go on with it', async () => {
    const program = await world.program(fixedOrders);
    await program.work('build', 'rebuild-1');
    await expect(old.work('switch', 'rebuild-1')).rejects.toMatchObject(needing('fold version 2'));
    for (const phase of ['catch_up', 'switch', 'settle'] as const) {
      const place = await placeAt(program, 'switch', phase);
      await expect(old.work('switch', 'rebuild-1', place)).rejects.toMatchObject(needing('fold version 2'));
    }
    expect(await program.store.viewState()).toMatchObject({ phase: 'settling' });
  });

  it('refuses a rebuild with other columns under the same fold version, and names them', async () => {
    const program = await world.program(widerOrders);
    const place = await placeAt(program, 'build', 'walk');
    const other = await world.program(fixedOrders);
    await expect(other.work('build', 'rebuild-1', place)).rejects.toMatchObject({
      code: 'rebuild_refused',
      message: expect.stringMatching(/fold version 2 and the columns .*ready_to_send, events/),
    });
  });

  it('leaves the changed states to a program of the fold of the rebuild, and says that deliveries wait', async () => {
    // The newer program only journals, and the older one leads back.
    const newer = await world.program(fixedOrders);
    await newer.journal([{ orderId: 'a', status: 'PAYMENT_AUTHORIZED', minute: 2 }]);
    await old.work('build', 'rebuild-1');
    await placeAt(old, 'switch', 'settle');

    await newer.recover();
    expect(await newer.store.viewState()).toMatchObject({ phase: 'settling', foldVersion: 1 });
    expect(newer.view.notes().join('\n')).toMatch(/Deliveries wait .* a program with fold version 1: run/);
    await old.recover();
    expect(await old.store.viewState()).toMatchObject({ phase: 'steady' });
  });

  it('takes back a switch that stands still, because that folds nothing', async () => {
    const program = await world.program(fixedOrders);
    await program.work('build', 'rebuild-1');
    await program.store.beginSwitch('rebuild-1');
    await old.recover();
    expect(await old.store.viewState()).toMatchObject({ phase: 'steady', foldVersion: 1 });
  });
});

describe('a program with other columns under the same fold version', () => {
  it('refuses to start, and shuts out nobody', async () => {
    const newer = await world.program(widerOrders);
    await newer.rebuildAll();
    await expect(world.program(fixedOrders)).rejects.toMatchObject({ code: 'fold_outdated' });
    await newer.view.refresh();
    expect(newer.view.status().mode).toBe('current');
    expect((await newer.store.viewState()).awaitedFold).toBeNull();
  });

  it('refuses a rebuild too', async () => {
    const early = await world.program(fixedOrders);
    await (await world.program(widerOrders)).rebuildAll();
    await expect(early.work('build', 'back')).rejects.toMatchObject({ code: 'fold_outdated' });
  });
});

describe('a rebuild that is discarded while its job works', () => {
  it.each([
    ['build', 'catch_up'],
    ['build', 'compare'],
    ['switch', 'catch_up'],
  ] as const)('ends the job of the %s at the phase %s', async (task, phase) => {
    const program = await world.program(fixedOrders);
    if (task === 'switch') await program.work('build', 'rebuild-1');
    const place = await placeAt(program, task, phase);
    await program.store.discardRebuild('rebuild-1');
    expect(await program.work(task, 'rebuild-1', place)).toEqual({ phase: 'gone' });
  });
});

describe('a job of a rebuild', () => {
  let jobs = 0;
  async function create(jobId: string, task: RebuildTask): Promise<void> {
    await old.store.createJob({
      jobId,
      kind: 'rebuild',
      parameters: { ...task },
      isDryRun: false,
      requestedBy: 'ops',
      reason: '',
      createdAtMs: ++jobs,
    });
  }

  function instance(program: Program): JobWorker {
    const { store } = program;
    const worker = new JobWorker({ store, clock: quickClock, logger: () => {}, pollMs: 100 });
    onTestFinished(() => worker.stop());
    worker.start([rebuildHandler(program.parts)]);
    return worker;
  }

  const reaches = (jobId: string, facts: object) =>
    vi.waitFor(async () => expect(await old.store.readJob(jobId)).toMatchObject(facts), WAITING);

  it('waits for a program of its fold, says so, and holds up no other job', async () => {
    await create('new', { task: 'build', foldVersion: 2 });
    await create('own', { task: 'build', foldVersion: 1 });
    instance(old);
    await reaches('own', { state: 'done', progress: { phase: 'built' } });
    expect(await old.store.readJob('new')).toMatchObject({
      state: 'waiting',
      progress: { waitsFor: 'a program with fold version 2' },
      place: null,
    });

    await old.store.discardRebuild('own');
    instance(await world.program(fixedOrders));
    await reaches('new', { state: 'done', progress: { phase: 'built', report: { foldVersion: { to: 2 } } } });
  });

  it('leaves a switch to a program of its fold, so that the changes reach the target', async () => {
    const program = await world.program(fixedOrders);
    await program.work('build', 'rebuild-1');
    await create('switch', { task: 'switch', rebuildId: 'rebuild-1', keepsFormer: false });
    instance(old);
    await reaches('switch', { state: 'waiting', progress: { waitsFor: 'a program with fold version 2' } });
    instance(program);
    await reaches('switch', { state: 'done', progress: { phase: 'done', due: 1 } });
    await program.deliverAll();
    expect(world.target.held.get('a')?.row).toContain('AUTHORIZATION_REVIEW_DECLINED');
  });

  it('goes on with a rebuild whose first job was cancelled, from its place', async () => {
    const place = await placeAt(old, 'build', 'catch_up');
    await create('rebuild-1', { task: 'build', foldVersion: 1 });
    const claim = { claimant: 'first', leaseMs: 1_000 };
    await old.store.claimJob({ ...claim, kind: 'rebuild' });
    const step = { state: 'running', progress: {}, place: { ...place, counts: COUNTS } } as const;
    await old.store.saveJob({ ...claim, jobId: 'rebuild-1', ...step });
    await old.store.cancelJob({ jobId: 'rebuild-1', decidedBy: 'ops', reason: '', decidedAtMs: 1 });
    await create('again', { task: 'build', foldVersion: 1, rebuildId: 'rebuild-1' });
    instance(old);
    // The number of entities tells that the walk was not made again.
    await reaches('again', { state: 'done', progress: { phase: 'built', entities: 77 } });
    expect((await old.store.viewState()).rebuild).toMatchObject({ rebuildId: 'rebuild-1' });
  });

  it('ends as gone if the rebuild that it goes on with was discarded', async () => {
    await create('again', { task: 'build', foldVersion: 1, rebuildId: 'rebuild-1' });
    instance(old);
    await reaches('again', { state: 'done', progress: { phase: 'gone' } });
    expect((await old.store.viewState()).rebuild).toBeNull();
  });
});

const COUNTS = { entities: 77, unfoldable: 0, unfoldableSamples: [] };
