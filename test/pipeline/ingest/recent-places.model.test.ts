import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RecentPlaces } from '../../../src/pipeline/ingest/recent-places.ts';
import { command, holds, passing, sequences } from '../../helpers/properties.ts';

const UNNOTICED_MS = 15_000;

/** Every commit of a partition since it was last forgotten. */
interface Model {
  nowMs: number;
  commits: { readonly atMs: number; readonly offset: bigint }[];
}

/** The commit a second before this one, or else the first one: marks are a second apart. */
function secondBefore(commits: Model['commits'], commit = commits[0]): bigint {
  const earlier = commits.findLast(({ atMs }) => atMs <= (commit?.atMs ?? 0) - 1_000);
  return earlier?.offset ?? commits[0]?.offset ?? 0n;
}

const commands = [
  {
    weight: 3,
    arbitrary: fc.oneof(passing, fc.constantFrom(500, 1_000, 14_999, 15_000, 16_000)).map((ms) =>
      command<Model, RecentPlaces>(`${ms} ms pass`, (model) => {
        model.nowMs += ms;
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.bigInt({ min: 0n, max: 50n }).map((records) =>
      command<Model, RecentPlaces>(`${records} records are committed`, (model, real) => {
        const offset = (model.commits.at(-1)?.offset ?? 100n) + records;
        model.commits.push({ atMs: model.nowMs, offset });
        real.note('a/0', offset, model.nowMs);
      }),
    ),
  },
  fc.constant(
    command<Model, RecentPlaces>('the partition is forgotten', (model, real) => {
      model.commits = [];
      real.forget('a/0');
    }),
  ),
  {
    weight: 3,
    arbitrary: fc.constant(
      command<Model, RecentPlaces>('a look', ({ commits, nowMs }, real) => {
        const before = real.before('a/0', nowMs);
        const last = real.last('a/0');
        expect(real.before('b/0', nowMs)).toBeNull();
        if (commits.length === 0) {
          expect([before, last]).toEqual([null, null]);
          return;
        }
        const offsets = commits.map(({ offset }) => offset);
        expect(offsets).toContain(before);
        // No commit of the last 15 s lies before it, so that none of them is missed.
        const recent = commits.filter(({ atMs }) => atMs > nowMs - UNNOTICED_MS);
        for (const { offset } of recent) expect((before ?? 0n) <= offset).toBe(true);
        // It is a second's commits behind the last one that is 15 s old, so that little is read again.
        const old = commits.findLast(({ atMs }) => atMs <= nowMs - UNNOTICED_MS);
        expect((before ?? 0n) >= secondBefore(commits, old)).toBe(true);
        expect((last ?? 0n) >= secondBefore(commits, commits.at(-1))).toBe(true);
        expect((last ?? 0n) <= (offsets.at(-1) ?? 0n)).toBe(true);
      }),
    ),
  },
];

it('the place before the last 15 s is behind no commit of them, and never unknown once one was noted', () => {
  holds(
    fc.property(sequences(commands, 60), (steps) => {
      fc.modelRun(() => ({ model: { nowMs: 0, commits: [] }, real: new RecentPlaces() }), steps);
    }),
    300,
  );
});
