import type { SharedStatus } from '../../pipeline/status/status.ts';
import type { Clock } from '../../ports/clock.ts';

/** Log and store rest between two questions for 50 times as long as an answer took, and for a time between these two. */
const REST_PER_ANSWER = 50;
const REST_MIN_MS = 1_000;
const REST_MAX_MS = 5_000;
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
  #nextAskMs = Number.NEGATIVE_INFINITY;
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
    if (nowMs >= this.#nextAskMs) this.#asking ??= this.#ask(nowMs);
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
      const answeredMs = this.#clock.monotonicMs();
      const restMs = (answeredMs - askedMs) * REST_PER_ANSWER;
      this.#nextAskMs = answeredMs + Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, restMs));
      this.#asking = null;
    }
  }
}
