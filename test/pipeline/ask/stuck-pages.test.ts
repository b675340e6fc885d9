import { describe, expect, it } from 'vitest';
import { DefectError, TributaryError } from '../../../src/core/errors.ts';
import { listRows, SCANNED_ROWS } from '../../../src/pipeline/ask/list-rows.ts';
import { StuckWatch, type StuckWatchParts } from '../../../src/pipeline/ask/stuck-watch.ts';
import type { ViewPage } from '../../../src/ports/view-rows.ts';

type Parts = StuckWatchParts<unknown, unknown>;
/** The rows of a page, each by what it waits for; or the error at which it cannot be read. */
type Page = { readonly waitFor: readonly string[]; readonly next?: string | null } | Error;

const HOUR_MS = 3_600_000;
const NOW_MS = 10 * HOUR_MS;

const view = {
  columns: [{ name: 'waits' }, { name: 'ready' }],
  readyColumn: 'ready',
  whyNotReady: ([waits]: readonly unknown[]) => (waits === null ? null : { waitsFor: waits }),
};

/** Watches these pages, and stops after as many rests. */
async function watched(
  pages: readonly Page[],
  { workMs = 0, arrivedAtMs = 0, more = {} as Partial<Parts> } = {},
) {
  const stopping = new AbortController();
  const slept: number[] = [];
  const logged: string[] = [];
  const asked: ViewPage[] = [];
  let nowMs = 0;
  const store = {
    async listView(page: ViewPage) {
      asked.push(page);
      nowMs += workMs;
      const given = pages[asked.length - 1] ?? { waitFor: [] };
      if (given instanceof Error) throw given;
      const rows = given.waitFor.map((waits, index) => ({
        entityId: `${asked.length} ${index}`,
        row: [waits, false],
      }));
      return { rows, next: given.next ?? null };
    },
    readLastArrivals: async (ids: readonly string[]) => new Map(ids.map((id) => [id, arrivedAtMs])),
  };
  const watch = new StuckWatch({
    domain: { view },
    store,
    stuckAfterMs: HOUR_MS,
    clock: {
      now: () => NOW_MS,
      monotonicMs: () => nowMs,
      random: () => 0.5,
      async sleep(ms: number) {
        slept.push(ms);
        if (slept.length >= pages.length) stopping.abort();
      },
    },
    logger: (level: string, text: string) => logged.push(`${level} ${text}`),
    ...more,
  } as unknown as Parts);
  const outcome = await watch.run(stopping.signal).catch((error: unknown) => error);
  return { watch, slept, logged, asked, outcome };
}

const many = (count: number, waits: string) => new Array<string>(count).fill(waits);

