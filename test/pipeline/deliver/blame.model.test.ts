import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Blame, type Failure } from '../../../src/pipeline/deliver/blame.ts';
import { command, HandClock, holds, passing, sequences } from '../../helpers/properties.ts';

interface Real {
  readonly clock: HandClock;
  readonly blame: Blame;
}

/** A failed attempt, as the log of everything has it. */
interface Failed {
  readonly entityId: string;
  readonly version: number;
  readonly startedMs: number;
  readonly atMs: number;
  readonly isRefused: boolean;
  readonly othersWereDelivered: boolean;
  /** When the latest call began of which a state had been taken by then. */
  readonly acceptedMs: number;
}

/** Keeps a log of all failures, and answers each question by going through it. */
class Model {
  nowMs = 1_000_000;
  acceptedMs = Number.NEGATIVE_INFINITY;
  /** By entity: its failures at its present version since it was last taken or given up. */
  readonly streaks = new Map<string, Failed[]>();
  /** The failures since a state of any entity was last taken. */
  sinceSuccess: Failed[] = [];
  /** The first attempts, with the weight that each still has. */
  recent: { weight: number; readonly isRefused: boolean }[] = [];
  recentUntilMs = 0;

  /** After each span of 10 s, earlier first attempts count half as much. */
  age(): void {
    if (this.nowMs < this.recentUntilMs) return;
    const spans = 1 + Math.floor((this.nowMs - this.recentUntilMs) / 10_000);
    for (const each of this.recent) each.weight /= 2 ** spans;
    this.recentUntilMs = this.nowMs + 10_000;
  }

  addRecent(states: number, isRefused: boolean): void {
    this.age();
    for (let count = 0; count < states; count++) this.recent.push({ weight: 1, isRefused });
  }

  get areRefusalsCommon(): boolean {
    this.age();
    const sum = (some: readonly { weight: number }[]) =>
      some.reduce((total, { weight }) => total + weight, 0);
    const refused = sum(this.recent.filter(({ isRefused }) => isRefused));
    return refused >= 5 && refused >= sum(this.recent) * 0.2;
  }

  streakOf(entityId: string): readonly Failed[] {
    return this.streaks.get(entityId) ?? [];
  }

  /** Whether the entity's own trouble was proven by one of its failures, or by a success beside a call that hung. */
  isProven(entityId: string): boolean {
    return this.streakOf(entityId).some((failed, index, all) => {
      const before = all[index - 1];
      const mark =
        before === undefined ? Number.POSITIVE_INFINITY : hasHung(before) ? before.startedMs : before.atMs;
      return (
        failed.othersWereDelivered ||
        failed.acceptedMs >= (hasHung(failed) ? Math.min(mark, failed.startedMs) : mark)
      );
    });
  }

  get suspected(): Set<string> {
    const ids = this.sinceSuccess.map(({ entityId }) => entityId);
    return new Set(ids.filter((entityId) => !this.isProven(entityId)));
  }
}

function hasHung({ startedMs, atMs }: Failed): boolean {
  return atMs - startedMs >= 1_000;
}

const ids = fc.constantFrom('a', 'b', 'c');

