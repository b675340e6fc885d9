import fc from 'fast-check';

/** The seed of the runs that are the same every time. */
const SAME_SEED = 20_260_101;

/** Where every change is tried, a failure has to be one of the change, so nothing is drawn anew there. */
const DRAWS_ANEW = process.env.CI === undefined;

/**
 * Checks the property `numRuns` times from a seed that never changes, and on a developer's machine a quarter as often from
 * a new one. A failure prints its seed and path, by which fast-check repeats it.
 */
export function holds<Values>(property: fc.IProperty<Values>, numRuns: number): void {
  fc.assert(property, { numRuns, seed: SAME_SEED });
  if (DRAWS_ANEW) fc.assert(property, { numRuns: Math.ceil(numRuns / 4) });
}

/** The same for a property that waits. */
export async function holdsInTime<Values>(
  property: fc.IAsyncProperty<Values>,
  numRuns: number,
): Promise<void> {
  await fc.assert(property, { numRuns, seed: SAME_SEED });
  if (DRAWS_ANEW) await fc.assert(property, { numRuns: Math.ceil(numRuns / 4) });
}

/** A seed that is new each time on a developer's machine, and always `kept` where every change is tried. */
export function freshSeed(kept: number): number {
  return DRAWS_ANEW ? 1_000_000 + Math.floor(Math.random() * 1_000_000_000) : kept;
}

/** One thing that a test does to a model and to the real part at once. It compares the two itself. */
export function command<Model extends object, Real>(
  name: string,
  run: (model: Model, real: Real) => void,
  isPossible: (model: Readonly<Model>) => boolean = () => true,
): fc.Command<Model, Real> {
  return { check: isPossible, run, toString: () => name };
}

/** Commands that are drawn `weight` times as often as others. */
export interface Often<Command> {
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<Command>;
}

/** Sequences of up to `most` commands, long ones as often as short ones. */
export function sequences<Model extends object, Real>(
  commands: readonly (fc.Arbitrary<fc.Command<Model, Real>> | Often<fc.Command<Model, Real>>)[],
  most: number,
): fc.Arbitrary<Iterable<fc.Command<Model, Real>>> {
  return fc.commands(commands.flatMap(repeated), { maxCommands: most, size: 'max' });
}

/** The same for commands that wait. */
export function asyncSequences<Model extends object, Real>(
  commands: readonly (fc.Arbitrary<fc.AsyncCommand<Model, Real>> | Often<fc.AsyncCommand<Model, Real>>)[],
  most: number,
): fc.Arbitrary<Iterable<fc.AsyncCommand<Model, Real>>> {
  return fc.commands(commands.flatMap(repeated), { maxCommands: most, size: 'max' });
}

function repeated<Command>(drawn: fc.Arbitrary<Command> | Often<Command>): fc.Arbitrary<Command>[] {
  return 'weight' in drawn ? Array.from({ length: drawn.weight }, () => drawn.arbitrary) : [drawn];
}

/** A command for a real part that has to be waited for. */
export function asyncCommand<Model extends object, Real>(
  name: string,
  run: (model: Model, real: Real) => Promise<void>,
  isPossible: (model: Readonly<Model>) => boolean = () => true,
): fc.AsyncCommand<Model, Real> {
  return { check: isPossible, run, toString: () => name };
}

/** A monotonic clock that moves by hand, and whose random numbers are what the test sets. */
export class HandClock {
  nowMs = 0;
  chance = 0.5;

  monotonicMs(): number {
    return this.nowMs;
  }

  random(): number {
    return this.chance;
  }
}

/** A time that passes: mostly short, now and then far more than any limit. */
export const passing: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 4, arbitrary: fc.integer({ min: 41, max: 3_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 3_001, max: 90_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(3_600_000, 86_400_000, 2 ** 40) },
);

/** A part of a whole. A double of fast-check would nearly always be next to nothing, or next to all. */
export const share: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1),
  fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
);
