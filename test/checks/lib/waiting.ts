import { setTimeout as sleep } from 'node:timers/promises';

export interface Waiting {
  readonly what: string;
  readonly pauseMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks again and again until the answer is not undefined. Rejects, saying for what it waited, when time is up. */
export async function waitFor<Answer>(
  waiting: Waiting,
  ask: () => Promise<Answer | undefined> | Answer | undefined,
): Promise<Answer> {
  const deadline = performance.now() + waiting.timeoutMs;
  for (;;) {
    waiting.signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) {
      throw new Error(`Waited ${waiting.timeoutMs / 1_000} s in vain for ${waiting.what}`);
    }
    await sleep(waiting.pauseMs, undefined, { signal: waiting.signal });
  }
}
