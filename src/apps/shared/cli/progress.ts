import type { Clock } from '../../../ports/clock.ts';
import type { CliHost } from './spec.ts';

export interface Progress {
  /** Says how many units are done. `total` replaces the total that was given at the start. */
  update(done: number, total?: number | null): void;
  /** Ends the line. May be called twice. */
  stop(): void;
}

export interface ProgressOptions {
  /** What is counted, in the plural: `records`. */
  readonly unit: string;
  /** The number of units in all; null if it is not known. */
  readonly total: number | null;
  readonly clock: Clock;
}

const TERMINAL_INTERVAL_MS = 200;
const PLAIN_INTERVAL_MS = 5_000;

/**
 * Writes the progress of a long command to stderr, with its rate and the time left: on a terminal one line that changes,
 * else a line every 5 s. Writes nothing if the command is quiet.
 */
export function startProgress(
  { host, isQuiet }: { readonly host: Pick<CliHost, 'stderr'>; readonly isQuiet: boolean },
  { unit, total, clock }: ProgressOptions,
): Progress {
  const { stderr } = host;
  if (isQuiet) return { update() {}, stop() {} };
  const isTerminal = stderr.isTTY === true;
  const startedMs = clock.monotonicMs();
  let done = 0;
  let known = total;
  const tell = () => {
    const line = progressLine({ unit, done, total: known, elapsedMs: clock.monotonicMs() - startedMs });
    stderr.write(isTerminal ? `\r\u001b[2K${line}` : `${line}\n`);
  };
  const timer = setInterval(tell, isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS);
  return {
    update(count, newTotal) {
      done = count;
      if (newTotal !== undefined) known = newTotal;
    },
    stop() {
      clearInterval(timer);
      if (isTerminal) stderr.write('\r\u001b[2K');
    },
  };
}

/** One line, as in `1200 of 5000 records (24%), 400/s, 10 s left`. */
export function progressLine({
  unit,
  done,
  total,
  elapsedMs,
}: {
  readonly unit: string;
  readonly done: number;
  readonly total: number | null;
  readonly elapsedMs: number;
}): string {
  const perSecond = done / Math.max(0.001, elapsedMs / 1_000);
  const rate = `${Math.round(perSecond)}/s`;
  if (total === null) return `${done} ${unit}, ${rate}`;
  const percent = total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100));
  const left = perSecond === 0 ? '' : `, ${timeLeft(Math.max(0, total - done) / perSecond)} left`;
  return `${done} of ${total} ${unit} (${percent}%), ${rate}${left}`;
}

function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
