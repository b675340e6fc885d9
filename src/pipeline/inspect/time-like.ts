import type { JsonValue } from '../../core/domain.ts';
import { parseKeepingNumbers } from '../../core/json-exact.ts';
import { parseRfc3339 } from '../../core/time.ts';
import { timeText } from '../decode/source/time-text.ts';
import { type Leaf, ownNamesOf } from './leaves.ts';
import { namesTime } from './words.ts';

/** Times that a program of our days writes, as numbers of any unit: from 2001 to 2052, in seconds. */
const NUMBERS_OF_TIMES = { from: 1e9, to: 2.6e9 };

/** Whether the value may be a time. A number is one only if its name says so: amounts and codes are as large. */
export function isTimeLike(value: JsonValue, leaf: Pick<Leaf, 'names'>): boolean {
  if (Array.isArray(value))
    return timeText(parseKeepingNumbers(JSON.stringify(value), 'all'), 'jackson') !== null;
  if (typeof value === 'string' && parseRfc3339(value) !== null) return true;
  if (typeof value === 'string' && timeText(value, 'local-utc') !== null) return true;
  if (typeof value === 'string' && value.startsWith('/Date('))
    return timeText(value, 'milliseconds') !== null;
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value));
  if (!isNumber || !ownNamesOf(leaf).some(namesTime)) return false;
  const { from, to } = NUMBERS_OF_TIMES;
  return [1, 1e3, 1e6, 1e9].some((unit) => Number(value) >= from * unit && Number(value) <= to * unit);
}
