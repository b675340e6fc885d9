import type { Clock } from '../ports/clock.ts';
import { DEFECT_BACKOFF, type Defects } from './defects.ts';

export interface Supervision {
  readonly defects: Defects;
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly signal: AbortSignal;
}

/**
 * Runs a loop that only its signal ends. If the loop throws, that is a defect. The defect is logged, and the loop begins
 * again after a rest, while the other loops of the program go on. Never rejects. `place` names the loop.
 */
export async function supervised(
  place: string,
  loop: () => Promise<unknown>,
  { defects, clock, signal }: Supervision,
): Promise<void> {
  for (let failures = 1; ; failures++) {
    const begunMs = clock.monotonicMs();
    try {
      await loop();
      return;
    } catch (error) {
      if (clock.monotonicMs() - begunMs > DEFECT_BACKOFF.capMs) failures = 1;
      const restMs = defects.rest(place, error, failures);
      await clock.sleep(restMs, signal);
      if (signal.aborted) return;
    }
  }
}
