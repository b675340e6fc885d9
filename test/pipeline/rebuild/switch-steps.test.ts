import { describe, expect, it } from 'vitest';
import { TributaryError } from '../../../src/core/errors.ts';
import { NO_COUNTS } from '../../../src/pipeline/rebuild/places.ts';
import { GONE, idsOf, paged, REBUILD, StepsPlace } from './steps-place.ts';

describe('a step of the switch', () => {
  const catchUp = { phase: 'catch_up', pass: 1, after: null, found: 0, counts: NO_COUNTS } as const;
  const settle = { phase: 'settle', after: null, due: 0, pauseMs: null } as const;

  it('catches up first, if all rows are built', async () => {
    const place = new StepsPlace({ listOutdated: paged([]) });
    expect((await place.switch(null)).place).toEqual(catchUp);
    expect((await place.switch(catchUp)).place).toEqual({ phase: 'switch', counts: NO_COUNTS });
    place.state = { ...place.state, rebuild: { ...REBUILD, report: null } };
    await expect(place.switch(null)).rejects.toMatchObject({ code: 'rebuild_refused' });
    place.state = { ...place.state, rebuild: null };
    expect([await place.switch(null), await place.switch(catchUp)]).toEqual([GONE, GONE]);
    place.state = { ...place.state, foldVersion: 3 };
    await expect(place.switch(null)).rejects.toMatchObject({ code: 'fold_outdated' });
    expect(await place.switch({ phase: 'walk', after: null, counts: NO_COUNTS })).toEqual(GONE);
  });

  it('catches up for the last time under the epoch of its fence, and exchanges the tables', async () => {
    const ids = idsOf(50_010);
    const place = new StepsPlace({ beginSwitch: () => 5, listOutdated: paged(ids) });
    place.callMs = 3;
    await place.clock.sleep(600_000);
    const step = await place.switch({ phase: 'switch', counts: NO_COUNTS });
    expect(place.calls('beginSwitch')).toEqual(['r']);
    expect(place.calls('listOutdated')).toEqual(
      [null, ids[49_999]].map((after) => ({ after, limit: 50_000 })),
    );
    const written = place.calls('writeRebuilt') as { epoch: number; rows: readonly unknown[] }[];
    expect(new Set(written.map(({ epoch }) => epoch))).toEqual(new Set([5]));
    expect(written.reduce((sum, { rows }) => sum + rows.length, 0)).toBe(50_010);
    expect(place.calls('exchange')).toEqual([{ rebuildId: 'r', epoch: 5, waitSeconds: 3 }]);
    const { pauseMs } = step.place as { pauseMs: number };
    expect(step.place).toEqual({ ...settle, pauseMs });
    expect(pauseMs).toBeGreaterThan(300);
    expect(pauseMs).toBeLessThan(6_000);
    expect(place.logged).toEqual([
      `info: The rebuilt view has taken the place of the old one {"pauseMs":${pauseMs}}`,
    ]);
  });

  it('shows every second that it works, by a write without rows', async () => {
    const beats = async (callMs: number) => {
      const place = new StepsPlace({ beginSwitch: () => 5, listOutdated: paged(idsOf(50_010)) });
      place.callMs = callMs;
      await place.switch({ phase: 'switch', counts: NO_COUNTS });
      return (place.calls('writeRebuilt') as { rows: readonly unknown[] }[]).filter(
        ({ rows }) => rows.length === 0,
      ).length;
    };
    // Each of 101 portions is read and written.
    expect([await beats(1), await beats(10)]).toEqual([0, 1]);
  });

  it.each([
    ['its rows are refused', { writeRebuilt: () => false, listOutdated: paged(idsOf(1)) }, 'rebuild_refused'],
    [
      'the tables cannot be exchanged',
      {
        listOutdated: paged([]),
        exchange: () => {
          throw new TributaryError('store_busy', 'Somebody reads the table.');
        },
      },
      'store_busy',
    ],
  ])('takes the switch back if %s, and hands on the error', async (_, answers, code) => {
    const place = new StepsPlace({
      beginSwitch: () => 5,
      takeBackSwitch: () => {
        throw new Error('This fails too.');
      },
      ...answers,
    });
    await expect(place.switch({ phase: 'switch', counts: NO_COUNTS })).rejects.toMatchObject({ code });
    expect(place.calls('takeBackSwitch')).toEqual([5]);
    expect(place.logged).toEqual([]);
  });

  it('goes on with the changed states if the tables were exchanged already, and else is gone', async () => {
    const at = { phase: 'switch', counts: NO_COUNTS } as const;
    const place = new StepsPlace({ beginSwitch: () => null });
    expect(await place.switch(at)).toEqual(GONE);
    place.state = { ...place.state, phase: 'settling' };
    expect((await place.switch(at)).place).toEqual(settle);
    place.state = { ...place.state, rebuild: { ...REBUILD, rebuildId: 'another' } };
    expect(await place.switch(at)).toEqual(GONE);
    place.state = { ...place.state, rebuild: null };
    expect(await place.switch(at)).toEqual(GONE);
    expect(place.calls('exchange')).toEqual([]);
  });

  it('makes the changed states due, page by page, without those of rows that are gone', async () => {
    const change = (id: string, after: object | null) => ({
      entityId: id,
      before: { row: ['Y'], version: 0 },
      after,
    });
    const pages = [
      { differences: [change('a', {}), change('b', null)], through: 'b' },
      { differences: [change('c', {})], through: null },
    ];
    const place = new StepsPlace({
      compareRows: () => pages.shift(),
      settleChanges: ({ changes }: { changes: readonly unknown[] }) => ({ due: changes.length, stale: [] }),
    } as never);
    place.state = { ...place.state, phase: 'settling' };
    const step = await place.switch({ ...settle, due: 4, pauseMs: 20 });
    expect(step.place).toEqual({ phase: 'end', due: 6, pauseMs: 20 });
    expect(place.asked.filter(([name]) => name === 'compareRows')).toEqual([
      ['compareRows', 'former', { after: null, limit: 10_000 }],
      ['compareRows', 'former', { after: 'b', limit: 10_000 }],
    ]);
    const settled = place.calls('settleChanges') as { changes: readonly { entityId: string }[] }[];
    expect(settled.map(({ changes }) => changes.map(({ entityId }) => entityId))).toEqual([['a'], ['c']]);
  });

  it('keeps its place among the changed states when its time is over', async () => {
    const place = new StepsPlace({ compareRows: () => ({ differences: [], through: 'm' }) });
    place.state = { ...place.state, phase: 'settling' };
    place.callMs = 600;
    expect(await place.switch({ ...settle, due: 4, pauseMs: 20 })).toEqual({
      place: { phase: 'settle', after: 'm', due: 4, pauseMs: 20 },
      progress: { phase: 'settling', due: 4, pauseMs: 20 },
    });
  });

  it('ends the settling where another process has ended it', async () => {
    const end = { phase: 'end', due: 4, pauseMs: 20 };
    const place = new StepsPlace({
      compareRows: () => ({ differences: [], through: 'm' }),
      settleChanges: () => null,
    });
    expect((await place.switch({ ...settle, due: 4, pauseMs: 20 })).place).toEqual(end);
    expect(place.asked).toEqual([]);
    place.state = { ...place.state, phase: 'settling' };
    expect((await place.switch({ ...settle, due: 4, pauseMs: 20 })).place).toEqual(end);
    const { length } = place.asked;
    for (const rebuild of [null, { ...REBUILD, rebuildId: 'another' }]) {
      place.state = { ...place.state, rebuild };
      expect((await place.switch({ ...settle, due: 4, pauseMs: 20 })).place).toEqual(end);
    }
    expect(place.asked).toHaveLength(length);
  });

  it.each([
    [false, ['endSettling', 'dropFormer']],
    [true, ['endSettling']],
  ])('ends, and keeps the former table if it is told so: %s', async (keepsFormer, asked) => {
    const place = new StepsPlace();
    expect(await place.switch({ phase: 'end', due: 4, pauseMs: 20 }, keepsFormer)).toEqual({
      place: null,
      progress: { phase: 'done', due: 4, pauseMs: 20 },
    });
    expect(place.asked.map(([name]) => name)).toEqual(asked);
    expect(place.calls('endSettling')).toEqual(['r']);
  });
});

