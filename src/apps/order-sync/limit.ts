import { TributaryError } from '../../core/errors.ts';
import type { CommandInput } from '../shared/cli/spec.ts';

/** The number of `--limit`, or `fallback` without it. */
export function limitFrom({ options }: CommandInput, fallback: number): number {
  if (options.limit === undefined) return fallback;
  if (!/^[1-9]\d{0,8}$/.test(String(options.limit)))
    throw new TributaryError('usage', 'Give --limit a whole number from 1.');
  return Number(options.limit);
}
