import { describe, expect, it } from 'vitest';
import { compareUtf8 } from '../../../src/core/text.ts';
import { SAMPLE_RUN, sampleRun } from '../../../src/pipeline/verify/sample.ts';
import { seededRandom } from './random-history.ts';

/** A store with these ids, which counts what it is asked. */
function storeOf(given: readonly string[]) {
  const ids = [...given].sort(compareUtf8);
  const store = {
    keysRead: 0,
    async listEntities({ after, limit }: { after: string | null; limit: number }) {
      let from = 0;
      for (let end = after === null ? 0 : ids.length; from < end; ) {
        const middle = (from + end) >> 1;
        if (compareUtf8(ids[middle] as string, after as string) > 0) end = middle;
        else from = middle + 1;
      }
      const page = ids.slice(from, from + limit);
      store.keysRead += page.length;
      return page;
    },
  };
  return store;
}

async function countsOf(ids: readonly string[], runs: number): Promise<Map<string, number>> {
  const store = storeOf(ids);
  const random = seededRandom(7);
  const counts = new Map<string, number>();
  for (let run = 0; run < runs; run++)
    for (const id of (await sampleRun(store, random)).ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

describe('a random run of entities', () => {
  it('gives neighbours behind an id, at most 20, and reads few keys', async () => {
    const ids = Array.from({ length: 20_000 }, (_, index) => `order-${String(index).padStart(6, '0')}`);
    const store = storeOf(ids);
    const { after, ids: run } = await sampleRun(store, seededRandom(3));
    expect(run).toHaveLength(SAMPLE_RUN);
    const first = ids.indexOf(run[0] as string);
    expect(run).toEqual(ids.slice(first, first + SAMPLE_RUN));
    if (first > 0) {
      expect(compareUtf8(after as string, run[0] as string)).toBeLessThan(0);
      expect(compareUtf8(after as string, ids[first - 1] as string)).toBeGreaterThanOrEqual(0);
    }
    expect(store.keysRead).toBeLessThan(2_500);
  });

  it('reaches all parts of evenly spread ids about equally often', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `order-${String(index).padStart(4, '0')}`);
    const counts = await countsOf(ids, 500);
    const thousands = Array.from({ length: 10 }, (_, digit) =>
      [...counts]
        .filter(([id]) => id.startsWith(`order-${digit}`))
        .reduce((sum, [, count]) => sum + count, 0),
    );
    for (const count of thousands) expect(count).toBeGreaterThan(600);
  });

  it('reaches ids of any kind: the beginnings of others, emoji, and the last character', async () => {
    const ids = ['a', 'aa', 'aaa', 'b', 'é', '\uffff', '😀', '😀😀', '\u{10ffff}', 'a\u{10ffff}z', ' '];
    const counts = await countsOf(ids, 300);
    expect([...counts.keys()].sort(compareUtf8)).toEqual([...ids].sort(compareUtf8));
  });

  it('reaches an id with which many others begin, and those others', async () => {
    const others = Array.from({ length: 30 }, (_, index) => `a${index + 10}`);
    const counts = await countsOf(['a', ...others, ...others.map((id) => `b${id}`)], 300);
    expect(counts.get('a')).toBeGreaterThan(10);
    expect(counts.size).toBe(61);
  });

  it('gives nothing of an empty store', async () => {
    expect(await sampleRun(storeOf([]), Math.random)).toEqual({ after: null, ids: [] });
  });
});