describe('the recovery of a rebuild', () => {
  const signal = new AbortController().signal;

  it('finishes or takes back a switch that stands still, and says so if it did', async () => {
    for (const isOver of [true, false]) {
      const place = new StepsPlace({ takeBackSwitch: () => isOver });
      await place.rebuild.recover({ ...place.state, phase: 'switching', epoch: 9 }, signal);
      expect(place.calls('takeBackSwitch')).toEqual([9]);
      expect(place.logged).toEqual(
        isOver ? ['warn: The exchange of the view stood still, and is finished or taken back.'] : [],
      );
    }
  });

  it('makes the changed states due, step by step, and ends the settling', async () => {
    const pages = [
      { differences: [], through: 'm' },
      { differences: [], through: null },
    ];
    const place = new StepsPlace({ compareRows: () => pages.shift() });
    place.callMs = 600;
    place.state = { ...place.state, phase: 'settling' };
    await place.rebuild.recover(place.state, signal);
    expect(place.asked.filter(([name]) => name === 'compareRows').map(([, , page]) => page)).toEqual([
      { after: null, limit: 10_000 },
      { after: 'm', limit: 10_000 },
    ]);
    expect(place.calls('endSettling')).toEqual(['r']);
    expect(place.logged).toEqual([
      'warn: The states that the rebuilt view has changed are made due by this instance: its worker is gone.',
    ]);
  });

  it('leaves alone what needs no recovery, and what another program has to recover', async () => {
    const place = new StepsPlace();
    await place.rebuild.recover(place.state, signal);
    await place.rebuild.recover({ ...place.state, phase: 'settling', rebuild: null }, signal);
    const others = { ...REBUILD, foldVersion: 3 };
    await place.rebuild.recover({ ...place.state, phase: 'settling', rebuild: others }, signal);
    expect([place.asked, place.logged]).toEqual([[], []]);
  });

  it('leaves the settling to the next look if it is stopped', async () => {
    const place = new StepsPlace();
    place.state = { ...place.state, phase: 'settling' };
    const stopped = new AbortController();
    stopped.abort();
    await place.rebuild.recover(place.state, stopped.signal);
    expect(place.asked).toEqual([]);
  });
});
