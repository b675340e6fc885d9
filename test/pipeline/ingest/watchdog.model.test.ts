import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TopicPartition } from '../../../src/core/offset.ts';
import { Watchdog } from '../../../src/pipeline/ingest/watchdog.ts';
import { asyncCommand, asyncSequences, holdsInTime } from '../../helpers/properties.ts';

const PARTITIONS: readonly (TopicPartition & { readonly name: string })[] = [0, 1, 2].map((partition) => ({
  topic: 'a',
  partition,
  name: `a/${partition}`,
}));

interface Known {
  committed: bigint;
  end: bigint;
  isOwned: boolean;
  /** The looks in a row that found it where it was, although there was something to do. */
  looks: number;
  /** Whether a look has seen it where it is now. */
  isSeen: boolean;
  /** Whether the last look has seen it as this instance's. */
  isWatched: boolean;
  failure: string | null;
}

interface Commit {
  readonly partitions: readonly number[];
  readonly answer: PromiseWithResolvers<void>;
}

class Model {
  readonly partitions: Known[] = PARTITIONS.map(() => ({
    committed: 10n,
    end: 10n,
    isOwned: true,
    looks: 0,
    isSeen: false,
    isWatched: false,
    failure: null,
  }));
  commits: Commit[] = [];
  reported: string[] = [];

  isCommitting(index: number): boolean {
    return this.commits.some(({ partitions }) => partitions.includes(index));
  }
}

class Real {
  readonly lines: string[] = [];
  readonly watchdog = new Watchdog({ sleep: async () => {} }, (level, message) =>
    this.lines.push(`${level}: ${message}`),
  );
}

const which = fc.nat({ max: PARTITIONS.length - 1 });

const looks = fc.constantFrom(1, 2, 14, 15, 16).map((times) =>
  asyncCommand<Model, Real>(`${times} looks`, async (model, real) => {
    for (let time = 0; time < times; time++) {
      const { partitions } = model;
      real.watchdog.look(
        PARTITIONS.flatMap((partition, index) => {
          const known = partitions[index];
          return known?.isOwned ? [{ ...partition, committed: known.committed }] : [];
        }),
        PARTITIONS.map((partition, index) => ({ ...partition, offset: partitions[index]?.end ?? 0n })),
      );
      partitions.forEach((known, index) => {
        const isWanting = model.isCommitting(index) || known.end > known.committed;
        known.looks = known.isOwned && known.isSeen && isWanting ? known.looks + 1 : 0;
        known.isSeen = known.isOwned;
        if (!known.isOwned && known.isWatched) known.failure = null;
        known.isWatched = known.isOwned;
      });
      const stuck = partitions.flatMap(({ looks }, index) => (looks >= 15 ? [`a/${index}`] : []));
      const found = real.watchdog.stuck();
      expect(found.map(({ name }) => name).sort()).toEqual(stuck);
      for (const { name, reason } of found) {
        const index = Number(name.slice(2));
        const { looks, failure } = partitions[index] as Known;
        expect(reason).toContain(` for ${looks} s`);
        const why = failure ?? (model.isCommitting(index) ? 'does not answer' : 'are not read');
        expect(reason).toContain(why);
      }
      // Each standstill is logged once, and its end too, unless the partition is another instance's by then.
      const begun = stuck.filter((name) => !model.reported.includes(name));
      const ended = model.reported.filter(
        (name) => !stuck.includes(name) && partitions[Number(name.slice(2))]?.isOwned,
      );
      const expected = [
        ...begun.map((name) => `warn: ${name} has not moved`),
        ...ended.map((name) => `info: ${name} moves again`),
      ];
      const lines = real.lines.splice(0);
      expect(lines).toHaveLength(expected.length);
      for (const line of expected) expect(lines.some((each) => each.startsWith(line))).toBe(true);
      model.reported = stuck;
    }
  }),
);

const grows = fc.tuple(which, fc.constantFrom(1n, 5n)).map(([index, records]) =>
  asyncCommand<Model, Real>(`the log has ${records} more records of ${index}`, async ({ partitions }) => {
    const known = partitions[index] as Known;
    known.end += records;
  }),
);

const begins = fc.uniqueArray(which, { minLength: 1 }).map((partitions) =>
  asyncCommand<Model, Real>(`a commit of ${partitions} begins`, async (model, { watchdog }) => {
    const answer = Promise.withResolvers<void>();
    const followed = watchdog.follow(
      partitions.map((index) => PARTITIONS[index] as TopicPartition),
      answer.promise,
    );
    followed.catch(() => undefined);
    model.commits.push({ partitions, answer });
  }),
);

const ends = fc.tuple(fc.nat(), fc.boolean(), fc.boolean()).map(([number, isGood, moves]) =>
  asyncCommand<Model, Real>(
    `commit ${number} ${isGood ? 'is answered' : 'fails'}, moves: ${moves}`,
    async (model) => {
      const [{ partitions, answer }] = model.commits.splice(number % model.commits.length, 1) as [Commit];
      if (isGood) answer.resolve();
      else answer.reject(new Error('it was down'));
      await new Promise((resolve) => setImmediate(resolve));
      for (const index of partitions) {
        const known = model.partitions[index] as Known;
        known.failure = isGood ? null : 'it was down';
        if (!isGood || !moves || known.end === known.committed) continue;
        known.committed = known.end;
        // The next look is the first that sees it here.
        known.isSeen = false;
      }
    },
    ({ commits }) => commits.length > 0,
  ),
);

const isNoted = which.map((index) =>
  asyncCommand<Model, Real>(`${index} waits for a reason`, async ({ partitions }, { watchdog }) => {
    watchdog.note([PARTITIONS[index] as TopicPartition], 'a long history is being read');
    const known = partitions[index] as Known;
    known.failure = 'a long history is being read';
  }),
);

const changesHands = which.map((index) =>
  asyncCommand<Model, Real>(`${index} changes hands`, async ({ partitions }) => {
    const known = partitions[index] as Known;
    known.isOwned = !known.isOwned;
  }),
);

it('the watchdog reports a partition that stands still for fifteen looks, with the reason, and no other', async () => {
  const commands = [
    { weight: 6, arbitrary: looks },
    { weight: 2, arbitrary: grows },
    { weight: 2, arbitrary: begins },
    { weight: 3, arbitrary: ends },
    isNoted,
    changesHands,
  ];
  await holdsInTime(
    fc.asyncProperty(asyncSequences(commands, 30), async (steps) => {
      const [model, real] = [new Model(), new Real()];
      await fc.asyncModelRun(() => ({ model, real }), steps);
    }),
    150,
  );
});
