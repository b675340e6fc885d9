import { randomUUID } from 'node:crypto';
import type { Clock } from '../../ports/clock.ts';

/** The machine's own time and randomness. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done);
    });
  },
  random: () => Math.random(),
  uuid: () => randomUUID(),
};
