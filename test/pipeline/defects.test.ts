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

  it('a loop that breaks after its signal does not begin again', async () => {
    const { clock, defects } = place();
    const stopping = new AbortController();
    stopping.abort();
    const loop = () => Promise.reject(BROKEN);
    await supervised('a loop', loop, { defects, clock, signal: stopping.signal });
    expect(defects.status().count).toBe(1);
  });
});
