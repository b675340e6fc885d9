import { describe, expect, it, onTestFinished } from 'vitest';
import { SeededClock } from '../../src/adapters/seeded-clock.ts';
import { DefectError, TributaryError } from '../../src/core/errors.ts';
import { Defects } from '../../src/pipeline/defects.ts';
import { ViewRemaker } from '../../src/pipeline/view-remaker.ts';

const missing = new TributaryError('table_missing', 'The table is missing.');
const forbidden = new TributaryError('table_missing', 'It may not be made.', { retryable: false });

/** A remaker whose tries meet these, one after the other: whether the table was made, or an error. */
function remaking(...tries: (boolean | Error)[]) {
  const clock = new SeededClock({ seed: 1 });
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const lines: string[] = [];
  const seen = { tries: 0, made: 0 };
  const logger = (level: string, message: string) => void lines.push(`${level}: ${message}`);
  const remaker = new ViewRemaker({
    table: 'orders',
    store: {
      remakeView: async () => {
        seen.tries++;
        const next = tries.length > 1 ? tries.shift() : tries[0];
        if (next instanceof Error) throw next;
        return next ?? false;
      },
    },
    clock,
    logger,
    defects: new Defects(clock, logger),
    signal: stopping.signal,
    onMade: async () => void seen.made++,
  });
  return { clock, remaker, lines, seen, stopping };
}

describe('the making of a view that is missing', () => {
  it('begins ten seconds after a missing table was met, once for all who meet it', async () => {
    const { clock, remaker, seen, lines } = remaking(true);
    remaker.failed(missing);
    remaker.failed(missing);
    await clock.advance(9_999);
    expect(seen).toEqual({ tries: 0, made: 0 });
    await clock.advance(1);
    expect(seen).toEqual({ tries: 1, made: 1 });
    expect(lines).toHaveLength(1);
    expect(remaker.trouble).toBeNull();
    remaker.failed(missing);
    await clock.advance(10_000);
    expect(seen).toEqual({ tries: 2, made: 2 });
  });

  it('begins at no other error, and not after a stop', async () => {
    const { clock, remaker, seen, stopping } = remaking(true);
    remaker.failed(new TributaryError('store_busy', 'Busy.'));
    remaker.failed(new Error('A mistake.'));
    await clock.advance(20_000);
    stopping.abort();
    remaker.failed(missing);
    await clock.advance(20_000);
    expect(seen.tries).toBe(0);
  });

  it('finds a table that somebody else has made, and says nothing', async () => {
    const { clock, remaker, seen, lines } = remaking(false);
    remaker.failed(missing);
    await clock.advance(10_000);
    expect([seen, lines]).toEqual([{ tries: 1, made: 0 }, []]);
  });

  it('waits for somebody else where the program may not make it, and says so at intervals', async () => {
    const { clock, remaker, seen, lines } = remaking(...Array.from({ length: 40 }, () => forbidden), false);
    remaker.failed(missing);
    await clock.advance(10_000);
    expect(remaker.trouble).toBe('It may not be made.');
    expect(lines).toEqual(['error: It may not be made.']);
    await clock.advance(29 * 10_000);
    expect(lines).toHaveLength(1);
    await clock.advance(10_000);
    expect(lines).toHaveLength(2);
    await clock.advance(10 * 10_000);
    expect(remaker.trouble).toBeNull();
    expect(lines.at(-1)).toBe('info: The table orders is there again.');
    expect(seen).toEqual({ tries: 41, made: 1 });
  });

  it('gives up at an error that passes, until the missing table is met again', async () => {
    const { clock, remaker, seen, lines } = remaking(new TributaryError('store_unreachable', 'Gone.'), true);
    remaker.failed(missing);
    await clock.advance(40_000);
    expect(seen).toEqual({ tries: 1, made: 0 });
    expect(lines).toEqual(['error: The missing table could not be made again: Gone.']);
    remaker.failed(missing);
    await clock.advance(10_000);
    expect(seen).toEqual({ tries: 2, made: 1 });
  });

  it('goes on after the rest of a defect', async () => {
    const { clock, remaker, seen } = remaking(new DefectError('A mistake.'), true);
    remaker.failed(missing);
    await clock.advance(10_000);
    expect([seen.tries, remaker.trouble]).toEqual([1, 'A mistake.']);
    await clock.advance(120_000);
    expect([seen.made, remaker.trouble]).toEqual([1, null]);
  });

  it('rests after each defect for as long as the defects in a row ask for, and logs nothing more', async () => {
    const clock = new SeededClock({ seed: 1 });
    const stopping = new AbortController();
    const [failures, lines]: [unknown[], string[]] = [[], []];
    const rest = (place: string, _error: unknown, failed: number) => {
      failures.push([place, failed]);
      return 100;
    };
    let tries = 0;
    const remaker = new ViewRemaker({
      table: 'orders',
      store: {
        remakeView: async () => {
          if (++tries < 4) throw new DefectError('A mistake.');
          return true;
        },
      },
      clock,
      logger: (level) => void lines.push(level),
      defects: { rest } as unknown as Defects,
      signal: stopping.signal,
      onMade: async () => {},
    });
    remaker.failed(missing);
    await clock.advance(10_300);
    await remaker.idle();
    expect(failures).toEqual([1, 2, 3].map((failed) => ['the making of the view', failed]));
    expect([tries, lines]).toEqual([4, ['warn']]);
  });

  it('lets its owner wait for the end, and stops with its signal', async () => {
    const { clock, remaker, seen, stopping } = remaking(forbidden);
    await remaker.idle();
    remaker.failed(missing);
    let isIdle = false;
    const idle = remaker.idle().then(() => {
      isIdle = true;
    });
    await clock.advance(25_000);
    expect([seen.tries, isIdle]).toEqual([2, false]);
    stopping.abort();
    await clock.advance(0);
    await idle;
    await clock.advance(60_000);
    expect(seen.tries).toBe(2);
  });
});
