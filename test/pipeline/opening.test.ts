import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { TributaryError } from '../../src/core/errors.ts';
import { Defects } from '../../src/pipeline/defects.ts';
import { Opening } from '../../src/pipeline/opening.ts';

const gone = (message = 'Nobody answers.') => new TributaryError('log_unreachable', message);
const refused = new TributaryError('store_refused', 'No.');
const mistake = new TypeError('x is not a function');

function setUp() {
  const clock = new SeededClock({ seed: 1 });
  const stopping = new AbortController();
  const logged: { line: string; fields: object | undefined }[] = [];
  const logger = (level: string, message: string, fields?: object) =>
    void logged.push({ line: `${level}: ${message}`, fields });
  const defects = new Defects(clock, logger);
  const opening = new Opening({ clock, logger, defects, signal: stopping.signal });
  return { clock, stopping, logged, defects, opening };
}

/** A step that meets these errors, one after the other, and works then. */
function stepWith(...errors: unknown[]) {
  const seen = { tries: 0 };
  const step = async () => {
    seen.tries++;
    if (errors.length > 0) throw errors.shift();
    return 'done';
  };
  return { step, seen };
}

describe('a step of the start', () => {
  it('gives what the step gives', async () => {
    const { opening, logged } = setUp();
    expect([opening.waitingFor, opening.code]).toEqual(['not started', null]);
    expect(await opening.untilItWorks(stepWith().step, { hasBegun: false })).toBe('done');
    expect([opening.waitingFor, opening.code, logged]).toEqual(['not started', null, []]);
  });

  it('waits for longer and longer while the step fails, and says why', async () => {
    const { clock, opening, logged } = setUp();
    const { step, seen } = stepWith(...Array.from({ length: 12 }, () => gone()));
    const opened = opening.untilItWorks(step, { hasBegun: false });
    await clock.advance(0);
    expect([opening.waitingFor, opening.code]).toEqual(['Nobody answers.', 'log_unreachable']);
    expect(logged).toEqual([{ line: 'warn: Waiting: Nobody answers.', fields: { attempt: 1 } }]);
    await clock.advance(250);
    expect(seen.tries).toBeGreaterThan(1);
    await clock.advance(120_000);
    expect([await opened, seen.tries]).toEqual(['done', 13]);
  });

  it('logs the reason of a wait when it changes, and once a minute', async () => {
    const { clock, opening, logged } = setUp();
    let reason = 'One.';
    let isGone = true;
    const opened = opening.untilItWorks(
      async () => {
        if (isGone) throw gone(reason);
      },
      { hasBegun: false },
    );
    const lines = () => logged.map(({ line }) => line);
    await clock.advance(45_000);
    expect(lines()).toEqual(['warn: Waiting: One.']);
    await clock.advance(30_000);
    expect(lines()).toEqual(['warn: Waiting: One.', 'warn: Waiting: One.']);
    reason = 'Two.';
    await clock.advance(15_000);
    expect(lines()).toEqual(['warn: Waiting: One.', 'warn: Waiting: One.', 'warn: Waiting: Two.']);
    await clock.advance(40_000);
    expect(lines()).toHaveLength(3);
    isGone = false;
    await clock.advance(20_000);
    await opened;
  });

  it('logs the reason again when exactly a minute has passed', async () => {
    let nowMs = 0;
    const clock = {
      monotonicMs: () => nowMs,
      random: () => 0,
      async sleep() {
        nowMs += 60_000;
      },
    } as unknown as SeededClock;
    const lines: string[] = [];
    const logger = (_level: string, message: string) => void lines.push(message);
    const { signal } = new AbortController();
    const opening = new Opening({ clock, logger, defects: new Defects(clock, logger), signal });
    await opening.untilItWorks(stepWith(gone(), gone()).step, { hasBegun: false });
    expect(lines).toEqual(Array(2).fill('Waiting: Nobody answers.'));
  });

  it('logs the first wait of each step, also if the start waited for the same thing before', async () => {
    const { clock, opening, logged } = setUp();
    for (let step = 0; step < 2; step++) {
      const opened = opening.untilItWorks(stepWith(gone()).step, { hasBegun: true });
      await clock.advance(250);
      await opened;
    }
    expect(logged).toHaveLength(2);
  });

  it('rejects with an error that does not pass, whether other parts work or not', async () => {
    for (const hasBegun of [false, true]) {
      const { opening, logged } = setUp();
      await expect(opening.untilItWorks(stepWith(refused).step, { hasBegun })).rejects.toBe(refused);
      expect([opening.code, logged]).toEqual([null, []]);
    }
  });

  it('rejects with a defect before other parts work', async () => {
    const { opening, defects } = setUp();
    await expect(opening.untilItWorks(stepWith(mistake).step, { hasBegun: false })).rejects.toBe(mistake);
    expect(defects.status().count).toBe(0);
  });

  it('rests after a defect once other parts work, and tells the health of it', async () => {
    const { clock, opening, defects, logged } = setUp();
    const opened = opening.untilItWorks(stepWith(mistake, mistake).step, { hasBegun: true });
    await clock.advance(0);
    expect([opening.waitingFor, opening.code]).toEqual([
      'A defect of Tributary stops the start: TypeError: x is not a function. A log line of level error has the stack to report.',
      'defect',
    ]);
    expect(defects.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('stops the start:'),
    });
    await clock.advance(3_000);
    expect(await opened).toBe('done');
    // The place counts as working at once, without the time in which it could fail again.
    expect(defects.health()).toEqual({ ok: true });
    expect(defects.status().count).toBe(2);
    expect(logged.filter(({ line }) => line.includes('Waiting'))).toEqual([]);
  });

  it('takes an error with a code of the system for one that passes, without a code of its own', async () => {
    const { clock, opening, logged } = setUp();
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const opened = opening.untilItWorks(stepWith(reset).step, { hasBegun: false });
    await clock.advance(250);
    await opened;
    expect([opening.waitingFor, opening.code]).toEqual(['read ECONNRESET', 'unexpected']);
    expect(logged.map(({ line }) => line)).toEqual(['warn: Waiting: read ECONNRESET']);
  });

  it('resolves with nothing once the start is stopped, and makes no step after that', async () => {
    const { clock, stopping, opening } = setUp();
    const { step, seen } = stepWith(gone(), gone());
    const opened = opening.untilItWorks(step, { hasBegun: false });
    await clock.advance(0);
    stopping.abort();
    await clock.advance(0);
    expect([await opened, seen.tries]).toEqual([undefined, 1]);
    expect(await opening.untilItWorks(step, { hasBegun: false })).toBeUndefined();
    expect(seen.tries).toBe(1);
  });
});
