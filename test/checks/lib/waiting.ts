import { setTimeout as sleep } from 'node:timers/promises';

export interface Waiting {
  readonly what: string;
  readonly pauseMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Describes what is there instead, for the error. */
  readonly instead?: () => Promise<string>;
}

/** Calls `ask` until the answer is not undefined. After `timeoutMs` it rejects with an error that names `what`. */
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
      const instead = waiting.instead === undefined ? '' : `. ${await waiting.instead()}`;
      throw new Error(`Timeout: waited ${waiting.timeoutMs / 1_000} s for ${waiting.what}${instead}`);
    }
    await sleep(waiting.pauseMs, undefined, { signal: waiting.signal });
  }
}
