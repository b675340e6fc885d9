import {
  describeDefect,
  type ErrorCode,
  isDefect,
  isRetryable,
  messageOf,
  TributaryError,
} from '../core/errors.ts';
import { type Backoff, fullJitterMs } from '../core/retry.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Defects } from './defects.ts';

export interface OpeningOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defects: Defects;
  readonly signal: AbortSignal;
}

const START_BACKOFF: Backoff = { baseMs: 250, capMs: 10_000 };
/** The name of the start where defects are counted. */
const PLACE = 'the start';
/** The reason for a wait is logged when it changes, and once a minute. */
const WAITING_SAID_EVERY_MS = 60_000;

/** Takes the steps of a start. Each step waits for a part of the system that does not answer yet. */
export class Opening {
  readonly #options: OpeningOptions;
  #waitingFor = 'not started';
  #code: ErrorCode | 'unexpected' | null = null;

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  /** The reason why the start waits, in one sentence. */
  get waitingFor(): string {
    return this.#waitingFor;
  }

  /** The code of the error that the start waits for; null before the first error. */
  get code(): ErrorCode | 'unexpected' | null {
    return this.#code;
  }

  /**
   * Repeats a step until it works. Resolves with undefined if the signal aborts before. Rejects with an error that does not
   * pass by itself. A defect is such an error, unless `hasBegun`: then other parts work already, and go on while this step
   * rests.
   */
  async untilItWorks<Result>(
    step: () => Promise<Result>,
    { hasBegun }: { hasBegun: boolean },
  ): Promise<Result | undefined> {
    const { clock, signal } = this.#options;
    let said = '';
    let saidAtMs = 0;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const result = await step();
        this.#options.defects.passed(PLACE);
        return result;
      } catch (error) {
        if (!isRetryable(error) && !(hasBegun && isDefect(error))) throw error;
        this.#note(error);
        if (isDefect(error)) {
          await clock.sleep(this.#options.defects.rest(PLACE, error, attempt), signal);
          continue;
        }
        if (this.#waitingFor !== said || clock.monotonicMs() - saidAtMs >= WAITING_SAID_EVERY_MS) {
          said = this.#waitingFor;
          saidAtMs = clock.monotonicMs();
          this.#options.logger('warn', `Waiting: ${said}`, { attempt });
        }
        await clock.sleep(fullJitterMs(START_BACKOFF, attempt, clock.random()), signal);
      }
    }
    return undefined;
  }

  #note(error: unknown): void {
    if (isDefect(error)) {
      this.#waitingFor = `A defect of Tributary stops the start: ${describeDefect(error)}. A log line of level error has the stack to report.`;
      this.#code = 'defect';
    } else {
      this.#waitingFor = messageOf(error);
      this.#code = error instanceof TributaryError ? error.code : 'unexpected';
    }
  }
}
