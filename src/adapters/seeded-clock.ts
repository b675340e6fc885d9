import type { Clock } from '../ports/clock.ts';

export interface SeededClockOptions {
  readonly seed: number;
  /** The wall-clock time at the start, in milliseconds. Default: 2026-01-01T00:00:00Z. */
  readonly startMs?: number;
  /**
   * `by_hand`: time moves only in `advance`. `immediately`: each call of `sleep` moves time on to its end, so that no
   * call waits.
   */
  readonly time?: 'by_hand' | 'immediately';
}

interface Sleeper {
  readonly wakeAtMs: number;
  wake(): void;
}

/**
 * The clock's twin for tests. The same seed and the same calls give the same numbers, UUIDs and ends of sleeps. No real
 * time passes in it.
 *
 * Random numbers come from xoshiro128** (Blackman and Vigna, 2018), its state from the seed by SplitMix32.
 */
export class SeededClock implements Clock {
  readonly #state: Uint32Array;
  readonly #time: 'by_hand' | 'immediately';
  /** Sorted by the moment of waking. Of two sleepers with the same moment, the one that slept first comes first. */
  readonly #sleepers: Sleeper[] = [];
  #wallMs: number;
  #elapsedMs = 0;

  constructor(options: SeededClockOptions) {
    this.#state = stateFromSeed(options.seed);
    this.#time = options.time ?? 'by_hand';
    this.#wallMs = options.startMs ?? Date.UTC(2026, 0, 1);
  }

  /** The number of calls of `sleep` that have not ended. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  /** In how many milliseconds the next sleeper wakes; null if there is none. */
  get nextWakeMs(): number | null {
    const [first] = this.#sleepers;
    return first === undefined ? null : first.wakeAtMs - this.#elapsedMs;
  }

  now(): number {
    return this.#wallMs + Math.floor(this.#elapsedMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    if (ms <= 0) return nextTurn();
    const wakeAtMs = this.#elapsedMs + Math.max(ms, 0);
    if (this.#time === 'immediately') {
      this.#elapsedMs = Math.max(this.#elapsedMs, wakeAtMs);
      return nextTurn();
    }
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        wakeAtMs,
        wake: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const later = this.#sleepers.findIndex((other) => other.wakeAtMs > wakeAtMs);
      this.#sleepers.splice(later === -1 ? this.#sleepers.length : later, 0, sleeper);
    });
  }

  /**
   * Moves time on, and wakes each sleeper at its moment. If a sleeper sleeps again within one turn of the event loop, and
   * that sleep ends within the same time, it wakes once more.
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await nextTurn();
    for (;;) {
      const [first] = this.#sleepers;
      if (first === undefined || first.wakeAtMs > untilMs) break;
      this.#sleepers.shift();
      this.#elapsedMs = Math.max(this.#elapsedMs, first.wakeAtMs);
      first.wake();
      await nextTurn();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  /** Sets the wall clock forward or, by a negative number, back. Durations and sleepers stay as they are. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  random(): number {
    // 53 bits, the most that a number in [0, 1) can have.
    return ((this.#next() >>> 5) * 2 ** 26 + (this.#next() >>> 6)) / 2 ** 53;
  }

  uuid(): string {
    const bytes = Buffer.alloc(16);
    for (let at = 0; at < 16; at += 4) bytes.writeUInt32BE(this.#next(), at);
    // Version 4 and the variant, RFC 9562, section 5.4.
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** 32 random bits, unsigned. */
  #next(): number {
    const state = this.#state;
    const a = state[0] as number;
    const b = state[1] as number;
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const mixedC = (state[2] as number) ^ a;
    const mixedD = (state[3] as number) ^ b;
    state[0] = a ^ mixedD;
    state[1] = b ^ mixedC;
    state[2] = mixedC ^ (b << 9);
    state[3] = rotateLeft(mixedD, 11);
    return result;
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function stateFromSeed(seed: number): Uint32Array {
  let counter = seed | 0;
  return Uint32Array.from({ length: 4 }, () => {
    counter = (counter + 0x9e3779b9) | 0;
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
