import { isDefect } from '../../../core/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { StatusReport } from '../../status/report.ts';
import type { StreamMessage } from './messages.ts';

export interface StatusWatchParts {
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly report: () => Promise<StatusReport>;
  readonly onDefect: (error: unknown) => void;
}

type StatusMessage = Extract<StreamMessage, { kind: 'status' }>;

const EVERY_MS = 1_000;
/** The watch rests at least 4 times as long as the report took, so that a slow log or store is not asked all the time. */
const REST_PER_WORK = 4;
/** The characters of JSON that a listener gets in a second, about. With a thousand partitions a report has 400,000. */
const CHARACTERS_PER_SECOND = 100_000;

/** Makes the status again at most once a second, and tells it if more has changed than its time. */
export class StatusWatch {
  readonly #parts: StatusWatchParts;
  #latest: StatusMessage | null = null;

  constructor(parts: StatusWatchParts) {
    this.#parts = parts;
  }

  /** The last message of this run; null before the first one. */
  get latest(): StatusMessage | null {
    return this.#latest;
  }

  /** Runs until the signal aborts. A report that fails is left out. */
  async run(signal: AbortSignal, send: (message: StatusMessage) => void): Promise<void> {
    const { clock, report, onDefect } = this.#parts;
    this.#latest = null;
    let text = '';
    while (!signal.aborted) {
      const begunMs = clock.monotonicMs();
      try {
        const made = await report();
        if (signal.aborted) return;
        const madeText = JSON.stringify({ ...made, at: '' });
        if (madeText !== text) {
          text = madeText;
          this.#latest = { kind: 'status', report: made };
          send(this.#latest);
        }
      } catch (error) {
        if (isDefect(error)) onDefect(error);
      }
      const tookMs = clock.monotonicMs() - begunMs;
      const forSizeMs = (text.length / CHARACTERS_PER_SECOND) * 1_000;
      if (!signal.aborted) await clock.sleep(Math.max(EVERY_MS, REST_PER_WORK * tookMs, forSizeMs), signal);
    }
  }
}
