import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../ports/clock.ts';

/** The longest delay of a timer of Node. A longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Makes the monotonic time the same for all processes of the machine: the leases of the SQLite store use it. */
const STARTED_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The machine's own clock and randomness. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => STARTED_MS + performance.now(),
  sleep: async (ms, signal) => {
    if (ms <= 0) return nextTurn();
    let leftMs = ms;
    while (leftMs > LONGEST_TIMER_MS && signal?.aborted !== true) {
      await sleepOnce(LONGEST_TIMER_MS, signal);
      leftMs -= LONGEST_TIMER_MS;
    }
    await sleepOnce(leftMs, signal);
  },
  random: () => Math.random(),
  uuid: () => randomUUID(),
};

/**
 * The timer keeps the process alive until it fires. An abort clears it, so that it keeps no process alive whose loops have
 * stopped.
 */
function sleepOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
