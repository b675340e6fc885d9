/** Counts at one time. */
export interface Sample<Name extends string> {
  readonly atMs: number;
  readonly counts: Readonly<Record<Name, number>>;
}

const WINDOW_MS = 10_000;

/** The samples of the window, and the last one before it. A count that fell says that the program was started again. */
export function addSample<Name extends string>(
  samples: readonly Sample<Name>[],
  sample: Sample<Name>,
): readonly Sample<Name>[] {
  const last = samples.at(-1);
  const fell =
    last !== undefined &&
    Object.entries(last.counts).some(([name, count]) => sample.counts[name as Name] < (count as number));
  if (fell) return [sample];
  const from = samples.findLastIndex(({ atMs }) => atMs <= sample.atMs - WINDOW_MS);
  return [...samples.slice(Math.max(0, from)), sample];
}

/** The increase of each count in a second; null before there are two samples. */
export function ratesOf<Name extends string>(
  samples: readonly Sample<Name>[],
): Readonly<Record<Name, number>> | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const seconds = (last.atMs - first.atMs) / 1_000;
  const entries = Object.entries<number>(last.counts).map(([name, count]) => [
    name,
    Math.max(0, count - first.counts[name as Name]) / seconds,
  ]);
  return Object.fromEntries(entries) as Record<Name, number>;
}
