import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TopicPartition } from '../../../src/core/offset.ts';
import { Troubles } from '../../../src/pipeline/ingest/troubles.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';

const BACKOFF = { baseMs: 200, capMs: 5_000 };
const PARTITIONS: readonly TopicPartition[] = [
  { topic: 'a', partition: 0 },
  { topic: 'a', partition: 1 },
  { topic: 'b', partition: 0 },
];

interface Real {
  readonly clock: HandClock;
  readonly troubles: Troubles;
}

interface Failure {
  readonly reason: string;
  readonly atMs: number;
  /** The pause that was given; null if the backoff decides. */
  readonly pauseMs: number | null;
}

/** The failures of each partition since it last worked. */
type Model = { nowMs: number; failures: Failure[][] };

const some = fc.uniqueArray(fc.nat({ max: PARTITIONS.length - 1 }), { minLength: 1 });
const named = (indexes: readonly number[]) => indexes.map((index) => PARTITIONS[index] as TopicPartition);

const commands = [
  fc.oneof(passing, fc.constant(200)).map((ms) =>
    command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
      clock.nowMs += ms;
      model.nowMs += ms;
    }),
  ),
  {
    weight: 3,
    arbitrary: fc
      .tuple(some, fc.constantFrom('it is down', 'it is slow'), fc.constantFrom(null, null, null, 0, 60_000))
      .map(([indexes, reason, pauseMs]) =>
        command<Model, Real>(`${indexes} fail: ${reason}, pause ${pauseMs}`, (model, { troubles }) => {
          const most = troubles.note(named(indexes), reason, pauseMs ?? undefined);
          for (const index of indexes) model.failures[index]?.push({ reason, atMs: model.nowMs, pauseMs });
          expect(most).toBe(Math.max(...indexes.map((index) => model.failures[index]?.length ?? 0)));
        }),
      ),
  },
  some.map((indexes) =>
    command<Model, Real>(`${indexes} work again`, (model, { troubles }) => {
      troubles.forget(named(indexes));
      for (const index of indexes) model.failures[index] = [];
    }),
  ),
  fc.constantFrom(0, 0.4, 1 - 2 ** -53).map((chance) =>
    command<Model, Real>(`random numbers are ${chance}`, (_, { clock }) => {
      clock.chance = chance;
    }),
  ),
  {
    weight: 3,
    arbitrary: fc.constant(
      command<Model, Real>('a look', (model, { troubles }) => {
        PARTITIONS.forEach((partition, index) => {
          const failures = model.failures[index] ?? [];
          const last = failures.at(-1);
          expect(troubles.failures(partition)).toBe(failures.length);
          expect(troubles.reason(partition)).toBe(last?.reason ?? null);
          if (last === undefined) {
            expect(troubles.dueAtMs(partition)).toBe(Number.NEGATIVE_INFINITY);
            return;
          }
          const pauseMs = troubles.dueAtMs(partition) - last.atMs;
          if (last.pauseMs !== null) expect(pauseMs).toBe(last.pauseMs);
          else {
            const limitMs = Math.min(BACKOFF.capMs, BACKOFF.baseMs * 2 ** (failures.length - 1));
            expect(pauseMs).toBeGreaterThanOrEqual(0);
            expect(pauseMs).toBeLessThan(limitMs);
          }
        });
      }),
    ),
  },
];

it('a partition is tried again by its own failures alone', () => {
  holds(
    fc.property(sequences(commands, 50), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        const model: Model = { nowMs: 0, failures: PARTITIONS.map(() => []) };
        return { model, real: { clock, troubles: new Troubles(BACKOFF, clock) } };
      };
      fc.modelRun(setup, steps);
    }),
    200,
  );
});
