import { describe, expect, it } from 'vitest';
import { watchCoordinator } from '../../../../src/adapters/kafka/group/coordinator-watch.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { eventually } from '../../../contract/event-log-harness.ts';

const timeoutMs = 20_000;

describe('the watch over the coordinator', () => {
  const answers = (script: readonly boolean[]) => {
    let asked = 0;
    let brokenOffAfter: number | undefined;
    const clock = {
      sleep: async () => {
        clock.nowMs += 100;
        await systemClock.sleep(0);
      },
      nowMs: 0,
      monotonicMs: () => clock.nowMs,
    };
    const problems: string[] = [];
    const watch = {
      clock,
      intervalMs: 100,
      patienceMs: 450,
      ask: async () => {
        if (!(script[asked++] ?? true)) throw new Error('silent');
      },
      failed: (error: unknown) => problems.push(String(error)),
      breakOff: () => {
        brokenOffAfter = asked;
      },
    };
    return { watch, problems, asked: () => asked, brokenOffAfter: () => brokenOffAfter };
  };

  it('a watched request is left alone while the coordinator answers', async () => {
    const { watch, asked, brokenOffAfter } = answers([]);
    const isOver = new AbortController();
    const watching = watchCoordinator(watch, isOver.signal);
    await eventually(
      () => asked() >= 20,
      timeoutMs,
      () => 'twenty answers',
    );
    isOver.abort();
    await watching;
    expect(brokenOffAfter()).toBeUndefined();
  });

  it('a watched request is broken off when the coordinator answers again after a silence', async () => {
    const { watch, problems, brokenOffAfter } = answers([true, false, false, true]);
    await watchCoordinator(watch, new AbortController().signal);
    expect(brokenOffAfter()).toBe(4);
    expect(problems).toHaveLength(2);
  });

  it('a watched request is broken off when the coordinator stays silent', async () => {
    const { watch, brokenOffAfter } = answers([true, ...Array.from({ length: 20 }, () => false)]);
    await watchCoordinator(watch, new AbortController().signal);
    expect(brokenOffAfter()).toBe(6);
  });
});
