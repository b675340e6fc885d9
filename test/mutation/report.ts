/** What Stryker reports, and what we keep of it. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface ReportedMutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly statusReason?: string;
  readonly location: { readonly start: Place; readonly end: Place };
}

/** The parts that we read of a report in the format of mutation-testing-report-schema. */
export interface Report {
  readonly files: Readonly<
    Record<string, { readonly source: string; readonly mutants: readonly ReportedMutant[] }>
  >;
}

export interface Counts {
  readonly score: number;
  readonly killed: number;
  readonly timeout: number;
  readonly survived: number;
  readonly noCoverage: number;
  /** Mutants of texts of errors and log lines, which are not tested. */
  readonly texts: number;
  /** Mutants of code that runs while a module is loaded, which were not tested. */
  readonly static: number;
  /** Mutants that no test could be run with. They do not count. */
  readonly failed: number;
}

/** A mutant that no test caught, by its lines: these stay when other lines move. */
export interface Survivor {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** The score is the share of killed mutants and timeouts among all that were tested, covered by a test or not. */
export function count(mutants: readonly Pick<ReportedMutant, 'status' | 'statusReason'>[]): Counts {
  const isStatic = ({ status, statusReason = '' }: (typeof mutants)[number]) =>
    status === 'Ignored' && statusReason.includes('ignoreStatic');
  const number = (...statuses: string[]) => mutants.filter(({ status }) => statuses.includes(status)).length;
  const [killed, timeout, survived] = [number('Killed'), number('Timeout'), number('Survived')];
  const noCoverage = number('NoCoverage');
  const tested = killed + timeout + survived + noCoverage;
  return {
    score: tested === 0 ? 100 : Math.floor((10_000 * (killed + timeout)) / tested) / 100,
    killed,
    timeout,
    survived,
    noCoverage,
    texts: number('Ignored') - mutants.filter(isStatic).length,
    static: mutants.filter(isStatic).length,
    failed: number('CompileError', 'RuntimeError', 'Pending'),
  };
}

export function survivorsOf(report: Report): readonly Survivor[] {
  return Object.entries(report.files).flatMap(([file, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants
      .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
      .map((mutant) => ({ file, ...linesOf(lines, mutant) }));
  });
}

const CHARACTERS_MAX = 160;

/** The lines that a mutant changes, before and after, on one line each. */
function linesOf(lines: readonly string[], { location, replacement = '' }: ReportedMutant) {
  const { start, end } = location;
  const before = lines.slice(start.line - 1, end.line);
  const head = (before[0] ?? '').slice(0, start.column - 1);
  const tail = (before.at(-1) ?? '').slice(end.column - 1);
  return { from: onOneLine(before.join(' ')), to: onOneLine(head + replacement + tail) };
}

function onOneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= CHARACTERS_MAX ? line : `${line.slice(0, CHARACTERS_MAX - 1)}…`;
}
