import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SeededClock } from '../../../src/adapters/seeded-clock.ts';
import { type RebuildTask, rebuildHandler } from '../../../src/pipeline/rebuild/rebuild-job.ts';
import { reportOf } from '../../../src/pipeline/rebuild/report.ts';
import type { Job, JobSave } from '../../../src/ports/jobs.ts';
import type { ViewState } from '../../../src/ports/view-rebuild.ts';
import { wrap } from '../ingest/harness.ts';
import { fixedOrders, type Happening, World } from './world.ts';

const ACCEPTED: readonly Happening[] = [
  { orderId: 'a', status: null, minute: 0 },
  { orderId: 'a', status: 'PAYMENT_AUTHORIZED', minute: 1 },
];

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

describe('catching up before a switch', () => {
  it('ends with the first pass that finds few outdated rows, whatever the passes before it found', async () => {
    const program = await world.program(fixedOrders);
    await program.journal(ACCEPTED);
    await program.work('build', 'rebuild-1');
    const outdated = [2_001, 2_001, 10];
    const store = wrap(program.store, {
      async listOutdated() {
        const entityIds = Array.from({ length: outdated.shift() ?? 0 }, (_, index) => `gone ${index}`);
        return { entityIds, through: null };
      },
    });
    const places: string[] = [];
    await program.work(
      'switch',
      'rebuild-1',
      null,
      (place) => places.push(place?.phase === 'catch_up' ? `pass ${place.pass}` : String(place?.phase)),
      store,
    );
    expect(places.slice(0, 4)).toEqual(['pass 1', 'pass 2', 'pass 3', 'switch']);
  });
});

describe('the rests of a rebuild', () => {
  /** The rests that a job takes which works for half of the time, and for a second in each step. */
  async function restsOf(task: RebuildTask): Promise<number[]> {
    const clock = new SeededClock({ seed: 1, time: 'immediately' });
    const rests: number[] = [];
    const program = await world.program(fixedOrders);
    await program.journal(ACCEPTED);
    if (task.task === 'switch') await program.work('build', task.rebuildId);
    let job = {
      jobId: 'job',
      kind: 'rebuild',
      parameters: task,
      place: null,
      state: 'running',
    } as never as Job;
    const store = wrap(program.store, {
      async saveJob({ state, progress, place }: JobSave) {
        await clock.sleep(1_000);
        return { ...job, state, progress, place };
      },
    });
    const handler = rebuildHandler({
      ...program.parts,
      store,
      busyShare: 0.5,
      clock: {
        now: () => clock.now(),
        monotonicMs: () => clock.monotonicMs(),
        random: () => clock.random(),
        uuid: () => clock.uuid(),
        sleep: async (ms) => void rests.push(ms),
      },
    });
    while (job.state === 'running')
      job = (await handler.step(
        job,
        { claimant: 'one', leaseMs: 1_000 },
        new AbortController().signal,
      )) as Job;
    return rests;
  }

  it('last as long as the work before each, while the new rows are made', async () => {
    const rests = await restsOf({ task: 'build' });
    expect(rests.length).toBeGreaterThan(1);
    expect(new Set(rests)).toEqual(new Set([1_000]));
  });

  it('stop while the tables are exchanged, because ingest waits', async () => {
    expect(await restsOf({ task: 'switch', rebuildId: 'rebuild-1', keepsFormer: false })).toEqual([]);
  });
});

it('reportOf counts the rows of the present table as compared, and not those that come new', () => {
  const state = { foldVersion: 1, columns: [], rebuild: null } as unknown as ViewState;
  const counts = {
    equal: 1,
    different: 2,
    waiting: 4,
    added: 8,
    removed: 16,
    byColumn: {},
    samples: [],
    due: {},
  };
  const walked = { unfoldable: 0, unfoldableSamples: [] };
  const { rows } = reportOf(state, counts as never, walked as never, 0);
  expect(rows).toEqual({ compared: 23, equal: 1, different: 2, waiting: 4, added: 8, removed: 16 });
});
