import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { freshSeed } from '../../helpers/properties.ts';
import type { History } from './history.ts';
import { play } from './play.ts';
import { playSeed } from './schedules.ts';
import { sentencesOf } from './sentences.ts';
import { shrink } from './shrink.ts';
import { Tally } from './tally.ts';

vi.setConfig({ testTimeout: 120_000 });

const REGRESSIONS = join(import.meta.dirname, 'regressions');
const FIXED_SEEDS = 1_500;
const FRESH_SEEDS = 500;
const SHRINK_TRIES = 300;

/** Plays seeds one after the other; a failure is thrown with its smallest history. */
async function playSeeds(from: number, count: number): Promise<Tally> {
  const tally = new Tally();
  for (let seed = from; seed < from + count; seed++) {
    const { failure } = await playSeed(seed, tally);
    if (failure === null) continue;
    const smallest = await shrink(failure.history, SHRINK_TRIES);
    const { violations, trace } = await play(smallest, new Tally(), { isTraced: true });
    throw new Error(
      [`Seed ${seed}:`, ...violations, ...sentencesOf(smallest), ...trace.slice(-40)].join('\n'),
    );
  }
  return tally;
}

describe('the pipeline in a seeded world', () => {
  it('keeps every invariant with the fixed seeds', async () => {
    const { counts } = (await playSeeds(1, FIXED_SEEDS)).toJSON();
    // A world in which nothing goes wrong shows nothing.
    for (const what of [
      'killed',
      'frozen',
      'COMMIT lost after it was done',
      'group shuffled',
      'target: refuses',
    ])
      expect(counts[what], what).toBeGreaterThan(0);
  });

  it('keeps every invariant with fresh seeds', async () => {
    const from = freshSeed(5_000_001);
    console.log(`Fresh seeds from ${from}: npm run simulate -- --from ${from} --seeds ${FRESH_SEEDS}`);
    await playSeeds(from, FRESH_SEEDS);
  });

  it('runs the same way each time', async () => {
    const traceOf = async (seed: number) => {
      const history = JSON.parse(
        readFileSync(join(REGRESSIONS, 'two-elections-at-one-offset.json'), 'utf8'),
      ) as History;
      const { trace } = await play({ ...history, seed }, new Tally(), { isTraced: true });
      return trace;
    };
    expect(await traceOf(1)).toEqual(await traceOf(1));
    expect(await traceOf(1)).not.toEqual(await traceOf(2));
  });
});

describe('a history that once broke something', () => {
  it.each(readdirSync(REGRESSIONS))('keeps every invariant: %s', async (file) => {
    const history = JSON.parse(readFileSync(join(REGRESSIONS, file), 'utf8')) as History;
    const { violations } = await play(history, new Tally());
    expect(violations, sentencesOf(history).join('\n')).toEqual([]);
  });
});
