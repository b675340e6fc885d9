/**
 * Time and randomness. No other port, and nothing in the pipeline, asks the machine for either, so that a
 * seeded twin can drive every wait and repeat every choice.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970-01-01T00:00:00Z. May jump: never use it to put events in sequence. */
  now(): number;
  /**
   * Time for measuring durations, in milliseconds; never jumps. All processes of one machine have the same, until the
   * machine starts again.
   */
  monotonicMs(): number;
  /**
   * Resolves after `ms`, or at once when the signal aborts. Never rejects. With 0 no time passes, but whatever waits
   * for its turn (answers that have arrived, say) has it first.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
  /** A new UUID, version 4. */
  uuid(): string;
}
