import { describe, expect, it } from 'vitest';
import { markAttempts, redriveOf, runsOf } from '../../../src/pipeline/ask/explain/attempts.ts';
import type { Job } from '../../../src/ports/jobs.ts';
import type { StoredAttempt, StoredDelivery } from '../../../src/ports/ledger.ts';

type Given = Partial<StoredAttempt> & { readonly attempt: number };

/** Attempts in the sequence in which they were made, a second apart. */
function latestFirst(...given: readonly (number | Given)[]): StoredAttempt[] {
  return given
    .map(
      (each, index): StoredAttempt => ({
        version: 1,
        attemptedAtMs: index * 1_000,
        deliveryId: 'id',
        verdict: 'park',
        status: 422,
        latencyMs: 1,
        answer: '',
        error: null,
        ...(typeof each === 'number' ? { attempt: each } : each),
      }),
    )
    .reverse();
}

function deliveryOf(facts: Partial<StoredDelivery> = {}): StoredDelivery {
  return {
    target: 'order-mgt',
    entityId: 'a',
    status: 'dead',
    dueVersion: 1,
    deliveredVersion: null,
    attempts: 3,
    nextAttemptAtMs: null,
    dueSinceMs: 0,
    lastStatus: 422,
    lastError: null,
    lastAnswer: null,
    ...facts,
  };
}

/** The numbers in the sequence of time: those that do not count stand in brackets, and | is where the count began again. */
function marks(delivery: StoredDelivery, attempts: readonly StoredAttempt[]): string {
  const marked = markAttempts(delivery, attempts);
  const words = marked.attempts.map(({ attempt, isCounted }) => (isCounted ? `${attempt}` : `(${attempt})`));
  for (const { laterAttempts } of marked.restarts.toReversed()) words.splice(laterAttempts, 0, '|');
  return words.toReversed().join(' ');
}

describe('the attempts of a delivery', () => {
  it('count unless the next one has the same number', () => {
    expect(marks(deliveryOf(), latestFirst(1, 2, 3, 3, 3))).toBe('1 2 (3) (3) 3');
    expect(marks(deliveryOf({ attempts: 1 }), latestFirst(1))).toBe('1');
  });

  it('begin to count from 1 again where a number falls, or 1 follows 1, as after a redrive', () => {
    expect(marks(deliveryOf({ attempts: 2 }), latestFirst(1, 2, 3, 1, 2, 2, 2))).toBe('1 2 3 | 1 (2) (2) 2');
    expect(marks(deliveryOf({ attempts: 1 }), latestFirst(1, 1))).toBe('1 | 1');
    const repaired = [1, { attempt: 2, verdict: 'delivered' }, 2] as const;
    expect(marks(deliveryOf({ attempts: 2 }), latestFirst(...repaired))).toBe('1 2 | 2');
  });

  it('count if a newer version was due before the next attempt', () => {
    const newer = latestFirst(1, 2, { version: 2, attempt: 1 });
    expect(marks(deliveryOf({ dueVersion: 2, attempts: 1 }), newer)).toBe('1 2 1');
  });

  it('tell by the count of the delivery whether the last one counts, and whether it was redriven since', () => {
    const pending = (attempts: number, dueVersion = 1) =>
      deliveryOf({ status: 'pending', attempts, dueVersion });
    expect(marks(pending(2), latestFirst(1, 2, 3))).toBe('1 2 (3)');
    expect(marks(pending(3), latestFirst(1, 2, 3))).toBe('1 2 3');
    expect(marks(pending(0), latestFirst(1, 2, 3))).toBe('1 2 3 |');
    expect(marks(pending(0), latestFirst(1))).toBe('1 |');
    expect(marks(pending(0, 2), latestFirst(1, 2, 3))).toBe('1 2 3');
  });

  it('form one run while the answers are equal, and no run goes over a restart', () => {
    const attempts = latestFirst(1, 2, 2, { attempt: 2, answer: 'no' }, 1, 2);
    const runs = runsOf(markAttempts(deliveryOf({ attempts: 2 }), attempts));
    expect(
      runs.map(({ first, last, times, notCounted }) => [first.attempt, last.attempt, times, notCounted]),
    ).toEqual([
      [1, 2, 2, 0],
      [2, 2, 1, 0],
      [1, 2, 3, 2],
    ]);
  });
});

describe('the redrive that made a delivery due again', () => {
  const job = (facts: Partial<Job>): Job => ({
    jobId: 'job',
    kind: 'redrive',
    state: 'done',
    parameters: { filter: { target: null, entityId: null, lastStatus: 422 } },
    isDryRun: false,
    requestedBy: 'ana',
    reason: '',
    createdAtMs: 100,
    updatedAtMs: 200,
    finishedAtMs: 200,
    progress: {},
    place: null,
    ...facts,
  });
  const between = { laterAttempts: 1, afterMs: 50, beforeMs: 300 };
  const found = (facts: Partial<Job>, restart = between) =>
    redriveOf(deliveryOf(), restart, [job(facts)])?.jobId;

  it('worked between the two attempts, and its filter takes the delivery', () => {
    expect(found({})).toBe('job');
    expect(found({ parameters: { filter: { target: 'order-mgt', entityId: 'a' } } })).toBe('job');
    expect(found({ createdAtMs: 1 })).toBe('job');
  });

  it.each<[string, Partial<Job>]>([
    ['a dry run', { isDryRun: true }],
    ['a job of another kind', { kind: 'verify' }],
    ['a job for another order', { parameters: { filter: { entityId: 'b' } } }],
    ['a job for another target', { parameters: { filter: { target: 'archive' } } }],
    ['a job that ended before', { updatedAtMs: 40 }],
    ['a job that was created later', { createdAtMs: 301 }],
  ])('excludes %s', (_, facts) => {
    expect(found(facts)).toBeUndefined();
  });
});
