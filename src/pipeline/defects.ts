import { defectFields, describeDefect } from '../core/errors.ts';
import { type Backoff, fullJitterMs } from '../core/retry.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogField, Logger } from '../ports/logger.ts';
import type { Health } from './sync-health.ts';

/** The rest of a place after a defect. Haste does not help: only another version corrects a defect. */
export const DEFECT_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** A defect that repeats at one place has at most one log line in this time. */
const SAY_AGAIN_MS = 10 * 60_000;
/** A place counts as working again if it does not fail within this time after its rest. */
const GRACE_MS = 15_000;
/** The most kinds of defects that are remembered. A forgotten kind is logged with its stack again. */
const KINDS_MAX = 100;
/** `status` lists at most this many kinds. */
const LISTED_MAX = 20;

export interface DefectsStatus {
  /** The number of defects since the start. */
  readonly count: number;
  /** The latest kinds of defects, the latest first. */
  readonly latest: readonly {
    readonly place: string;
    readonly what: string;
    readonly times: number;
    /** The time of the last one, by RFC 3339. */
    readonly lastAt: string;
    /** Whether the place stands still because of it. */
    readonly standsStill: boolean;
  }[];
}

interface Kind {
  readonly place: string;
  readonly what: string;
  /** The first line of the stack: where in the program it was thrown. */
  readonly frame: string;
  times: number;
  lastAtMs: number;
  saidMs: number;
  /** The value of `times` at the last log line. */
  saidTimes: number;
}

/**
 * Counts and logs the defects of one program. Each kind has a log line with its stack at first, and then at most one line
 * in ten minutes, with the number of repetitions. A defect stops only the place that it strikes, such as a partition, a
 * target or a job:
 *
 *   working --a defect--> resting for up to 60 s, twice as long each time --tried again--> working or resting
 */
export class Defects {
  /** The logger for adapters. Lines with the code `defect` are counted, and held back if they repeat. */
  readonly logger: Logger;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs' | 'random'>;
  readonly #logger: Logger;
  /** The latest kind comes last. */
  readonly #kinds = new Map<string, Kind>();
  /** The places that stand still, and until when they count as such. */
  readonly #resting = new Map<string, { readonly what: string; readonly untilMs: number }>();
  #count = 0;

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs' | 'random'>, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.logger = (level, message, fields) => {
      if (fields?.code !== 'defect') logger(level, message, fields);
      else this.#note(message, String(fields.stack ?? '').split('\n', 1)[0] ?? '', message, fields);
    };
  }

  /** Counts and logs a defect after which the work goes on. `place` names in a few words what it struck. */
  met(place: string, error: unknown): void {
    const what = describeDefect(error);
    this.#note(place, what, `A defect of Tributary in ${place}: ${what}. Report it with its stack.`, {
      place,
      ...defectFields(error),
    });
  }

  /** Counts and logs a defect that stops the place, the `failures`th in a row. Returns how many milliseconds it has to rest. */
  rest(place: string, error: unknown, failures: number): number {
    const restMs = fullJitterMs(DEFECT_BACKOFF, failures, this.#clock.random());
    const untilMs = this.#clock.monotonicMs() + restMs + GRACE_MS;
    this.#resting.set(place, { what: describeDefect(error), untilMs });
    this.met(place, error);
    return restMs;
  }

  /** Notes that the place works again. */
  passed(place: string): void {
    if (this.#resting.size > 0) this.#resting.delete(place);
  }

  status(): DefectsStatus {
    const standing = this.#standing();
    const latest = [...this.#kinds.values()].reverse().slice(0, LISTED_MAX);
    return {
      count: this.#count,
      latest: latest.map(({ place, what, times, lastAtMs }) => ({
        place,
        what,
        times,
        lastAt: new Date(lastAtMs).toISOString(),
        standsStill: standing.get(place) === what,
      })),
    };
  }

  /** Whether all places work; else which one stands still, and why. */
  health(): Health {
    const [first, ...others] = this.#standing();
    if (first === undefined) return { ok: true };
    const [place, what] = first;
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    return {
      ok: false,
      reason: `A defect of Tributary stops ${place}${more}: ${what}. A log line of level error has the stack to report.`,
    };
  }

  #standing(): Map<string, string> {
    const nowMs = this.#clock.monotonicMs();
    for (const [place, { untilMs }] of this.#resting) if (untilMs <= nowMs) this.#resting.delete(place);
    return new Map([...this.#resting].map(([place, { what }]) => [place, what]));
  }

  #note(
    place: string,
    what: string,
    message: string,
    { stack, ...fields }: Readonly<Record<string, LogField>>,
  ): void {
    this.#count++;
    // The lower frames differ between the turns of a loop, though the mistake is the same.
    const frame = /^ {4}at .*$/m.exec(String(stack))?.[0] ?? '';
    const name = `${place}\n${what}\n${frame}`;
    const isNewStack = ![...this.#kinds.values()].some((kind) => kind.what === what && kind.frame === frame);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#kinds.get(name);
    const kind = known ?? { place, what, frame, times: 0, lastAtMs: 0, saidMs: nowMs, saidTimes: 0 };
    kind.times++;
    kind.lastAtMs = this.#clock.now();
    this.#kinds.delete(name);
    this.#kinds.set(name, kind);
    if (this.#kinds.size > KINDS_MAX) {
      const [oldest = ''] = this.#kinds.keys();
      this.#kinds.delete(oldest);
    }
    if (known === undefined) this.#logger('error', message, isNewStack ? { ...fields, stack } : fields);
    else if (nowMs - kind.saidMs < SAY_AGAIN_MS) return;
    else {
      const times = kind.times - kind.saidTimes;
      this.#logger('error', `Again, ${times} times since the last line: ${message}`, { ...fields, times });
    }
    kind.saidMs = nowMs;
    kind.saidTimes = kind.times;
  }
}
