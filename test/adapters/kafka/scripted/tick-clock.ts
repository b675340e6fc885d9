import { SeededClock } from '../../../../src/adapters/seeded-clock.ts';

const TICK_MS = 1;
/** Random waits are this part of what they would be. */
const HASTE = 0.3;
/** More sleeps than this that end at once, between two ticks, are a loop that lets nothing else run. */
const SPINS_MAX = 10_000;

/**
 * A clock that moves on by the same step at each tick of a timer, several times as fast as real time. When the machine
 * is busy, ticks come later and its time goes slower, so that no session ends and no wait is over because of that.
 * The wall clock and the timeouts of the client library are real.
 */
export class TickClock extends SeededClock {
  readonly #stepMs: number;
  #timer: NodeJS.Timeout | undefined;
  #spins = 0;
  /** Whether a loop was stopped that would have kept the process from doing anything else. */
  hasSpun = false;

  constructor(seed: number, stepMs = 5) {
    super({ seed });
    this.#stepMs = stepMs;
  }

  override now(): number {
    return Date.now();
  }

  override random(): number {
    return super.random() * HASTE;
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted !== true) return super.sleep(ms, signal);
    if (++this.#spins <= SPINS_MAX) return Promise.resolve();
    this.hasSpun = true;
    return new Promise(() => {});
  }

  start(): this {
    const tick = async (): Promise<void> => {
      this.#spins = 0;
      await this.advance(this.#stepMs);
      if (this.#timer !== undefined) this.#timer = setTimeout(tick, TICK_MS);
    };
    this.#timer = setTimeout(tick, TICK_MS);
    return this;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
