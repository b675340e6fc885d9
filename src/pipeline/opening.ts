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
/** What the start is called where defects are counted. */
const PLACE = 'the start';
/** A reason to wait is logged when it changes, and once a minute. */
const WAITING_SAID_EVERY_MS = 60_000;

/** The steps of a start, each of which waits for a part that is not there yet. */
export class Opening {
  readonly #options: OpeningOptions;
  #waitingFor = 'not started';
  #code: ErrorCode | 'unexpected' | null = null;

  constructor(options: OpeningOptions) {
    this.#options = options;
  }

  /** What the start waits for, in one sentence. */
  get waitingFor(): string {
    return this.#waitingFor;
  }

  /** The error's code of that; null before the first step has failed. */
  get code(): ErrorCode | 'unexpected' | null {
    return this.#code;
  }

  /**
   * Takes a step again and again until it works, or until the signal. Rejects with an error that no waiting mends. A
   * defect is one, unless `hasBegun`: then parts of the program are at work already, and go on while this step rests.
   */
  async untilItWorks(step: () => Promise<void>, { hasBegun }: { hasBegun: boolean }): Promise<void> {
    const { clock, signal } = this.#options;
    let said = '';
    let saidAtMs = 0;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await step();
        this.#options.defects.passed(PLACE);
        return;
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
  }

  #note(error: unknown): void {
    if (isDefect(error)) {
      this.#waitingFor = `A defect of Tributary stops the start: ${describeDefect(error)}. The log has the stack, to be reported.`;
      this.#code = 'defect';
    } else {
      this.#waitingFor = messageOf(error);
      this.#code = error instanceof TributaryError ? error.code : 'unexpected';
    }
  }
}
