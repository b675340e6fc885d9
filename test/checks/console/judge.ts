/** Compares what the pages show with what the story knows, and keeps the figures. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

/** A page on a busy machine gets this time to show what it has to show. */
const PATIENCE_MS = 15_000;
const ROUND_MS = 80;
/** A change is on the page within this time after its commit. */
const LIVE_MS = 1_000;

export class Judge {
  readonly #tell: (fault: string) => void;
  /** Tells whether a late live update is wrong. Tests measure no times, because they share the machine. */
  readonly #isTimed: boolean;
  readonly #signal: AbortSignal;
  checks = 0;
  readonly faults: string[] = [];
  liveMsMax = 0;

  constructor(options: {
    readonly tell: (fault: string) => void;
    readonly isTimed: boolean;
    readonly signal: AbortSignal;
  }) {
    this.#tell = options.tell;
    this.#isTimed = options.isTimed;
    this.#signal = options.signal;
  }

  same(what: string, answer: unknown, expected: unknown): void {
    this.checks++;
    if (!isDeepStrictEqual(answer, expected)) this.wrong(what, answer, expected);
  }

  /** Asks until the answer is as expected, for at most 15 s. A question that fails is asked again. */
  async soon<Answer>(what: string, ask: () => Promise<Answer>, expected: Answer): Promise<void> {
    this.checks++;
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      this.#signal.throwIfAborted();
      const answer = await ask().catch((error: unknown) => `the question failed: ${String(error)}`);
      if (isDeepStrictEqual(answer, expected)) return;
      if (performance.now() > deadline) return this.wrong(what, answer, expected);
      await sleep(ROUND_MS, undefined, { signal: this.#signal });
    }
  }

  /** The time from a commit until the page showed it. */
  live(what: string, ms: number): void {
    this.checks++;
    this.liveMsMax = Math.max(this.liveMsMax, ms);
    if (this.#isTimed && ms > LIVE_MS) this.wrong(what, `${ms} ms`, `at most ${LIVE_MS} ms`);
  }

  wrong(what: string, answer: unknown, expected: unknown): void {
    const fault = `${what}: ${JSON.stringify(answer)}, expected ${JSON.stringify(expected)}`;
    this.faults.push(fault);
    this.#tell(fault);
  }
}
