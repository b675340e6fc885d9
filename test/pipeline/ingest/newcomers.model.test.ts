import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Newcomers } from '../../../src/pipeline/ingest/newcomers.ts';
import { command, holds, sequences } from '../../helpers/properties.ts';

interface Model {
  /** The unknown entities since the last one that existed, or the last wrong guess. All of them were new. */
  newInARow: number;
  wrongGuesses: number;
}

const looks = fc
  .tuple(fc.constantFrom(1, 100, 2_500, 9_999, 10_000, 40_000, 3_000_000), fc.constantFrom(0, 0, 0, 1, 100))
  .map(([asked, found]) =>
    command<Model, Newcomers>(`${found} of ${asked} entities existed`, (model, real) => {
      real.looked(asked, Math.min(asked, found));
      model.newInARow = found === 0 ? model.newInARow + asked : 0;
    }),
  );

const isRefused = fc.constantFrom(1, 1, 1, 11).map((times) =>
  command<Model, Newcomers>(`${times} batches with guesses are refused`, (model, real) => {
    for (let time = 0; time < times; time++) real.refused();
    model.newInARow = 0;
    model.wrongGuesses += times;
  }),
);

const asks = fc.constant(
  command<Model, Newcomers>('the next entity is guessed about', (model, real) => {
    const needed = 10_000 * Math.min(1_024, 2 ** model.wrongGuesses);
    expect(real.areAssumed).toBe(model.newInARow >= needed);
  }),
);

it('an entity is taken for new after ten thousand new ones in a row, and twice as many after each wrong guess', () => {
  holds(
    fc.property(
      sequences([{ weight: 4, arbitrary: looks }, isRefused, { weight: 3, arbitrary: asks }], 40),
      (steps) => {
        fc.modelRun(() => ({ model: { newInARow: 0, wrongGuesses: 0 }, real: new Newcomers() }), steps);
      },
    ),
    300,
  );
});
