import { defectFields, describeDefect } from '../core/errors.ts';
import { type Backoff, fullJitterMs } from '../core/retry.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogField, Logger } from '../ports/logger.ts';
import type { Health } from './sync-health.ts';

/** How long a place rests after a defect. Nothing gets better by haste: only another version mends it. */
export const DEFECT_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** A defect that repeats at one place is told of again after this time. */
const SAY_AGAIN_MS = 10 * 60_000;
/** After its rest a place has this long to fail again, or it counts as working. */
const GRACE_MS = 15_000;
/** The most kinds of defects that are remembered. Of one that was forgotten the log tells once more. */
const KINDS_MAX = 100;
/** The most kinds that `status` lists, the latest first. */
const LISTED_MAX = 20;

export interface DefectsStatus {
  /** Defects met since the start. */
  readonly count: number;
  /** The latest kinds of them, the latest first. */
  readonly latest: readonly {
    readonly place: string;
    readonly what: string;
    readonly times: number;
    /** RFC 3339. */
    readonly lastAt: string;
    /** Whether the place rests because of it. */
    readonly standsStill: boolean;
  }[];
}

interface Kind {
  readonly place: string;
  readonly what: string;
  /** Where in the program it was thrown. */
  readonly frame: string;
  times: number;
  lastAtMs: number;
  saidMs: number;
  /** `times` at the last line of the log. */
  saidTimes: number;
}

/**
 * The defects that the parts of one program have met. Each kind has a line of its own in the log when it is met first,
 * with the stack, and then one line in ten minutes at most, with its number. A defect at one place (a partition, a
 * target, a job) stops that place alone:
 *
 *   works --a defect--> rests, for twice as long each time, up to 60 s --tried again--> works | rests
 */
export class Defects {
  /** For adapters: a line that one of them logs with the code `defect` is counted, and held back if it repeats. */
  readonly logger: Logger;
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs' | 'random'>;
  readonly #logger: Logger;
  /** The kind that was met last comes last. */
  readonly #kinds = new Map<string, Kind>();
  /** By place: until when it counts as standing still. */
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

  /** Something met a defect, was passed over, and nothing stands still. `place` names it in a few words. */
  met(place: string, error: unknown): void {
    const what = describeDefect(error);
    this.#note(place, what, `A defect of Tributary in ${place}: ${what}. Report it with its stack.`, {
      place,
      ...defectFields(error),
    });
  }

  /** The place met a defect, for the `failures`th time in a row. Answers for how long it has to rest now. */
  rest(place: string, error: unknown, failures: number): number {
    const restMs = fullJitterMs(DEFECT_BACKOFF, failures, this.#clock.random());
    const untilMs = this.#clock.monotonicMs() + restMs + GRACE_MS;
    this.#resting.set(place, { what: describeDefect(error), untilMs });
    this.met(place, error);
    return restMs;
  }

  /** The place works again. */
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

  /** Whether no place stands still because of a defect; else which one, and why. */
  health(): Health {
    const [first, ...others] = this.#standing();
    if (first === undefined) return { ok: true };
    const [place, what] = first;
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    return {
      ok: false,
      reason: `A defect of Tributary stops ${place}${more}: ${what}. The log has the stack, to be reported.`,
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
    // The frames below the first one say which turn of a loop it was, and not which mistake.
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