describe('a pass through the view', () => {
  it('counts over all pages, and puts the most first', async () => {
    const { watch, asked } = await watched([
      { waitFor: ['review', ...many(2, 'payment')], next: 'x' },
      { waitFor: [...many(2, 'payment'), 'review'], next: 'y' },
      { waitFor: many(9, 'order') },
    ]);
    expect(watch.status()).toMatchObject({
      total: 15,
      byEvent: [
        { waitsFor: 'order', entities: 9 },
        { waitsFor: 'payment', entities: 4 },
        { waitsFor: 'review', entities: 2 },
      ],
    });
    expect(asked).toEqual(
      [null, 'x', 'y'].map((after) => ({
        conditions: [{ columns: ['ready'], value: false }],
        after,
        limit: 1_000,
        scan: SCANNED_ROWS,
      })),
    );
  });

  it('leaves out rows that have not waited for long enough', async () => {
    const stuckAt = async (arrivedAtMs: number) =>
      (await watched([{ waitFor: ['payment'] }], { arrivedAtMs })).watch.status()?.total;
    expect(await stuckAt(NOW_MS - HOUR_MS)).toBe(1);
    expect(await stuckAt(NOW_MS - HOUR_MS + 1)).toBe(0);
  });

  it.each([
    [0, 50],
    [1, 50],
    [2, 98],
    [204, 9_996],
    [205, 10_000],
    [9_000, 10_000],
  ])('rests after a page that takes %i ms for %i ms', async (workMs, restMs) => {
    const { slept } = await watched([{ waitFor: [], next: 'x' }, { waitFor: [] }], { workMs });
    expect(slept).toEqual([restMs, 60_000]);
  });

  it('rests longer after each failure, and less again after a page', async () => {
    const gone = new TributaryError('store_unreachable', 'It is gone.');
    const { slept, logged, asked, watch } = await watched([
      { waitFor: ['payment'], next: 'x' },
      gone,
      gone,
      { waitFor: ['payment'], next: 'y' },
      gone,
      { waitFor: [] },
    ]);
    const [, first = 0, second = 0, , third] = slept;
    expect([second > first, third]).toEqual([true, first]);
    expect(asked.map(({ after }) => after)).toEqual([null, 'x', 'x', 'x', 'y', 'y']);
    expect(logged).toEqual(many(3, 'debug The stuck entities could not be counted: It is gone.'));
    expect(watch.status()?.total).toBe(2);
  });

  it('ends at a defect, which its caller reports', async () => {
    const defect = new DefectError('It is broken.');
    const { outcome, slept } = await watched([defect, { waitFor: [] }]);
    expect([outcome, slept]).toEqual([defect, []]);
  });
});

describe('a list of rows by their times', () => {
  it.each([
    [1, 1_000],
    [1_000, 1_000],
    [1_001, 1_001],
  ])('looks at 1,000 rows at least for a page of %i', async (limit, looked) => {
    const limits: number[] = [];
    const store = {
      async listView(page: ViewPage) {
        limits.push(page.limit);
        return { rows: [], next: 'x' };
      },
      readLastArrivals: async () => new Map(),
    };
    const parts = {
      domain: { view },
      store,
      clock: { now: () => NOW_MS },
      targets: [],
      stuckAfterMs: HOUR_MS,
    };
    const query = { conditions: [], delivery: null, isStuck: false, olderThanMs: 0, after: null, limit };
    expect(await listRows(parts as never, query)).toEqual({ rows: [], next: 'x', waiting: 0 });
    await listRows(parts as never, { ...query, olderThanMs: null });
    expect(limits).toEqual([looked, limit]);
  });

  it('goes on behind the last row that it shows, and leaves out rows whose time is not known', async () => {
    const times = new Map([
      ['a', NOW_MS - 5],
      ['b', NOW_MS - 4],
      ['d', NOW_MS - 9],
    ]);
    const store = {
      listView: async () => ({
        rows: ['a', 'b', 'c', 'd'].map((entityId) => ({
          entityId,
          row: [entityId === 'd' ? null : 'payment', false],
        })),
        next: 'end',
      }),
      readLastArrivals: async () => times,
    };
    const parts = { domain: { view }, store, clock: { now: () => NOW_MS }, targets: [], stuckAfterMs: 5 };
    const page = async (more: object) => {
      const query = {
        conditions: [],
        delivery: null,
        isStuck: false,
        olderThanMs: null,
        after: null,
        limit: 2,
        ...more,
      };
      const { rows, next, waiting } = await listRows(parts as never, query);
      return [rows.map(({ entityId }) => entityId), next, waiting];
    };
    expect(await page({ olderThanMs: 4 })).toEqual([['a', 'b'], 'b', 0]);
    expect(await page({ olderThanMs: 5 })).toEqual([['a', 'd'], 'end', 0]);
    expect(await page({ olderThanMs: 5, limit: 1 })).toEqual([['a'], 'a', 0]);
    expect(await page({ isStuck: true })).toEqual([['a'], 'end', 3]);
    expect(await page({ isStuck: true, olderThanMs: 6 })).toEqual([[], 'end', 3]);
  });
});
