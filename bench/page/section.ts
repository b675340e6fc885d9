/** Makes the part of docs/performance.md that shows one result. */
import { sentenceOf } from '../lib/bench.ts';
import type { BenchResult, Measure } from '../lib/result.ts';
import { barPlot, type PlottedGroup } from './bar-plot.ts';

/** The words of a section. All figures come from the result. */
export interface SectionText {
  readonly bench: string;
  readonly title: string;
  /** What the bench asks, and how. */
  readonly question: string;
  /** Titles of subjects. A subject without one is shown by its name. */
  readonly subjects?: Readonly<Record<string, string>>;
  readonly programs: Readonly<Record<string, ProgramText>>;
  /** The columns of the table: figures and their headings. */
  readonly figures: Readonly<Record<string, string>>;
  /** The figure that the programs are compared by. Absent if the bench has no peer. */
  readonly compared?: { readonly figure: string; readonly better: 'higher' | 'lower'; readonly ours: string };
  /** The figures that are drawn, each with its heading. */
  readonly plots: Readonly<Record<string, string>>;
}

export interface ProgramText {
  readonly title: string;
  /** What it does, and what it leaves out. */
  readonly does?: string;
  /** It is no peer: nothing can be faster than this, or it is there for scale. */
  readonly isLimit?: boolean;
  /** Why it is better than ours, where it is. */
  readonly why?: string;
}

export interface Section {
  readonly markdown: string;
  /** The plots, by file name. */
  readonly plots: ReadonlyMap<string, string>;
}

export function sectionOf(text: SectionText, result: BenchResult): Section {
  const plots = new Map<string, string>();
  const parts = [`## ${text.title}`, text.question, provenanceOf(result)];
  const described = Object.values(text.programs).filter(({ does }) => does !== undefined);
  if (described.length > 0)
    parts.push(described.map(({ title, does }) => `- **${title}**: ${does}`).join('\n'));
  for (const [figure, heading] of Object.entries(text.plots)) {
    const groups = groupsOf(text, result, figure);
    if (groups.length === 0) continue;
    const file = `${result.bench}-${figure.replaceAll('_', '-')}.svg`;
    plots.set(file, barPlot(heading, groups));
    parts.push(`![${heading}](performance/${file})`);
  }
  parts.push(tableOf(text, result));
  const lost = lossesOf(text, result);
  if (lost.length > 0) parts.push(`What is lost, and to whom:\n\n${lost.join('\n')}`);
  parts.push(barsOf(result));
  if (result.missing.length > 0)
    parts.push(
      `Peers that could not be had:\n\n${result.missing.map(({ peer, reason }) => `- ${peer}: ${reason}`).join('\n')}`,
    );
  return { markdown: parts.join('\n\n'), plots };
}

function provenanceOf({ command, date, machine, versions, facts, commit, is_dirty }: BenchResult): string {
  const { cpu, cores, memory_gib, kernel } = machine;
  const list = (words: Readonly<Record<string, unknown>>) =>
    Object.entries(words)
      .map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`)
      .join(', ');
  const commitWords = is_dirty ? `${commit} with changes` : commit;
  const sizes = Object.keys(facts).length === 0 ? '' : ` Sizes: ${list(facts)}.`;
  return `\`${command}\`, ${date.slice(0, 10)}, commit ${commitWords}, on ${cores} cores of ${cpu} with ${memory_gib} GiB and Linux ${kernel}. Versions: ${list(versions)}.${sizes}`;
}

function titleOf(text: SectionText, program: string): string {
  return text.programs[program]?.title ?? program;
}

function subjectOf(text: SectionText, subject: string): string {
  return text.subjects?.[subject] ?? subject;
}

