import { describe, expect, it } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { DefectError, defectFields } from '../../src/core/errors.ts';
import { Defects } from '../../src/pipeline/defects.ts';
import { supervised } from '../../src/pipeline/supervised.ts';
import type { LogField } from '../../src/ports/logger.ts';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, LogField>>;
}

function place() {
  const clock = new SeededClock({ seed: 1 });
  const lines: Line[] = [];
  const defects = new Defects(clock, (level, message, fields = {}) => lines.push({ level, message, fields }));
  return { clock, lines, defects };
}

const BROKEN = new TypeError('x is not a function');

describe('Defects', () => {
  it('the first line has the stack, and repetitions are counted in one line every ten minutes', async () => {
    const { clock, lines, defects } = place();
    for (let second = 0; second < 601; second++) {
      defects.met('the sweep of crm', BROKEN);
      await clock.advance(1_000);
    }
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
    expect(lines[0]).toMatchObject({
      message: expect.stringContaining('TypeError: x is not a function'),
      fields: {
        code: 'defect',
        place: 'the sweep of crm',
        stack: expect.stringContaining('defects.test.ts'),
      },
    });
    expect(lines[1]?.message).toMatch(/^Again, 600 times since the last line: /);
    expect(lines[1]?.fields).toMatchObject({ code: 'defect', times: 600 });
    expect(lines[1]?.fields).not.toHaveProperty('stack');
    expect(defects.status().count).toBe(601);
  });

  it('every place that one defect strikes is named, and the stack is written once', () => {
    const { lines, defects } = place();
    for (const partition of [0, 1, 2]) defects.met(`partition order_events/${partition}`, BROKEN);
    expect(lines.map(({ fields }) => fields.place)).toEqual([
      'partition order_events/0',
      'partition order_events/1',
      'partition order_events/2',
    ]);
    expect(lines.filter(({ fields }) => fields.stack !== undefined)).toHaveLength(1);
  });

  it('the health is bad while a place rests, and good once the place works again', async () => {
    const { clock, defects } = place();
    expect(defects.health()).toEqual({ ok: true });
    defects.rest('partition order_events/3', BROKEN, 1);
    defects.rest('deliveries to crm', BROKEN, 1);
    expect(defects.health()).toEqual({
      ok: false,
      reason:
        'A defect of Tributary stops partition order_events/3 (and 1 more): TypeError: x is not a function. ' +
        'A log line of level error has the stack to report.',
    });
    defects.passed('partition order_events/3');
    expect(defects.health()).toMatchObject({ reason: expect.stringContaining('stops deliveries to crm:') });
    expect(defects.status().latest).toMatchObject([
      { place: 'deliveries to crm', standsStill: true, times: 1, lastAt: '2026-01-01T00:00:00.000Z' },
      { place: 'partition order_events/3', standsStill: false },
    ]);
    await clock.advance(60_000);
    expect(defects.health()).toEqual({ ok: true });
  });

  it('the rest of a place grows with each failure, up to a minute', () => {
    const { defects } = place();
    const rests = Array.from({ length: 200 }, (_, index) => defects.rest('a job', BROKEN, index + 1));
    expect(Math.max(...rests.slice(0, 1))).toBeLessThanOrEqual(1_000);
    expect(Math.max(...rests)).toBeGreaterThan(30_000);
    expect(Math.max(...rests)).toBeLessThanOrEqual(60_000);
  });

  it('a defect that an adapter logs is counted, and its repetitions are held back', () => {
    const { lines, defects } = place();
    for (let time = 0; time < 5; time++)
      defects.logger('error', 'The listener failed on assigned.', defectFields(BROKEN));
    defects.logger('warn', 'The coordinator does not answer.', { group: 'stock' });
    expect(lines.map(({ message }) => message)).toEqual([
      'The listener failed on assigned.',
      'The coordinator does not answer.',
    ]);
    expect(defects.status()).toMatchObject({
      count: 5,
      latest: [{ what: 'TypeError: x is not a function' }],
    });
  });

  it('each line of repetitions counts those since the line before', async () => {
    const { clock, lines, defects } = place();
    for (let minute = 0; minute <= 20; minute++) {
      defects.met('the sweep of crm', BROKEN);
      await clock.advance(60_000);
    }
    expect(lines.map(({ fields }) => fields.times)).toEqual([undefined, 10, 10]);
    expect(lines[2]?.message).toMatch(
      /^Again, 10 times since the last line: A defect of Tributary in the sweep/,
    );
  });

  it('a place stands still for its rest and for 15 s more, until it is known that it works', async () => {
    const { clock, defects } = place();
    const restMs = defects.rest('a job', BROKEN, 3);
    await clock.advance(restMs + 14_999);
    expect(defects.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('stops a job: Type'),
    });
    await clock.advance(1);
    expect(defects.health()).toEqual({ ok: true });
  });

  it('only the defect that stops a place stands still there', () => {
    const { defects } = place();
    defects.rest('a job', BROKEN, 1);
    defects.met('a job', new DefectError('Another one.'));
    defects.passed('another job');
    expect(defects.status().latest).toMatchObject([
      { what: expect.stringContaining('Another one.'), standsStill: false },
      { what: 'TypeError: x is not a function', standsStill: true },
    ]);
  });

  it('one defect that is thrown at two places of the program has two stacks in the log', () => {
    const { lines, defects } = place();
    const at = (frame: string, message = 'x is no y') => {
      const error = new TypeError(message);
      error.stack = `TypeError: ${message}\n    at ${frame}\n    at last (c.ts:3:3)`;
      return error;
    };
    for (const error of [at('one (a.ts:1:1)'), at('two (b.ts:2:2)'), at('one (a.ts:1:1)', 'z is no y')])
      defects.met('a job', error);
    for (const frame of ['one (a.ts:1:1)', 'two (b.ts:2:2)'])
      defects.met('a job', at(frame, 'lost    at sea'));
    expect(lines.map(({ fields }) => String(fields.stack).includes('last'))).toEqual(Array(5).fill(true));
    expect(defects.status().latest).toHaveLength(5);
    defects.met('another job', at('two (b.ts:2:2)'));
    expect(lines.at(-1)?.fields).not.toHaveProperty('stack');
  });

  it('a defect of an adapter is named by the first line of its stack, if it has one', () => {
    const { lines, defects } = place();
    defects.logger('error', 'The listener failed.', { code: 'defect', group: 'stock' });
    defects.logger('info', 'The group is complete.');
    expect(defects.status()).toMatchObject({
      count: 1,
      latest: [{ place: 'The listener failed.', what: '' }],
    });
    expect(lines).toMatchObject([
      { level: 'error', message: 'The listener failed.', fields: { code: 'defect', group: 'stock' } },
      { level: 'info', message: 'The group is complete.' },
    ]);
  });

  it('the kind that was met last is listed first', () => {
    const { defects } = place();
    for (const where of ['one', 'two', 'one']) defects.met(where, BROKEN);
    expect(defects.status().latest.map(({ place: named, times }) => [named, times])).toEqual([
      ['one', 2],
      ['two', 1],
    ]);
  });

  it('the oldest of a hundred kinds is still remembered', () => {
    const { defects, lines } = place();
    for (let kind = 0; kind < 100; kind++) defects.met(`place ${kind}`, BROKEN);
    defects.met('place 0', BROKEN);
    expect(lines).toHaveLength(100);
  });

  it('a hundred kinds are remembered at most', () => {
    const { defects, lines } = place();
    const meet = (kind: number) => defects.met(`place ${kind}`, new DefectError(`Kind ${kind}.`));
    for (let kind = 0; kind < 1_000; kind++) meet(kind);
    expect(lines).toHaveLength(1_000);
    expect(defects.status()).toMatchObject({ count: 1_000, latest: { length: 20 } });
    // The oldest one was forgotten, and not the latest.
    for (const kind of [999, 0]) meet(kind);
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)?.message).toContain('Kind 0.');
  });
});

