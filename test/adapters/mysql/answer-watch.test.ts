import { describe, expect, it } from 'vitest';
import { AnswerWatch } from '../../../src/adapters/mysql/answer-watch.ts';
import { systemClock } from '../../../src/adapters/system-clock.ts';

function watched() {
  const rests: { readonly wake: () => void; isOver: boolean }[] = [];
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const rest = {
        isOver: false,
        wake: () => {
          rest.isOver = true;
          resolve();
        },
      };
      rests.push(rest);
      signal?.addEventListener('abort', rest.wake, { once: true });
    });
  const watch = new AnswerWatch({ ...systemClock, sleep });
  const given: string[] = [];
  const wait = {
    deadlineMs: 500,
    looks: 0,
    giveUp: (error: Error) => given.push(error.message),
    message: (seconds: number) => `No answer in ${seconds} s.`,
  };
  return { watch, rests, given, wait };
}

describe('the watch of answers', () => {
  it('gives up a wait whose deadline has passed', async () => {
    const { watch, rests, given, wait } = watched();
    watch.began(wait);
    for (let look = 0; look < 2; look++) {
      rests.at(-1)?.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(given).toEqual(['No answer in 0.5 s.']);
    expect(rests).toHaveLength(2);
  });

  it('ends its rest when it is stopped, so that no timer keeps the process', async () => {
    const { watch, rests, given, wait } = watched();
    watch.began(wait);
    watch.ended(wait);
    expect(rests.map(({ isOver }) => isOver)).toEqual([false]);
    watch.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(rests.map(({ isOver }) => isOver)).toEqual([true]);
    expect(given).toEqual([]);
  });
});
