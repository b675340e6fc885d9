import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { rebuildCommand } from '../../../../src/apps/order-sync/commands/rebuild.ts';
import { runCli } from '../../../../src/apps/shared/cli/cli.ts';
import { WAITING } from '../../../pipeline/ingest/harness.ts';
import { buggyOrders, fixedOrders, type Program, World } from '../../../pipeline/rebuild/world.ts';
import { fakeHost } from '../../shared/cli/fake-host.ts';

async function orderSync(folder: string, ...argv: string[]) {
  const host = fakeHost(['rebuild', ...argv], { TRIBUTARY_DATA_DIR: folder });
  const commands = [rebuildCommand(systemClock)];
  const code = await runCli(
    { program: 'order-sync', summary: 'Syncs.', examples: [['order-sync', 'Sync']], commands },
    host,
  );
  return { code, out: host.stdout.text, error: host.stderr.text };
}

/** Orders whose rows were made by a fold with a bug, under the same number as the product's. */
async function placeOf(...ids: string[]): Promise<{ world: World; program: Program }> {
  const world = await World.make();
  onTestFinished(() => world.close());
  const program = await world.program(buggyOrders);
  for (const orderId of ids) {
    const status = orderId.startsWith('declined')
      ? ('AUTHORIZATION_REVIEW_DECLINED' as const)
      : ('PAYMENT_AUTHORIZED' as const);
    await program.journal([
      { orderId, status: null, minute: 0 },
      { orderId, status, minute: 1 },
    ]);
  }
  await program.deliverAll();
  return { world, program };
}

const WHY = ['--reason', 'a declined review is no accepted one', '--by', 'ops'];