describe('a supervised loop', () => {
  it('a loop that a defect breaks begins again after a rest, and its signal ends it', async () => {
    const { clock, lines, defects } = place();
    const stopping = new AbortController();
    let beginnings = 0;
    const running = supervised(
      'the watch of the checkpoints',
      async () => {
        beginnings++;
        if (beginnings < 4) throw BROKEN;
        await clock.sleep(1e9, stopping.signal);
      },
      { defects, clock, signal: stopping.signal },
    );
    await clock.advance(10);
    expect(defects.health().ok).toBe(false);
    await clock.advance(60_000);
    expect(beginnings).toBe(4);
    expect(defects.health()).toEqual({ ok: true });
    stopping.abort();
    await running;
    expect(lines).toHaveLength(1);
    expect(defects.status().count).toBe(3);
  });

  it.each([
    [10, [1, 2, 3]],
    [60_000, [1, 2, 3]],
    [60_001, [1, 1, 1]],
  ])('a loop that breaks after %i ms counts its failures in a row: %j', async (lastsMs, expected) => {
    const { clock } = place();
    const stopping = new AbortController();
    const failures: number[] = [];
    const rest = (_place: string, _error: unknown, failed: number) => {
      failures.push(failed);
      if (failures.length === 3) stopping.abort();
      return 5;
    };
    const running = supervised(
      'a loop',
      async () => {
        await clock.sleep(lastsMs);
        throw BROKEN;
      },
      { defects: { rest } as unknown as Defects, clock, signal: stopping.signal },
    );
    for (let turn = 0; turn < 3; turn++) await clock.advance(lastsMs + 5);
    await running;
    expect(failures).toEqual(expected);
  });

  it('a loop that ends by itself is not begun again', async () => {
    const { clock, defects } = place();
    let beginnings = 0;
    const loop = async () => void beginnings++;
    await supervised('a loop', loop, { defects, clock, signal: new AbortController().signal });
    expect([beginnings, defects.status().count]).toEqual([1, 0]);
  });

  it('a loop that breaks after its signal does not begin again', async () => {
    const { clock, defects } = place();
    const stopping = new AbortController();
    stopping.abort();
    const loop = () => Promise.reject(BROKEN);
    await supervised('a loop', loop, { defects, clock, signal: stopping.signal });
    expect(defects.status().count).toBe(1);
  });
});
