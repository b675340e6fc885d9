import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { combinedHealth, type Health, StoreHealth, summaryOf } from '../../src/pipeline/sync-health.ts';

const OK: Health = { ok: true };
const bad = (reason: string): Health => ({ ok: false, reason });
const well = { store: OK, ingest: OK, deliveries: [OK, OK], viewTrouble: null, defects: OK };

describe('the health of all parts together', () => {
  it('all is well if every part is', () => {
    expect(combinedHealth(well)).toEqual({ ok: true });
  });

  it.each([
    ['store', { store: bad('S.') }, 'S.', 'database: not reachable'],
    ['ingest', { ingest: bad('I.') }, 'I.', 'reading: stands still'],
    ['one target', { deliveries: [OK, bad('D.')] }, 'D.', 'delivery: stands still'],
    ['view', { viewTrouble: 'V.' }, 'V.', 'database: the view is missing'],
    ['program', { defects: bad('P.') }, 'P.', 'program: a defect'],
  ])('names the part that fails, without its details: %s', (_, part, reason, summary) => {
    expect(combinedHealth({ ...well, ...part })).toEqual({ ok: false, reason, summary });
  });

  it('every part that fails is named, a missing view first', () => {
    const all = { ...well, store: bad('S.'), ingest: bad('I.'), deliveries: [bad('D.'), bad('E.')] };
    expect(combinedHealth({ ...all, viewTrouble: 'V.', defects: bad('P.') })).toEqual({
      ok: false,
      reason: 'V. S. I. D. E. P.',
      summary:
        'database: the view is missing; database: not reachable; reading: stands still; delivery: stands still; program: a defect',
    });
  });
});

describe('the health of the store', () => {
  it('one request serves all who ask before it answers, and a new one those after that', async () => {
    const clock = new SeededClock({ seed: 1 });
    const answers: ((health: Health) => void)[] = [];
    const store = { health: () => new Promise<Health>((resolve) => answers.push(resolve)) };
    const health = new StoreHealth(store, clock);
    const asked = [health.ask(), health.ask()];
    expect(answers).toHaveLength(1);
    answers[0]?.(bad('Gone.'));
    expect(await Promise.all(asked)).toEqual([bad('Gone.'), bad('Gone.')]);
    const again = health.ask();
    expect(answers).toHaveLength(2);
    answers[1]?.(OK);
    expect(await again).toEqual(OK);
    await clock.advance(0);
    expect(clock.sleepers).toBe(0);
  });

  it('a store without an answer is unhealthy after five seconds, and the request stays the same', async () => {
    const clock = new SeededClock({ seed: 1 });
    let requests = 0;
    const store = {
      health: () => {
        requests++;
        return new Promise<Health>(() => {});
      },
    };
    const health = new StoreHealth(store, clock);
    const asked = health.ask();
    await clock.advance(4_999);
    expect(clock.sleepers).toBe(1);
    await clock.advance(1);
    expect(await asked).toEqual(bad('The store has not answered for 5 s.'));
    const again = health.ask();
    await clock.advance(5_000);
    expect(await again).toMatchObject({ ok: false });
    expect(requests).toBe(1);
  });
});

describe('a start that waits', () => {
  it.each([
    [null, 'not started'],
    ['log_unreachable', 'event log: not reachable'],
    ['store_unreachable', 'database: not reachable'],
    ['topic_missing', 'event log: a topic is missing'],
    ['store_busy', 'waiting: store_busy'],
    ['unexpected', 'waiting: unexpected'],
  ] as const)('says what it waits for after %s: %s', (code, summary) => {
    expect(summaryOf(code)).toBe(summary);
  });
});
