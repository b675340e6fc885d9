import type { ViewRow, ViewValue } from '../core/domain.ts';
import { messageOf } from '../core/errors.ts';
import { rowFault } from '../pipeline/ingest/unfoldable.ts';
import { arrivalOf, type Dice } from './arrivals.ts';
import type { Law } from './fold-laws.ts';
import type { Finding } from './mistakes.ts';
import type { Subject } from './subject.ts';

/** The row of the state fits the table, and all who say whether it is ready say the same. */
export const showsTheState: Law = (subject, samples) => {
  const { view } = subject.domain;
  let row: ViewRow;
  let isReady: boolean;
  try {
    const shown = subject.shown(subject.stateOf(samples));
    row = shown.row;
    isReady = shown.isReady;
  } catch (error) {
    return { mistake: 'view_throws', what: `The view throws: ${messageOf(error)}.` };
  }
  const fault = rowFault(view, row);
  if (fault !== null)
    return { mistake: 'row_invalid', what: `view.row returned ${JSON.stringify(row)}. ${fault}` };
  const disagreement = disagreementOn(subject, row, isReady);
  if (disagreement !== null) return disagreement;
  const noise = row.find(isNoise);
  if (noise !== undefined)
    return {
      mistake: 'digits_lost',
      what: `The row ${JSON.stringify(row)} shows ${JSON.stringify(noise)}: that is a sum of binary fractions.`,
    };
  return null;
};

function disagreementOn({ domain: { view } }: Subject, row: ViewRow, isReady: boolean): Finding | null {
  const differs = (what: string): Finding => ({ mistake: 'ready_disagrees', what });
  if (typeof isReady !== 'boolean') return differs(`isReady returned ${JSON.stringify(isReady)}.`);
  const place = view.columns.findIndex(({ name }) => name === view.readyColumn);
  if (place !== -1 && row[place] !== isReady)
    return differs(`isReady says ${isReady}, and the column ${view.readyColumn} shows ${row[place]}.`);
  if (view.whyNotReady === undefined) return null;
  try {
    const why = view.whyNotReady(row);
    if ((why === null) !== isReady)
      return differs(
        `isReady says ${isReady}, and whyNotReady says ${why === null ? 'that nothing is missing' : `"${why.because}"`}.`,
      );
    if (why !== null && why.column !== null && !view.columns.some(({ name }) => name === why.column))
      return differs(`whyNotReady names the column "${why.column}", which the view does not have.`);
  } catch (error) {
    return { mistake: 'why_not_ready_throws', what: `whyNotReady throws: ${messageOf(error)}.` };
  }
  return null;
}

/** whyNotReady takes any row of the table, also one that somebody has altered. */
export function takesAlteredRows(subject: Subject, dice: Dice): Finding | null {
  const { view } = subject.domain;
  if (view.whyNotReady === undefined) return null;
  const odd: readonly ViewValue[] = [null, '', 'x', 0, -1, true, false];
  const rows: ViewRow[] = [
    ...odd.map((value) => view.columns.map(() => value)),
    ...Array.from({ length: 20 }, () => view.columns.map(() => arrivalOf(odd, dice)[0]?.[0] ?? null)),
  ];
  for (const row of rows) {
    try {
      view.whyNotReady(row);
    } catch (error) {
      return {
        mistake: 'why_not_ready_throws',
        what: `whyNotReady throws for the altered row ${JSON.stringify(row)}: ${messageOf(error)}.`,
      };
    }
  }
  return null;
}

/** Whether a number looks like 0.30000000000000004: next to a number with few digits, which exact addition would give. */
function isNoise(value: ViewValue): boolean {
  if (typeof value === 'string' && !/^-?\d+\.\d+$/.test(value)) return false;
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const number = Number(value);
  if (!Number.isFinite(number) || Number.isInteger(number)) return false;
  const rounded = Number(number.toPrecision(12));
  return rounded !== number && Math.abs(rounded - number) < Math.abs(number) * 1e-15 * 4;
}