function groupsOf(text: SectionText, { measures }: BenchResult, figure: string): PlottedGroup[] {
  const drawn = measures.filter((each) => each.figure === figure);
  return [...new Set(drawn.map(({ subject }) => subject))].map((subject) => ({
    label: subjectOf(text, subject),
    bars: drawn
      .filter((each) => each.subject === subject)
      .map(({ program, median, runs }) => ({
        label: titleOf(text, program),
        value: median,
        low: Math.min(...runs),
        high: Math.max(...runs),
        text: written(median),
      })),
  }));
}

/** A row for each program and subject. The compared figure has its range, and ours is shown in times of each peer. */
export function tableOf(text: SectionText, { measures }: BenchResult): string {
  const { compared } = text;
  const figures = Object.keys(text.figures).filter((name) => measures.some(({ figure }) => figure === name));
  const heads = ['What', 'Who', ...figures.map((name) => text.figures[name] ?? name)];
  if (compared !== undefined) heads.push(`${titleOf(text, compared.ours)} beside it`);
  const rows = pairsOf(measures).flatMap(({ subject, program }) => {
    const found = figures.map((name) => find(measures, subject, program, name));
    if (found.every((each) => each === undefined)) return [];
    const cells = found.map((each) =>
      each === undefined ? '' : cellOf(each, each.figure === compared?.figure),
    );
    const row = [subjectOf(text, subject), titleOf(text, program), ...cells];
    if (compared !== undefined) {
      const times = program === compared.ours ? null : timesOf(measures, compared, subject, program);
      row.push(times === null ? '' : `${times.toFixed(2)} times`);
    }
    return [row];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map((_, index) => (index < 2 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

function cellOf({ median, runs }: Measure, hasRange: boolean): string {
  if (!hasRange || runs.length === 1) return written(median);
  return `${written(median)} (${written(Math.min(...runs))} to ${written(Math.max(...runs))})`;
}

function pairsOf(measures: readonly Measure[]): Pick<Measure, 'subject' | 'program'>[] {
  const pairs = new Map(
    measures.map(({ subject, program }) => [`${subject}\0${program}`, { subject, program }]),
  );
  return [...pairs.values()];
}

function find(measures: readonly Measure[], subject: string, program: string, figure: string) {
  return measures.find(
    (each) => each.subject === subject && each.program === program && each.figure === figure,
  );
}

/** Our median in times of the program's; null if one of them was not measured. */
function timesOf(
  measures: readonly Measure[],
  compared: NonNullable<SectionText['compared']>,
  subject: string,
  program: string,
): number | null {
  const ours = find(measures, subject, compared.ours, compared.figure)?.median;
  const theirs = find(measures, subject, program, compared.figure)?.median;
  return ours === undefined || theirs === undefined || theirs === 0 ? null : ours / theirs;
}

function lossesOf(text: SectionText, { measures }: BenchResult): string[] {
  const { compared } = text;
  if (compared === undefined) return [];
  return pairsOf(measures).flatMap(({ subject, program }) => {
    const times = timesOf(measures, compared, subject, program);
    if (times === null || program === compared.ours || text.programs[program]?.isLimit === true) return [];
    if (compared.better === 'higher' ? times >= 1 : times <= 1) return [];
    const why = text.programs[program]?.why ?? 'Why is not known yet.';
    const where = `${subjectOf(text, subject)}: to ${titleOf(text, program)}`;
    return [`- ${where}, ${times.toFixed(2)} times its ${text.figures[compared.figure]}. ${why}`];
  });
}

function barsOf({ bars }: BenchResult): string {
  const missed = bars.filter(({ ok }) => !ok);
  const reached = bars.filter(({ ok }) => ok);
  const list = (each: BenchResult['bars']) => each.map((bar) => `- ${sentenceOf(bar)}`).join('\n');
  const parts: string[] = [];
  if (missed.length > 0) parts.push(`Bars that are missed:\n\n${list(missed)}`);
  if (reached.length > 0) parts.push(`Bars that are reached:\n\n${list(reached)}`);
  return parts.join('\n\n');
}

/** Thousands in groups; small figures with up to three digits. */
function written(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}