describe('order-sync rebuild', () => {
  it('makes a new view, reports what differs, and switches to it', async () => {
    const { world, program } = await placeOf('declined', 'right');
    expect((await orderSync(world.folder, '--report')).out).toBe('No rebuild is under way.\n');

    const built = await orderSync(world.folder, '--wait', ...WHY, '--json');
    expect(built.code, built.error).toBe(0);
    const report = { rows: { compared: 2, equal: 1, different: 1 }, wouldBeDue: { 'order-mgt': 1 } };
    expect(JSON.parse(built.out)).toMatchObject({ kind: 'rebuild', state: 'done', progress: { report } });
    const shown = await orderSync(world.folder, '--report');
    expect(shown.out).toContain('Rows: 2 compared, 1 equal, 1 different');
    expect(shown.out).toContain('"declined" version 2');
    expect((await orderSync(world.folder, ...WHY)).error).toContain('is under way');
    expect((await program.rows()).get('declined')?.row).toContain('AUTHORIZATION_REVIEW_ACCEPTED');

    const switched = await orderSync(world.folder, '--switch', '--wait', ...WHY, '--json');
    expect(JSON.parse(switched.out)).toMatchObject({ state: 'done', progress: { phase: 'done', due: 1 } });
    expect((await program.rows()).get('declined')?.row).toContain('AUTHORIZATION_REVIEW_DECLINED');
    const audit = await program.store.listAudit({ after: null, limit: 10 });
    expect(audit.map(({ action, decidedBy }) => [action, decidedBy])).toEqual([
      ['job_created', 'ops'],
      ['rebuild_switched', 'ops'],
      ['job_created', 'ops'],
    ]);
  });

  it('drops the new view with --discard, and records who did it', async () => {
    const { world, program } = await placeOf('declined');
    await orderSync(world.folder, '--wait', ...WHY);
    expect((await orderSync(world.folder, '--discard', ...WHY)).code).toBe(0);
    expect((await program.store.viewState()).rebuild).toBeNull();
    const [latest] = await program.store.listAudit({ after: null, limit: 1 });
    expect(latest).toMatchObject({ action: 'rebuild_discarded', decidedBy: 'ops' });
    expect((await orderSync(world.folder, '--discard', ...WHY)).error).toContain('No rebuild is under way');
  });

  it('only creates a job without --wait, and goes on with it when asked to wait', async () => {
    const { world } = await placeOf('declined');
    const created = await orderSync(world.folder, ...WHY, '--json');
    expect(JSON.parse(created.out)).toMatchObject({ state: 'waiting', reason: WHY[1] });
  });

  it.each([
    ['--wait', null],
    ['--switch', { rows: 0 }],
    ['--wait --switch', { rows: 0 }],
  ])('refuses %s for a rebuild of another fold, and names the fold', async (options, report) => {
    const { world, program } = await placeOf('right');
    const { columns } = fixedOrders.view;
    await program.store.beginRebuild({ rebuildId: 'newer', foldVersion: 2, columns });
    if (report !== null) await program.store.noteBuilt('newer', report);
    const { code, error } = await orderSync(world.folder, ...options.split(' '), ...WHY);
    expect(code).toBe(1);
    expect(error).toContain('needs a program with fold version 2, and this program has fold version 1');
    expect(await program.store.listJobs({ after: null, limit: 1 })).toEqual([]);
    expect((await orderSync(world.folder, '--discard', ...WHY)).code).toBe(0);
  });

  it('goes on with --wait where a cancelled job has left its table', async () => {
    const { world, program } = await placeOf('declined');
    const { out } = await orderSync(world.folder, ...WHY, '--json');
    const jobId: string = JSON.parse(out).id;
    const { columns } = buggyOrders.view;
    await program.store.beginRebuild({ rebuildId: jobId, foldVersion: 1, columns });
    const cancel = { jobId, decidedBy: 'ops', reason: 'not now', decidedAtMs: 1 };
    await program.store.cancelJob(cancel);

    const again = await orderSync(world.folder, '--wait', ...WHY, '--json');
    expect(again.code, again.error).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({ state: 'done', parameters: { rebuildId: jobId } });
    const { rebuild } = await program.store.viewState();
    expect(rebuild).toMatchObject({ rebuildId: jobId, report: { rows: { compared: 1 } } });
  });

  it('ends with exit code 1 if its job was cancelled, or its rebuild discarded', async () => {
    const { world, program } = await placeOf('declined');
    const { store } = program;
    expect((await orderSync(world.folder, '--wait', ...WHY)).code).toBe(0);
    const state = await store.viewState();
    const rebuildId = state.rebuild?.rebuildId ?? '';
    // Another worker has the kind, so that the command only waits.
    const task = { task: 'switch', rebuildId, keepsFormer: false };
    const facts = {
      kind: 'rebuild',
      isDryRun: false,
      requestedBy: 'ops',
      reason: '',
      createdAtMs: 1,
    } as const;
    await store.createJob({ ...facts, jobId: 'held', parameters: task });
    world.nowMs = Math.floor(systemClock.monotonicMs());
    const claim = { claimant: 'another', leaseMs: 60_000 };
    await store.claimJob({ ...claim, kind: 'rebuild' });
    const waiting = orderSync(world.folder, '--switch', '--wait', ...WHY, '--json');
    const created = await vi.waitFor(async () => {
      const [job] = await store.listJobs({ after: null, limit: 1 });
      if (job === undefined || job.state !== 'waiting') throw new Error('not created yet');
      return job;
    }, WAITING);
    await store.cancelJob({ jobId: created.jobId, decidedBy: 'ops', reason: '', decidedAtMs: 1 });
    const { code, out } = await waiting;
    expect(JSON.parse(out)).toMatchObject({ state: 'cancelled' });
    expect(code).toBe(1);

    const discarded = orderSync(world.folder, '--switch', '--wait', ...WHY, '--json');
    await vi.waitFor(
      async () => expect((await store.listJobs({ after: null, limit: 1 }))[0]?.state).toBe('waiting'),
      WAITING,
    );
    await store.discardRebuild(rebuildId);
    await store.saveJob({ ...claim, jobId: 'held', state: 'done', progress: {}, place: null });
    const ended = await discarded;
    expect(JSON.parse(ended.out)).toMatchObject({ state: 'done', progress: { phase: 'gone' } });
    expect(ended.code).toBe(1);
  });

  it('shows what it would make of single orders, and with --switch makes it', async () => {
    const { world, program } = await placeOf('declined', 'right');
    const ids = ['--entities', 'declined', 'right'];
    const dry = await orderSync(world.folder, ...ids, '--json');
    expect(JSON.parse(dry.out)).toMatchObject([
      { orderId: 'declined', before: { version: 2 }, after: { version: 2 }, fault: null },
    ]);
    expect((await program.rows()).get('declined')?.row).toContain('AUTHORIZATION_REVIEW_ACCEPTED');
    const made = await orderSync(world.folder, ...ids, '--switch', ...WHY);
    expect(made.code, made.error).toBe(0);
    expect(made.error).toContain('1 of 2 orders are changed.');
    expect((await program.rows()).get('declined')?.row).toContain('AUTHORIZATION_REVIEW_DECLINED');
    const [delivery] = await program.claim();
    expect(delivery).toMatchObject({ entityId: 'declined', version: 2, replaces: expect.any(String) });
  });

  it('counts an order without events as not changed by --switch, and ends as partly done', async () => {
    const { world } = await placeOf('declined');
    const ids = ['--entities', 'declined', 'nobody'];
    const { code, error } = await orderSync(world.folder, ...ids, '--switch', ...WHY);
    expect(error).toContain('1 of 2 orders are changed.');
    expect(code).toBe(5);
  });

  it.each([
    [['--switch', '--discard', ...WHY], '--switch and --discard'],
    [['--entities', 'a', '--discard', ...WHY], '--entities'],
    [['--wait'], '--reason'],
  ])('refuses the options %j', async (options, named) => {
    const { world } = await placeOf('right');
    const { code, error } = await orderSync(world.folder, ...options);
    expect(code).toBe(2);
    expect(error).toContain(named);
  });
});
