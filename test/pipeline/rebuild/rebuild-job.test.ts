import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { NO_COUNTS } from '../../../src/pipeline/rebuild/places.ts';
import { rebuildHandler } from '../../../src/pipeline/rebuild/rebuild-job.ts';
import type { Job, JobSave } from '../../../src/ports/jobs.ts';
import { StepsPlace } from './steps-place.ts';

const CLAIM = { claimant: 'one', leaseMs: 1_000 };
const WALK = { phase: 'walk', after: null, counts: NO_COUNTS };

/** Makes one step of a job. Gives what it saved and rested. */
async function stepOf(place: StepsPlace, facts: Partial<Job> | Record<string, unknown>, busyShare?: number) {
  const job = { jobId: 'r', kind: 'rebuild', parameters: null, place: null, ...facts } as unknown as Job;
  const rests: number[] = [];
  const saves: JobSave[] = [];
  place.answers.saveJob ??= (({ state, progress, place: at }: JobSave) => ({
    ...job,
    state,
    progress,
    place: at,
  })) as never;
  const save = place.answers.saveJob as unknown as (save: JobSave) => unknown;
  place.answers.saveJob = ((saved: JobSave) => {
    saves.push(saved);
    return save(saved);
  }) as never;
  const clock = Object.assign(Object.create(place.clock) as typeof place.clock, {
    now: () => place.clock.now(),
    monotonicMs: () => place.clock.monotonicMs(),
    sleep: async (ms: number) => void rests.push(ms),
  });
  const share = busyShare === undefined ? {} : { busyShare };
  const handler = rebuildHandler({ ...place.parts, clock, ...share });
  const stepped = await handler.step(job, CLAIM, new AbortController().signal);
  return { stepped, rests, saves };
}

describe('the job of a rebuild', () => {
  it('begins for a job of an older version, which names nothing', async () => {
    const { stepped, rests, saves } = await stepOf(new StepsPlace(), { parameters: null });
    expect(stepped).toMatchObject({ state: 'running', place: WALK });
    expect(saves).toMatchObject([{ ...CLAIM, jobId: 'r', state: 'running', place: WALK }]);
    expect(rests).toEqual([]);
  });

  it('leaves the beginning to the program that asked for it, and goes on with what was begun', async () => {
    const parameters = { task: 'build', foldVersion: 9 };
    expect((await stepOf(new StepsPlace(), { parameters })).stepped).toEqual({
      needs: 'a program with fold version 9',
    });
    const place = new StepsPlace({ listJournaled: () => [] });
    const { stepped } = await stepOf(place, { parameters, place: WALK });
    expect(stepped).toMatchObject({ state: 'running', place: { phase: 'catch_up' } });
  });

  it('hands every other error on', async () => {
    const place = new StepsPlace({
      beginRebuild: () => {
        throw new TributaryError('store_busy', 'A deadlock.');
      },
    });
    await expect(stepOf(place, {})).rejects.toThrow('A deadlock.');
  });

  it('saves no place at its end, and does not rest there', async () => {
    const place = new StepsPlace();
    place.callMs = 300;
    place.state = { ...place.state, rebuild: null };
    const { rests, saves } = await stepOf(place, { place: WALK }, 0.5);
    expect(saves).toMatchObject([{ state: 'done', place: null, progress: { phase: 'gone' } }]);
    expect(rests).toEqual([]);
  });

  it('rests by its share of the time, for two seconds at most, while the job is its own', async () => {
    for (const [callMs, busyShare, restMs] of [
      [100, 0.5, 500],
      [1_000, 0.1, 2_000],
    ] as const) {
      const place = new StepsPlace({ listJournaled: () => [] });
      place.callMs = callMs;
      const { rests } = await stepOf(place, { place: WALK }, busyShare);
      expect(rests.map(Math.round)).toEqual([restMs]);
    }
    const lost = new StepsPlace({ listJournaled: () => [], saveJob: () => null });
    const { stepped, rests } = await stepOf(lost, { place: WALK }, 0.5);
    expect([stepped, rests]).toEqual([null, []]);
    const whole = new StepsPlace({ listJournaled: () => [] });
    expect((await stepOf(whole, { place: WALK }, 1)).rests).toEqual([]);
  });
});
