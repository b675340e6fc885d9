/**
 * Gives the time and random numbers. No other port and nothing in the pipeline asks the machine for either, so that a
 * seeded twin can drive every wait and repeat every choice.
 */
export interface Clock {
  /**
   * The wall-clock time in milliseconds since 1970-01-01T00:00:00Z. It may jump, so it never decides the sequence of
   * events.
   */
  now(): number;
  /**
   * A time for measuring durations, in milliseconds. It never jumps, and all processes of one machine see the same
   * until the machine restarts.
   */
  monotonicMs(): number;
  /**
   * Resolves after `ms`, or at once when the signal aborts. Never rejects. With 0 ms it only lets callbacks run that
   * are ready, such as those of answers that have arrived.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A random number from 0 to below 1. */
  random(): number;
  /** A new UUID of version 4. */
  uuid(): string;
}
