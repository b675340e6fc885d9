import { describe, expect, it } from 'vitest';
import { NO_COUNTS, type RebuildPlace } from '../../../src/pipeline/rebuild/places.ts';
import { emptyCounts } from '../../../src/pipeline/rebuild/report.ts';
import { FOLD, GONE, idsOf, journaled, paged, REBUILD, StepsPlace } from './steps-place.ts';

describe('a step of the building', () => {
  it('begins the rebuild with the fold and the columns of the program', async () => {
    const place = new StepsPlace();
    expect(await place.build(null)).toEqual({
      place: { phase: 'walk', after: null, counts: NO_COUNTS },
      progress: { phase: 'folding', entities: 0 },
    });
    expect(place.calls('beginRebuild')).toEqual([{ rebuildId: 'r', ...FOLD }]);
  });

  it('refuses to begin for a program with an older fold than the rows have', async () => {
    const place = new StepsPlace();
    place.state = { ...place.state, foldVersion: 3, rebuild: null };
    await expect(place.build(null)).rejects.toMatchObject({ code: 'fold_outdated' });
    expect(place.calls('beginRebuild')).toEqual([]);
  });

  it('walks through the journal in pages of 500, and then catches up', async () => {
    const ids = idsOf(1_020);
    const place = new StepsPlace({ listJournaled: journaled(ids) });
    const counts = { entities: 1_020, unfoldable: 0, unfoldableSamples: [] };
    expect(await place.build({ phase: 'walk', after: null, counts: NO_COUNTS })).toEqual({
      place: { phase: 'catch_up', pass: 1, after: null, found: 0, counts },
      progress: { phase: 'catching up', entities: 1_020, pass: 1, outdated: 0 },
    });
    expect(place.calls('listJournaled')).toEqual(
      [null, ids[499], ids[999]].map((after) => ({ after, limit: 500 })),
    );
    expect(place.calls('writeRebuilt')).toMatchObject([
      { rebuildId: 'r', epoch: null, rows: { length: 500 } },
      { rows: { length: 500 } },
      { rows: { length: 20 } },
    ]);
    expect(place.calls('writeRebuilt')[2]).toMatchObject({
      rows: expect.arrayContaining([{ entityId: ids[1_000], version: 0, row: ['X'] }]),
    });
  });

  it('saves its place after a second, or when it is stopped', async () => {
    const ids = idsOf(5_000);
    const slow = new StepsPlace({ listJournaled: journaled(ids) });
    slow.callMs = 200;
    // A page is listed, read and written in 600 ms.
    expect(await slow.build({ phase: 'walk', after: null, counts: NO_COUNTS })).toMatchObject({
      place: { phase: 'walk', after: ids[999], counts: { entities: 1_000 } },
    });
    const stopped = new StepsPlace({ listJournaled: journaled(ids) });
    stopped.signal.abort();
    expect(await stopped.build({ phase: 'walk', after: ids[99] ?? null, counts: NO_COUNTS })).toMatchObject({
      place: { phase: 'walk', after: ids[599], counts: { entities: 500 } },
    });
  });

  it('passes over what ingest has changed until few rows are outdated, in five passes at most', async () => {
    for (const [found, pass, next] of [
      [2_000, 1, { phase: 'compare', after: null, report: emptyCounts(), counts: NO_COUNTS }],
      [2_001, 1, { phase: 'catch_up', pass: 2, after: null, found: 0, counts: NO_COUNTS }],
      [2_001, 4, { phase: 'catch_up', pass: 5, after: null, found: 0, counts: NO_COUNTS }],
      [2_001, 5, { phase: 'compare', after: null, report: emptyCounts(), counts: NO_COUNTS }],
    ] as const) {
      const place = new StepsPlace({ listOutdated: paged(idsOf(found)) });
      const step = await place.build({ phase: 'catch_up', pass, after: null, found: 0, counts: NO_COUNTS });
      expect(step.place).toEqual(next);
      expect(place.calls('listOutdated')).toEqual([{ after: null, limit: 10_000 }]);
      const rows = place
        .calls('writeRebuilt')
        .map((call) => (call as { rows: readonly unknown[] }).rows.length);
      expect(rows).toEqual([500, 500, 500, 500, ...(found > 2_000 ? [1] : [])]);
    }
  });

  it('keeps the number of outdated rows of a pass from step to step', async () => {
    const ids = idsOf(30_000);
    const place = new StepsPlace({ listOutdated: paged(ids) });
    place.callMs = 100;
    const step = await place.build({ phase: 'catch_up', pass: 2, after: null, found: 7, counts: NO_COUNTS });
    expect(step.place).toEqual({
      phase: 'catch_up',
      pass: 2,
      after: ids[9_999],
      found: 10_007,
      counts: NO_COUNTS,
    });
    const whole = new StepsPlace({ listOutdated: paged(ids) });
    const next = await whole.build(step.place);
    expect(next.place).toEqual({ phase: 'catch_up', pass: 3, after: null, found: 0, counts: NO_COUNTS });
    expect(whole.calls('listOutdated')).toEqual(
      [ids[9_999], ids[19_999], ids[29_999]].map((after) => ({ after, limit: 10_000 })),
    );
  });

  it('compares the rows of both tables, and notes the report', async () => {
    const difference = (id: string) => ({
      entityId: id,
      before: { row: ['Y'], version: 1 },
      after: { row: ['X'], version: 1 },
    });
    const pages = [
      { equal: 5, differences: [difference('a')], through: 'a' },
      { equal: 3, differences: [difference('b'), difference('c')], through: null },
    ];
    const place = new StepsPlace({ compareRows: () => pages.shift() });
    const step = await place.build({
      phase: 'compare',
      after: null,
      report: { ...emptyCounts(), equal: 1, due: { crm: 1 } },
      counts: { ...NO_COUNTS, entities: 9 },
    });
    const report = {
      comparedAt: new Date(place.clock.now()).toISOString(),
      rows: { compared: 12, equal: 9, different: 3, waiting: 0, added: 0, removed: 0 },
      differentByColumn: { place: 3 },
      wouldBeDue: { crm: 4 },
    };
    expect(step).toMatchObject({ place: null, progress: { phase: 'built', entities: 9, report } });
    expect(place.asked.filter(([name]) => name === 'compareRows')).toEqual([
      ['compareRows', 'rebuilt', { after: null, limit: 10_000 }],
      ['compareRows', 'rebuilt', { after: 'a', limit: 10_000 }],
    ]);
    expect(place.asked.at(-1)).toMatchObject(['noteBuilt', 'r', report]);
  });

  it('goes on with a comparison at the place where its time was over', async () => {
    const page = { equal: 5, differences: [], through: 'm' };
    const place = new StepsPlace({ compareRows: () => page });
    // The page takes a second.
    place.callMs = 1_000;
    const at = {
      phase: 'compare',
      after: 'c',
      report: { ...emptyCounts(), equal: 1 },
      counts: NO_COUNTS,
    } as const;
    expect(await place.build(at)).toEqual({
      place: { ...at, after: 'm', report: { ...emptyCounts(), equal: 6 } },
      progress: { phase: 'comparing', entities: 0, compared: 6 },
    });
    // The job keeps the counts that it gave.
    expect(at.report.equal).toBe(1);
  });

  it.each<[string, RebuildPlace]>([
    ['walk', { phase: 'walk', after: null, counts: NO_COUNTS }],
    ['catch up', { phase: 'catch_up', pass: 1, after: null, found: 0, counts: NO_COUNTS }],
    ['comparison', { phase: 'compare', after: null, report: emptyCounts(), counts: NO_COUNTS }],
    ['switch, which is no part of it', { phase: 'switch', counts: NO_COUNTS }],
  ])('ends as gone if the rebuild is not under way any more: %s', async (_, at) => {
    for (const rebuild of [null, { ...REBUILD, rebuildId: 'another' }]) {
      const place = new StepsPlace();
      place.state = { ...place.state, rebuild };
      expect(await place.build(at)).toEqual(GONE);
      expect(place.asked).toEqual([]);
    }
    if (at.phase === 'switch') expect(await new StepsPlace().build(at)).toEqual(GONE);
  });

  it('ends as gone if the rebuild ends while rows are written, or its switch begins during the comparison', async () => {
    const writing = {
      writeRebuilt: () => false,
      listJournaled: journaled(idsOf(1)),
      listOutdated: paged(idsOf(1)),
    };
    expect(await new StepsPlace(writing).build({ phase: 'walk', after: null, counts: NO_COUNTS })).toEqual(
      GONE,
    );
    const catching = { phase: 'catch_up', pass: 1, after: null, found: 0, counts: NO_COUNTS } as const;
    expect(await new StepsPlace(writing).build(catching)).toEqual(GONE);
    for (const rebuild of [null, { ...REBUILD, rebuildId: 'another' }]) {
      const ended = new StepsPlace();
      const states = [ended.state, { ...ended.state, rebuild }];
      ended.answers.viewState = () => states.shift();
      const comparing = { phase: 'compare', after: null, report: emptyCounts(), counts: NO_COUNTS } as const;
      expect(await ended.build(comparing)).toEqual(GONE);
    }
    const place = new StepsPlace();
    place.state = { ...place.state, phase: 'switching' };
    expect(
      await place.build({ phase: 'compare', after: null, report: emptyCounts(), counts: NO_COUNTS }),
    ).toEqual(GONE);
  });
});
