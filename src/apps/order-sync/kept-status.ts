import type { SharedStatus } from '../../pipeline/status/status.ts';
import type { Clock } from '../../ports/clock.ts';

/** Log and store are asked at most once in this time, however often somebody scrapes. */
const ASK_EVERY_MS = 5_000;
/** A scrape waits for an answer for this long. */
const WAIT_MS = 1_000;
/** An older answer is not shown, because it would look like the present state. */
const KEEP_MS = 30_000;

/** The latest answer of log and store, for scrapes that must neither wait for a store that is down nor load one that is up. */
export class KeptStatus {
  readonly #read: () => Promise<SharedStatus>;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly #onDefect: (error: unknown) => void;
  #latest: { readonly askedMs: number; readonly status: SharedStatus } | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(
    read: () => Promise<SharedStatus>,
    clock: Pick<Clock, 'monotonicMs' | 'sleep'>,
    onDefect: (error: unknown) => void,
  ) {
    this.#read = read;
    this.#clock = clock;
    this.#onDefect = onDefect;
  }

  /** Resolves within a second. Null if there is no answer, or an old one alone. Never rejects. */
  async latest(): Promise<SharedStatus | null> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#asking === null && nowMs - this.#askedMs >= ASK_EVERY_MS) {
      this.#askedMs = nowMs;
      this.#asking = this.#ask(nowMs);
    }
    if (this.#asking !== null) {
      const over = new AbortController();
      await Promise.race([this.#asking, this.#clock.sleep(WAIT_MS, over.signal)]);
      over.abort();
    }
    if (this.#latest === null) return null;
    return this.#clock.monotonicMs() - this.#latest.askedMs <= KEEP_MS ? this.#latest.status : null;
  }

  async #ask(askedMs: number): Promise<void> {
    try {
      this.#latest = { askedMs, status: await this.#read() };
    } catch (error) {
      this.#onDefect(error);
    } finally {
      this.#asking = null;
    }
  }
}
