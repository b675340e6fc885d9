import { oneLine } from '../core/text.ts';
import type { Verdict } from './faults.ts';
import type { Report } from './run.ts';

/** The report as a table for people: check, verdict and what was seen. Below a fault stand its code and its remedy. */
export function reportText(report: Report): string {
  const { checks } = report;
  const nameWidth = Math.max(...checks.map(({ check }) => check.length));
  const verdictWidth = Math.max(...checks.map(({ verdict }) => verdict.length));
  const indent = ' '.repeat(nameWidth + verdictWidth + 4);
  const lines = checks.flatMap(({ check, verdict, code, seen, remedy }) => {
    const shown = verdict === 'fail' ? 'FAIL' : verdict;
    const first = `${check.padEnd(nameWidth)}  ${shown.padEnd(verdictWidth)}  ${oneLine(seen)}`;
    return code === null ? [first] : [first, `${indent}-> ${code}: ${remedy}`];
  });
  return [...lines, '', summaryOf(report)].join('\n');
}

function summaryOf({ checks, orderIdPrefix }: Report): string {
  const count = (verdict: Verdict) => checks.filter((line) => line.verdict === verdict).length;
  return (
    `${count('pass')} passed, ${count('fail')} failed, ${count('warn')} warned, ` +
    `${count('not checked')} not checked; test orders begin with ${orderIdPrefix}`
  );
}
