import { useRef } from 'react';
import { addSample, ratesOf, type Sample } from './rates.ts';

/** The rates of counts that grow, a second, over the last ten seconds; null before there are two samples. */
export function useRates<Name extends string>(
  counts: Readonly<Record<Name, number>> | undefined,
  atMs: number,
): Readonly<Record<Name, number>> | null {
  const samples = useRef<readonly Sample<Name>[]>([]);
  if (counts !== undefined && (samples.current.at(-1)?.atMs ?? 0) < atMs)
    samples.current = addSample(samples.current, { atMs, counts });
  return ratesOf(samples.current);
}
