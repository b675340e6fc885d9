/** A moment in UTC without milliseconds that are zero, as in `2026-11-22 10:00:00.250`. */
export function utcText(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toISOString().replace('T', ' ').replace('Z', '').replace('.000', '');
}

/** The moment on the clock of this machine; only the time if it is today. */
export function localText(iso: string, nowMs: number): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return new Date(nowMs).toDateString() === date.toDateString() ? time : `${day} ${time}`;
}

/** The distance from now, in one unit, as in `4 min ago` or `in 20 s`. */
export function relativeText(iso: string, nowMs: number): string {
  const ms = Date.parse(iso) - nowMs;
  if (Number.isNaN(ms)) return '';
  const span = spanText(Math.abs(ms) / 1_000);
  if (Math.abs(ms) < 1_000) return 'now';
  return ms < 0 ? `${span} ago` : `in ${span}`;
}

const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
];

/** A span of time in the largest unit that it fills: `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function spanText(seconds: number): string {
  for (const [unit, length] of UNITS) if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  if (seconds >= 10 || Number.isInteger(seconds)) return `${Math.floor(seconds)} s`;
  return `${Math.round(seconds * 10) / 10} s`;
}

/** Milliseconds as people read them: `0.8 ms`, `42 ms`, `1.3 s`. */
export function latencyText(ms: number): string {
  if (ms >= 1_000) return spanText(ms / 1_000);
  return ms < 10 ? `${Math.round(ms * 10) / 10} ms` : `${Math.round(ms)} ms`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
