import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../src/core/errors.ts';
import { followHold, HoldWatch } from '../../src/pipeline/holds.ts';
import { PartitionHolds } from '../../src/pipeline/ingest/partition-holds.ts';
import { type Hold, type HoldPart, partName } from '../../src/ports/holds.ts';
import { asyncCommand, asyncSequences, holdsInTime } from '../helpers/properties.ts';

const PARTS: readonly HoldPart[] = [
  { kind: 'ingest' },
  { kind: 'topic', topic: 'a' },
  { kind: 'partition', topic: 'a', partition: 0 },
  { kind: 'partition', topic: 'b', partition: 1 },
  { kind: 'target', target: 'a' },
];
const PARTITIONS = new Map(
  ['a/0', 'a/1', 'b/0', 'b/1'].map((name) => [
    name,
    { topic: name.charAt(0), partition: Number(name.charAt(2)) },
  ]),
);

/** What operators have decided, as the store has it. */
class Model {
  holds: readonly Hold[] = [];
  /** The number of decisions. */
  decisions = 0;
  isDown = false;
  latencyMs = 0;
  /** The time that taking partitions out of their lanes takes. */
  applyMs = 0;

  isHeld(name: string): boolean {
    const { topic, partition } = PARTITIONS.get(name) ?? { topic: '', partition: -1 };
    return this.holds.some(
      ({ part }) =>
        part.kind === 'ingest' ||
        (part.kind === 'topic' && part.topic === topic) ||
        (part.kind === 'partition' && part.topic === topic && part.partition === partition),
    );
  }

  get heldPartitions(): string[] {
    return [...PARTITIONS.keys()].filter((name) => this.isHeld(name));
  }
}

class Real {
  readonly clock = new SeededClock({ seed: 13 });
  readonly stopping = new AbortController();
  readonly watch: HoldWatch;
  readonly holds: PartitionHolds;
  readonly running: Promise<unknown>;
  isPaused = false;
  /** The answers of the store, with the number of decisions that each of them knows. */
  readonly answers = new WeakMap<readonly Hold[], number>();
  #known = 0;
  /** The partitions that were taken out of their lanes, by the last call that did so. */
  applied: string[] = [];
  applying = 0;

  constructor(model: Model) {
    const { clock } = this;
    const store = {
      listHolds: async () => {
        // The answer is as old as the question.
        const { decisions, isDown } = model;
        const holds = [...model.holds];
        await clock.sleep(model.latencyMs);
        if (isDown) throw new TributaryError('store_unreachable', 'Nobody is there.');
        this.answers.set(holds, decisions);
        return holds;
      },
    };
    this.watch = new HoldWatch(store, clock, () => undefined);
    this.holds = new PartitionHolds(this.watch);
    const rests = (isPaused: boolean) => () => {
      this.isPaused = isPaused;
    };
    followHold({ pause: rests(true), goOn: rests(false) }, 'a', this.watch);
    const apply = async () => {
      expect(this.applying++, 'changes at the same time').toBe(0);
      const held = this.holds.among(PARTITIONS).map(({ name }) => name);
      await clock.sleep(model.applyMs);
      this.applied = held;
      this.applying--;
    };
    const { signal } = this.stopping;
    this.running = Promise.all([this.watch.run(signal), this.holds.follow(apply, signal)]);
  }

  /** No answer that comes late brings back what was decided before. */
  expectNothingOld(): void {
    const known = this.answers.get(this.watch.list()) ?? 0;
    expect(known).toBeGreaterThanOrEqual(this.#known);
    this.#known = known;
  }
}

/** Lets time pass in small steps, so that whatever takes several turns has had them. */
async function pass(real: Real, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    await real.clock.advance(Math.min(left, 100));
    real.expectNothingOld();
  }
}

const decisions = fc.tuple(fc.nat({ max: PARTS.length - 1 }), fc.boolean()).map(([index, isHeld]) => {
  const part = PARTS[index] as HoldPart;
  return asyncCommand<Model, Real>(`${partName(part)} is ${isHeld ? 'held' : 'released'}`, async (model) => {
    const others = model.holds.filter((hold) => partName(hold.part) !== partName(part));
    model.decisions++;
    model.holds = isHeld ? [...others, { part, heldBy: 'ops', reason: 'a', heldAtMs: 0 }] : others;
  });
});

const looksNow = fc.constantFrom(1, 2).map((times) =>
  asyncCommand<Model, Real>(`${times} looks are asked for`, async (_, { watch }) => {
    for (let time = 0; time < times; time++) void watch.lookOrSay();
  }),
);

const storeChanges = fc
  .tuple(fc.constantFrom(false, false, false, true), fc.constantFrom(0, 1, 700, 2_500))
  .map(([isDown, latencyMs]) =>
    asyncCommand<Model, Real>(
      `the store is down: ${isDown}, answers after ${latencyMs} ms`,
      async (model) => {
        Object.assign(model, { isDown, latencyMs });
      },
    ),
  );

const lanesChange = fc.constantFrom(0, 5, 1_500).map((applyMs) =>
  asyncCommand<Model, Real>(`taking out takes ${applyMs} ms`, async (model) => {
    model.applyMs = applyMs;
  }),
);

const timePasses = fc
  .constantFrom(1, 100, 999, 1_000, 4_000)
  .map((ms) => asyncCommand<Model, Real>(`${ms} ms pass`, async (_, real) => pass(real, ms)));

it('instances follow the latest decisions, however slow the store and the lanes are', async () => {
  const commands = [
    { weight: 5, arbitrary: decisions },
    { weight: 2, arbitrary: looksNow },
    storeChanges,
    lanesChange,
    { weight: 5, arbitrary: timePasses },
  ];
  await holdsInTime(
    fc.asyncProperty(asyncSequences(commands, 25), async (steps) => {
      const model = new Model();
      const real = new Real(model);
      await fc.asyncModelRun(() => ({ model, real }), steps);
      model.isDown = false;
      // The looks that are asked for, the one under way, the next one, and what follows from each.
      await pass(real, 40_000);
      expect(real.applied).toEqual(model.heldPartitions);
      for (const [name, partition] of PARTITIONS) {
        expect(real.holds.has(partition)).toBe(model.isHeld(name));
        expect(real.watch.ofPartition(partition) !== null).toBe(model.isHeld(name));
      }
      expect(real.holds.hasAll).toBe(model.holds.some(({ part }) => part.kind === 'ingest'));
      const isPaused = model.holds.some(({ part }) => part.kind === 'target');
      expect([real.isPaused, real.watch.ofTarget('b')]).toEqual([isPaused, null]);
      real.stopping.abort();
      await pass(real, 5_000);
      await real.running;
      expect(real.clock.sleepers).toBe(0);
    }),
    60,
  );
});