const failures = fc
  .record({
    entityId: ids,
    isNewer: fc.constantFrom(false, false, false, true),
    tookMs: fc.constantFrom(0, 10, 999, 1_000, 15_000),
    isRefused: fc.boolean(),
    othersWereDelivered: fc.constantFrom(false, false, false, false, true),
    target: fc.constantFrom<Failure['target']>('well', 'well', 'well', 'recovering', 'down'),
  })
  .map(({ entityId, isNewer, tookMs, isRefused, othersWereDelivered, target }) =>
    command<Model, Real>(
      `${entityId} fails after ${tookMs} ms (newer: ${isNewer}, refused: ${isRefused}, others: ${othersWereDelivered}, ${target})`,
      (model, { blame }) => {
        const { nowMs: atMs, acceptedMs } = model;
        const startedMs = atMs - tookMs;
        const before = model.streakOf(entityId);
        const version = (before.at(-1)?.version ?? 1) + (isNewer ? 1 : 0);
        const isRetry = before.length > 0 && !isNewer;
        const failed = { entityId, version, startedMs, atMs, isRefused, othersWereDelivered, acceptedMs };
        const streak = [...(isNewer ? [] : before), failed];
        model.streaks.set(entityId, streak);
        if (isNewer) model.sinceSuccess = model.sinceSuccess.filter((each) => each.entityId !== entityId);
        model.sinceSuccess.push(failed);
        if (!isRetry) model.addRecent(1, isRefused);

        const isProven = model.isProven(entityId);
        const others = [...model.suspected].filter((each) => each !== entityId).length;
        const isTarget =
          !othersWereDelivered &&
          (target === 'down' || (!isProven && (target === 'recovering' || others > 0)));
        const refusals = streak.filter((each) => each.isRefused);
        const refusedBefore = refusals.filter((each) => each !== failed).at(-1);
        const [first] = streak;
        const isConfirmed = isProven
          ? refusedBefore !== undefined && acceptedMs >= refusedBefore.atMs && others === 0
          : refusals.length >= 3 &&
            first !== undefined &&
            first.atMs - first.acceptedMs <= 5_000 &&
            atMs - first.atMs >= 10_000;
        expect(
          blame.failed({
            delivery: { entityId, version, isRetry },
            startedMs,
            isRefused,
            othersWereDelivered,
            target,
          }),
        ).toEqual({
          blames: isTarget ? 'target' : 'state',
          mayPark:
            isRefused && !isTarget && (othersWereDelivered || (isConfirmed && !model.areRefusalsCommon)),
          failures: streak.length,
        });
      },
    ),
  );

const successes = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'x', 'y'), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    fc.constantFrom(0, 10, 2_000, 20_000),
  )
  .map(([taken, isRetry, tookMs]) =>
    command<Model, Real>(`${taken} are taken after ${tookMs} ms (retry: ${isRetry})`, (model, { blame }) => {
      const startedMs = model.nowMs - tookMs;
      blame.accepted(
        taken.map((entityId) => ({ entityId, isRetry })),
        startedMs,
      );
      if (!isRetry) model.addRecent(taken.length, false);
      model.acceptedMs = Math.max(model.acceptedMs, startedMs);
      for (const entityId of taken) model.streaks.delete(entityId);
      model.sinceSuccess = [];
      expect(blame.failingSinceMs).toBeNull();
      expect(blame.hasAccepted).toBe(true);
    }),
  );

const timePasses = fc.oneof(passing, fc.constantFrom(4_000, 6_000, 10_000)).map((ms) =>
  command<Model, Real>(`${ms} ms pass`, (model, { clock }) => {
    clock.nowMs += ms;
    model.nowMs += ms;
  }),
);

const looks = ids.map((entityId) =>
  command<Model, Real>(`a look at ${entityId}`, (model, { blame }) => {
    const streak = model.streakOf(entityId);
    const last = streak.at(-1);
    const version = last?.version ?? 1;
    const mark = last === undefined ? Number.POSITIVE_INFINITY : hasHung(last) ? last.startedMs : last.atMs;
    const isProven = last !== undefined && (model.isProven(entityId) || model.acceptedMs >= mark);
    expect(blame.isProven({ entityId, version })).toBe(isProven);
    expect(blame.isProven({ entityId, version: version + 1 })).toBe(false);
  }),
);

it('the blame falls on whom a log of all failures and successes shows to be the cause', () => {
  const commands = [
    { weight: 8, arbitrary: failures },
    { weight: 3, arbitrary: successes },
    { weight: 3, arbitrary: timePasses },
    looks,
  ];
  holds(
    fc.property(sequences(commands, 60), (steps) => {
      const setup = () => {
        const clock = new HandClock();
        const model = new Model();
        clock.nowMs = model.nowMs;
        return { model, real: { clock, blame: new Blame(clock) } };
      };
      fc.modelRun(setup, steps);
    }),
    600,
  );
});
