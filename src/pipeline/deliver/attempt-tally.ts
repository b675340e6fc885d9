import { DurationHistogram, type DurationTotals } from '../../core/duration-histogram.ts';
import type { DeliveryVerdict } from '../../ports/delivery-target.ts';

/** The first digit of an answer's status, and `none` if there was no answer. */
export const CODE_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

export interface AttemptCount {
  readonly outcome: DeliveryVerdict;
  readonly codeClass: (typeof CODE_CLASSES)[number];
  readonly attempts: number;
}

/** The attempts at one target since the start. */
export interface AttemptsStatus {
  readonly counts: readonly AttemptCount[];
  /** The time from the beginning of a call to its end. A call may carry many states. */
  readonly calls: DurationTotals;
}

/** Counts the attempts at one target by their outcomes, and the time that its calls take. */
export class AttemptTally {
  readonly #counts = new Map<DeliveryVerdict, number[]>();
  readonly #calls = new DurationHistogram();

  /** Counts the outcome of one state. A state that was not sent is no attempt. */
  add(outcome: DeliveryVerdict, status: number | null): void {
    if (outcome === 'unsent' || outcome === 'disowned') return;
    let byClass = this.#counts.get(outcome);
    if (byClass === undefined) {
      byClass = CODE_CLASSES.map(() => 0);
      this.#counts.set(outcome, byClass);
    }
    const index = indexOf(status);
    byClass[index] = (byClass[index] ?? 0) + 1;
  }

  callEnded(durationMs: number): void {
    this.#calls.add(durationMs);
  }

  status(): AttemptsStatus {
    const counts = [...this.#counts].flatMap(([outcome, byClass]) =>
      CODE_CLASSES.flatMap((codeClass, index) => {
        const attempts = byClass[index] ?? 0;
        return attempts === 0 ? [] : [{ outcome, codeClass, attempts }];
      }),
    );
    return { counts, calls: this.#calls.totals() };
  }
}

function indexOf(status: number | null): number {
  if (status === null) return 0;
  const digit = Math.floor(status / 100);
  // A target may answer a number that is no class of HTTP, such as 999.
  return digit >= 1 && digit <= 5 ? digit : 0;
}
